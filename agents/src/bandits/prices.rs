//! Bandits over prices: every price of an even grid is an arm, held for a step or for a whole episode.
use super::arms::{Arms, Rule};
use crate::{
    checkpoint::{Tensor, Tensors, misfit, taken},
    error::Result,
    online::{Here, Lesson, Method, Offered, Transition},
    price_grid::Grid,
};
use envs::space::RowMut;

/// One arm for each price of a grid.
pub struct Prices<R> {
    arms: Arms<R>,
    grid: Grid,
    /// Whether a price is held for a whole episode and judged by its return, not for a step and by its reward.
    whole: bool,
    /// The arm that each row holds; none at the start of an episode.
    held: Vec<Option<usize>>,
    /// What it has brought in this episode.
    earned: Vec<f64>,
}

impl<R: Rule> Prices<R> {
    /// `rule` over the prices of `grid`, in `rows` rows.
    pub(crate) fn new(rule: R, grid: Grid, whole: bool, rows: usize) -> Self {
        Prices { arms: Arms::new(rule, grid.prices), grid, whole, held: vec![None; rows], earned: vec![0.0; rows] }
    }
}

impl<R: Rule> Method for Prices<R> {
    fn explore(&mut self, mut here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        let arm = match self.held[here.row] {
            Some(arm) => arm,
            None => self.arms.pull(Offered::ALL, &mut here.draws),
        };
        self.held[here.row] = Some(arm);
        action.reals[0] = self.grid.price(arm as f32);
        Ok(())
    }

    fn exploit(&self, _: &[f32], _: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        let best = self.arms.best(Offered::ALL);
        let near = |arm: usize| self.arms.rule.value(&self.arms.tally, arm) as f32;
        action.reals[0] = self.grid.price(self.grid.refined(best, near));
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let row = transition.row;
        self.earned[row] += f64::from(transition.reward);
        let Some(arm) = self.held[row].filter(|_| !self.whole || transition.stage.is_last()) else {
            return Ok(Lesson { value: self.earned[row], error: 0.0 });
        };
        self.held[row] = None;
        Ok(self.arms.credit(arm, std::mem::take(&mut self.earned[row])))
    }

    fn tensors(&self) -> Tensors {
        let mut tensors = self.arms.tensors();
        let held = self.held.iter().map(|held| held.map_or(u64::MAX, |arm| arm as u64)).collect();
        tensors.insert("held".into(), Tensor::U64(held));
        tensors.insert("earned".into(), Tensor::F64(self.earned.clone()));
        tensors
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.arms.restore(saved)?;
        let (rows, arms) = (self.held.len(), self.grid.prices as u64);
        for (held, arm) in self.held.iter_mut().zip(taken!(saved, U64, "held", rows)?) {
            *held = match *arm {
                u64::MAX => None,
                arm if arm < arms => Some(arm as usize),
                _ => return Err(misfit("held", "holds a number that is no price")),
            };
        }
        self.earned = taken!(saved, F64, "earned", rows)?.to_vec();
        Ok(())
    }
}
