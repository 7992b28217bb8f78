//! What every agent that learns from each transition at once is made of: rows, random numbers, checkpoints. Beside it an
//! agent is a [`Method`]: how it chooses, and what it makes of a transition.
//!
//! All rows choose by what was known before the step; then their transitions are taken in, in the order of the rows.
//! With one row, the default of these agents, that is the published sequential algorithm. They need no device.
use crate::{
    agent::{Agent, Policy, Progress, Update},
    checkpoint::{Tensor, Tensors, taken},
    error::{Error, Result, setting},
};
use envs::{
    Actions, Shape, Slot, Spec, Stage,
    rng::{Domain, Purpose, Rng, Stream},
    space::{Row, RowMut},
};
use std::ops::Range;

/// What makes one online learner differ from another.
pub trait Method: Send + Sync {
    /// Chooses for one row, as long as it learns.
    ///
    /// # Errors
    /// When it cannot read the observation.
    fn explore(&mut self, here: Here<'_>, action: RowMut<'_>) -> Result<()>;
    /// Chooses without exploring.
    ///
    /// # Errors
    /// When it cannot read the observation.
    fn exploit(&self, observation: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()>;
    /// Takes in what an action brought.
    ///
    /// # Errors
    /// When it cannot read an observation.
    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson>;
    /// Thinks, after the transitions of vector step `step` have been taken in.
    fn plan(&mut self, _step: u64) {}
    /// Probability of a random action in vector step `step`.
    fn epsilon(&self, _step: u64) -> f64 {
        0.0
    }
    /// All that it has learnt.
    fn tensors(&self) -> Tensors;
    /// Takes over what [`tensors`](Method::tensors) returned.
    ///
    /// # Errors
    /// When a tensor is missing or has another size.
    fn restore(&mut self, saved: &Tensors) -> Result<()>;
}

/// Where a choice is made.
pub struct Here<'a> {
    /// The row.
    pub row: usize,
    /// Vector steps before this one.
    pub step: u64,
    /// What is observed.
    pub observation: &'a [f32],
    /// What may be chosen.
    pub offer: Offered<'a>,
    /// Random numbers of this row and step.
    pub draws: Stream,
}

/// One step of one row.
#[derive(Clone, Copy)]
pub struct Transition<'a> {
    /// The row.
    pub row: usize,
    /// What was observed.
    pub observation: &'a [f32],
    /// What was done.
    pub action: Row<'a>,
    /// What it brought.
    pub reward: f32,
    /// What was observed then.
    pub next: &'a [f32],
    /// What might be chosen then.
    pub next_offer: Offered<'a>,
    /// Whether the episode went on.
    pub stage: Stage,
}

/// Which of the discrete actions may be chosen: what the field `action_mask` of an observation says, or all.
#[derive(Clone, Copy, Debug)]
pub struct Offered<'a>(&'a [f32]);

impl<'a> Offered<'a> {
    /// All.
    pub const ALL: Offered<'static> = Offered(&[]);

    /// What the part `mask` of `observation` says; all without such a part.
    pub(crate) fn seen(observation: &'a [f32], mask: Option<&Range<usize>>) -> Self {
        Offered(mask.map_or(&[], |mask| &observation[mask.clone()]))
    }
    /// Whether nothing says that an action is not on offer.
    pub fn is_all(self) -> bool {
        self.0.is_empty()
    }
    /// Whether `action` is on offer.
    pub fn has(self, action: usize) -> bool {
        self.0.get(action).is_none_or(|open| *open == 1.0)
    }
    /// The action of `count` with the greatest value of those on offer, the lowest of equals; the first of them where none has
    /// a value. What is not on offer is not asked for its value.
    pub(crate) fn highest(self, count: usize, mut value: impl FnMut(usize) -> f64) -> usize {
        let open = || (0..count).filter(|action| self.has(*action));
        let mut best = (open().next().unwrap_or(0), f64::NEG_INFINITY);
        for action in open() {
            let value = value(action);
            if value > best.1 {
                best = (action, value);
            }
        }
        best.0
    }
    /// Any of the actions of `count` that are on offer, each equally likely.
    pub(crate) fn any(self, count: usize, draws: &mut Stream) -> usize {
        let open = || (0..count).filter(|action| self.has(*action));
        let chosen = draws.below(open().count() as u32) as usize;
        open().nth(chosen).unwrap_or(0)
    }
}

