//! Bandits without observations: counts and sums of every arm, and a [`Rule`] that says which arm to pull.
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::Result,
    online::{Here, Lesson, Method, Offered, Transition},
};
use envs::{rng::Stream, space::RowMut};

/// What makes one bandit differ from another.
pub trait Rule: Send + Sync {
    /// The arm to pull, of those on offer.
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, draws: &mut Stream) -> usize;
    /// What it expects of `arm`.
    fn value(&self, tally: &Tally, arm: usize) -> f64 {
        if tally.count[arm] == 0 { f64::NEG_INFINITY } else { tally.mean(arm) }
    }
    /// The arm that it would pull without exploring, of those on offer.
    fn best(&self, tally: &Tally, offer: Offered<'_>) -> usize {
        offer.highest(tally.arms(), |arm| self.value(tally, arm))
    }
    /// Learns what the tally does not hold.
    fn credit(&mut self, _arm: usize, _reward: f64) {}
    /// What it has learnt beside the tally.
    fn tensors(&self) -> Tensors {
        Tensors::new()
    }
    /// Takes over what [`tensors`](Rule::tensors) returned.
    ///
    /// # Errors
    /// When a tensor is missing or has another size.
    fn restore(&mut self, _saved: &Tensors) -> Result<()> {
        Ok(())
    }
}

/// How often every arm was pulled, and what it brought.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Pulls of each arm.
    pub count: Vec<u64>,
    /// Sum of the rewards of each arm.
    pub sum: Vec<f64>,
    /// Pulls of all arms.
    pub total: u64,
}

impl Tally {
    /// Nothing known of `arms` arms.
    pub fn new(arms: usize) -> Self {
        Tally { count: vec![0; arms], sum: vec![0.0; arms], total: 0 }
    }
    /// Number of arms.
    pub fn arms(&self) -> usize {
        self.count.len()
    }
    /// Mean reward of `arm`; 0 before its first pull.
    pub fn mean(&self, arm: usize) -> f64 {
        if self.count[arm] == 0 { 0.0 } else { self.sum[arm] / self.count[arm] as f64 }
    }
}

/// A rule with its tally.
pub(crate) struct Arms<R> {
    pub(crate) rule: R,
    pub(crate) tally: Tally,
}

impl<R: Rule> Arms<R> {
    pub(crate) fn new(rule: R, arms: usize) -> Self {
        Arms { rule, tally: Tally::new(arms) }
    }

    pub(crate) fn pull(&mut self, offer: Offered<'_>, draws: &mut Stream) -> usize {
        self.rule.pull(&self.tally, offer, draws)
    }

    pub(crate) fn best(&self, offer: Offered<'_>) -> usize {
        self.rule.best(&self.tally, offer)
    }

    pub(crate) fn credit(&mut self, arm: usize, reward: f64) -> Lesson {
        // Before its first pull an arm has no value that could be wrong.
        let value = if self.tally.count[arm] == 0 { reward } else { self.rule.value(&self.tally, arm) };
        self.tally.count[arm] += 1;
        self.tally.sum[arm] += reward;
        self.tally.total += 1;
        self.rule.credit(arm, reward);
        Lesson { value, error: reward - value }
    }

    pub(crate) fn tensors(&self) -> Tensors {
        let mut tensors = self.rule.tensors();
        tensors.insert("count".into(), Tensor::U64(self.tally.count.clone()));
        tensors.insert("sum".into(), Tensor::F64(self.tally.sum.clone()));
        tensors
    }

    pub(crate) fn restore(&mut self, saved: &Tensors) -> Result<()> {
        let arms = self.tally.arms();
        self.tally.count = taken!(saved, U64, "count", arms)?.to_vec();
        self.tally.sum = taken!(saved, F64, "sum", arms)?.to_vec();
        self.tally.total = self.tally.count.iter().sum();
        self.rule.restore(saved)
    }
}

/// One arm for each discrete action.
pub struct Items<R>(Arms<R>);

impl<R: Rule> Items<R> {
    /// `rule` over `actions` arms.
    pub fn new(rule: R, actions: usize) -> Self {
        Items(Arms::new(rule, actions))
    }
}

impl<R: Rule> Method for Items<R> {
    fn explore(&mut self, mut here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.0.pull(here.offer, &mut here.draws) as u32;
        Ok(())
    }
    fn exploit(&self, _: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.0.best(offer) as u32;
        Ok(())
    }
    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        Ok(self.0.credit(transition.action.items[0] as usize, f64::from(transition.reward)))
    }
    fn tensors(&self) -> Tensors {
        self.0.tensors()
    }
    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.0.restore(saved)
    }
}