/// What a transition taught.
#[derive(Clone, Copy)]
pub struct Lesson {
    /// Value of the action before.
    pub value: f64,
    /// By how much it was wrong.
    pub error: f64,
}

/// An agent that learns online by the method `M`.
pub struct Online<M> {
    method: M,
    rng: Rng,
    /// Where an observation says which actions are on offer.
    mask: Option<Range<usize>>,
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
    /// What was observed and done before the step that filled the slot.
    before: Vec<f32>,
    chosen: Actions,
    steps: u64,
    updates: u64,
    /// Mean squared error and mean value of the last vector step.
    summary: [f64; 2],
}

impl<M: Method> Online<M> {
    /// An agent for a world of `rows` rows.
    pub(crate) fn build(method: M, rows: usize, spec: &Spec, seed: u64) -> Result<Self> {
        if spec.rows != rows {
            return Err(setting("rows", rows, &format!("equal to the world's {} rows", spec.rows)));
        }
        Ok(Online {
            method,
            rng: Rng::new(seed, Domain::Agent),
            mask: spec.field("action_mask"),
            observation: vec![0.0; rows * spec.observation],
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
            before: vec![0.0; rows * spec.observation],
            chosen: Actions::new(rows, spec.width),
            steps: 0,
            updates: 0,
            summary: [0.0; 2],
        })
    }
}

/// Row `row` of a matrix whose rows are `width` long.
fn part(numbers: &[f32], row: usize, width: usize) -> &[f32] {
    &numbers[row * width..][..width]
}

impl<M: Method> Policy for Online<M> {
    fn slot(&mut self) -> Slot<'_> {
        Slot { observation: &mut self.observation, reward: &mut self.reward, stage: &mut self.stage }
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.before.copy_from_slice(&self.observation);
        let width = self.before.len() / self.stage.len();
        // A row whose episode is over starts the next one, whatever is chosen.
        for row in (0..self.stage.len()).filter(|row| !self.stage[*row].is_last()) {
            let address = self.rng.at(row as u32, (self.steps >> 32) as u32, self.steps as u32);
            let observation = part(&self.before, row, width);
            let (offer, draws) = (Offered::seen(observation, self.mask.as_ref()), address.stream(Purpose::EXPLORE));
            let here = Here { row, step: self.steps, observation, offer, draws };
            self.method.explore(here, self.chosen.row_mut(row))?;
        }
        actions.items.copy_from_slice(&self.chosen.items);
        actions.reals.copy_from_slice(&self.chosen.reals);
        self.steps += 1;
        Ok(())
    }
}

impl<M: Method> Agent for Online<M> {
    fn learn(&mut self) -> Result<()> {
        let width = self.before.len() / self.stage.len();
        let (mut squares, mut values, mut count) = (0.0, 0.0, 0u32);
        for (row, stage) in self.stage.iter().enumerate().filter(|(_, stage)| **stage != Stage::First) {
            let next = part(&self.observation, row, width);
            let lesson = self.method.learn(Transition {
                row,
                observation: part(&self.before, row, width),
                action: self.chosen.row(row),
                reward: self.reward[row],
                next,
                next_offer: Offered::seen(next, self.mask.as_ref()),
                stage: *stage,
            })?;
            squares += lesson.error * lesson.error;
            values += lesson.value;
            count += 1;
        }
        if count > 0 {
            self.summary = [squares / f64::from(count), values / f64::from(count)];
            self.updates += u64::from(count);
        }
        self.method.plan(self.steps);
        Ok(())
    }

    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>> {
        Ok(Box::new(Greedy {
            method: &self.method,
            mask: self.mask.as_ref(),
            observation: vec![0.0; rows * (self.before.len() / self.stage.len())],
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
        }))
    }

    fn update(&self) -> Result<Update> {
        let loss = (self.updates > 0).then_some(self.summary[0] as f32);
        Ok(Update { updates: self.updates, picks: Vec::new(), loss })
    }

    fn progress(&self) -> Result<Progress> {
        let epsilon = self.method.epsilon(self.steps) as f32;
        if self.updates == 0 {
            return Ok(Progress { updates: 0, loss: None, mean_q: None, epsilon, multiplier: None });
        }
        let [loss, mean_q] = self.summary.map(|value| value as f32);
        let tensors = self.method.tensors();
        let learnt = tensors.values().flat_map(|tensor| match tensor {
            Tensor::F64(numbers) => numbers.as_slice(),
            _ => &[],
        });
        let weights = learnt.map(|value| ("a weight", *value as f32));
        for (what, value) in [("the loss", loss), ("the mean value", mean_q)].into_iter().chain(weights) {
            if !value.is_finite() {
                return Err(Error::Diverged { what, value, updates: self.updates });
            }
        }
        Ok(Progress { updates: self.updates, loss: Some(loss), mean_q: Some(mean_q), epsilon, multiplier: None })
    }

    fn weights(&self) -> Result<Tensors> {
        Ok(self.method.tensors())
    }

    fn save(&self) -> Result<Tensors> {
        let mut saved = self.weights()?;
        let over = self.stage.iter().map(|stage| u8::from(stage.is_last())).collect();
        saved.insert("online.counts".into(), Tensor::U64(vec![self.steps, self.updates]));
        saved.insert("online.summary".into(), Tensor::F64(self.summary.to_vec()));
        saved.insert("online.observation".into(), Tensor::F32(self.observation.clone()));
        saved.insert("online.over".into(), Tensor::U8(over));
        Ok(saved)
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.method.restore(saved)?;
        if !saved.contains_key("online.counts") {
            return Ok(());
        }
        let counts = taken!(saved, U64, "online.counts", 2)?;
        self.summary.copy_from_slice(taken!(saved, F64, "online.summary", 2)?);
        self.observation = taken!(saved, F32, "online.observation", self.observation.len())?.to_vec();
        for (stage, over) in self.stage.iter_mut().zip(taken!(saved, U8, "online.over", self.reward.len())?) {
            *stage = if *over == 0 { Stage::Mid } else { Stage::Terminated };
        }
        (self.steps, self.updates) = (counts[0], counts[1]);
        Ok(())
    }
}

/// An [`Online`] that only plays.
struct Greedy<'a, M> {
    method: &'a M,
    mask: Option<&'a Range<usize>>,
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl<M: Method> Policy for Greedy<'_, M> {
    fn slot(&mut self) -> Slot<'_> {
        Slot { observation: &mut self.observation, reward: &mut self.reward, stage: &mut self.stage }
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        let width = self.observation.len() / self.stage.len();
        for row in (0..self.stage.len()).filter(|row| !self.stage[*row].is_last()) {
            let observation = part(&self.observation, row, width);
            self.method.exploit(observation, Offered::seen(observation, self.mask), actions.row_mut(row))?;
        }
        Ok(())
    }
}

/// The number of actions of a world that `agent`, which needs discrete ones, can act in.
///
/// # Errors
/// When the actions are not discrete.
pub fn actions(agent: &'static str, spec: &Spec) -> Result<usize> {
    match spec.shape {
        Shape::Discrete(actions) => Ok(actions as usize),
        ref shape => {
            let has = shape.to_string();
            Err(Error::Space { agent, needs: "a discrete action space", env: spec.id, has })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_on_offer_is_asked_for_its_value_and_chosen() {
        let offer = Offered(&[0.0, 1.0, 0.0, 1.0]);
        let mut asked = Vec::new();
        let best = offer.highest(4, |action| {
            asked.push(action);
            [9.0, 1.0, 8.0, 2.0][action]
        });
        assert_eq!((best, asked), (3, vec![1, 3]));
        assert_eq!(offer.highest(4, |_| f64::NEG_INFINITY), 1, "the first on offer where none has a value");
        assert_eq!(Offered::ALL.highest(4, |action| [1.0, 3.0, 3.0, 2.0][action]), 1, "the lowest of equals");
        let mut draws = Rng::new(1, Domain::Agent).stream(Purpose::EXPLORE);
        let mut counts = [0; 4];
        (0..2000).for_each(|_| counts[offer.any(4, &mut draws)] += 1);
        assert_eq!((counts[0], counts[2]), (0, 0));
        assert!((900..1100).contains(&counts[1]), "{counts:?}");
    }
}
