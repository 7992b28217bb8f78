//! A learner whose actions mean something else in its world: real numbers of \[−1, 1\] that stand for prices, codes that
//! stand for slates.
use crate::{
    agent::{Agent, Explanation, Policy, Progress, Trace, Update},
    checkpoint::Tensors,
    error::{Error, Result},
    learner::{Greedy, Learner, Rule},
};
use envs::{Actions, Shape, Slot, Spec, Width};
use kernels::Backend;

/// What a learner's actions mean.
pub trait Meaning: Clone + Send + Sync {
    /// Words of the learner's own actions.
    fn width(&self) -> Width;
    /// Words of the world's actions.
    fn world_width(&self) -> Width;
    /// Writes the world's actions.
    fn write(&self, own: &Actions, world: &mut Actions);
}

/// The learner and the meaning of its actions.
pub struct Translated<B: Backend, R: Rule<B>, M: Meaning> {
    learner: Learner<B, R>,
    meaning: M,
    own: Actions,
}

impl<B: Backend, R: Rule<B>, M: Meaning> Translated<B, R, M> {
    pub(crate) fn new(learner: Learner<B, R>, meaning: M, rows: usize) -> Self {
        let own = Actions::new(rows, meaning.width());
        Translated { learner, meaning, own }
    }
}

impl<B: Backend, R: Rule<B>, M: Meaning> Policy for Translated<B, R, M> {
    fn slot(&mut self) -> Slot<'_> {
        self.learner.slot()
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.learner.act(&mut self.own)?;
        self.meaning.write(&self.own, actions);
        Ok(())
    }
}

impl<B: Backend, R: Rule<B>, M: Meaning> Agent for Translated<B, R, M> {
    fn learn(&mut self) -> Result<()> {
        self.learner.learn()
    }

    fn greedy(&self, rows: usize) -> Result<Box<dyn Policy + '_>> {
        let own = Actions::new(rows, self.meaning.width());
        Ok(Box::new(Player { greedy: self.learner.player(rows)?, meaning: &self.meaning, own }))
    }

    fn progress(&self) -> Result<Progress> {
        self.learner.progress()
    }

    fn update(&self) -> Result<Update> {
        self.learner.update()
    }

    fn trace(&self) -> Result<Option<Trace>> {
        self.learner.trace()
    }

    fn explain(&self, observations: &[f32]) -> Result<Option<Vec<Explanation>>> {
        let rows = self.learner.rows_of(observations);
        let (mut explained, own) = self.learner.explained(observations, Actions::new(rows, self.meaning.width()))?;
        let mut world = Actions::new(rows, self.meaning.world_width());
        self.meaning.write(&own, &mut world);
        for (row, explanation) in explained.iter_mut().enumerate() {
            explanation.items = world.row(row).items.to_vec();
            explanation.reals = world.row(row).reals.to_vec();
        }
        Ok(Some(explained))
    }

    fn weights(&self) -> Result<Tensors> {
        self.learner.weights()
    }

    fn save(&self) -> Result<Tensors> {
        self.learner.save()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.learner.restore(saved)
    }
}

/// A [`Translated`] learner that only plays.
struct Player<'a, B: Backend, R: Rule<B>, M: Meaning> {
    greedy: Greedy<'a, B, R>,
    meaning: &'a M,
    own: Actions,
}

impl<B: Backend, R: Rule<B>, M: Meaning> Policy for Player<'_, B, R, M> {
    fn slot(&mut self) -> Slot<'_> {
        self.greedy.slot()
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.greedy.act(&mut self.own)?;
        self.meaning.write(&self.own, actions);
        Ok(())
    }
}

/// Real numbers of \[−1, 1\] that stand for those of intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals(pub Vec<[f32; 2]>);

impl Intervals {
    /// Those of a world whose actions are real numbers alone.
    ///
    /// # Errors
    /// When they are anything else.
    pub fn of(agent: &'static str, spec: &Spec) -> Result<Self> {
        match &spec.shape {
            Shape::Continuous(bounds) => Ok(Intervals(bounds.clone())),
            shape => {
                let has = shape.to_string();
                Err(Error::Space { agent, needs: "continuous actions", env: spec.id, has })
            }
        }
    }

    /// What `own` stands for in interval `at`.
    pub fn number(&self, at: usize, own: f32) -> f32 {
        let [low, high] = self.0[at];
        low + (high - low) * (0.5 * (own + 1.0))
    }
}

impl Meaning for Intervals {
    fn width(&self) -> Width {
        Width { items: 0, reals: self.0.len() }
    }

    fn world_width(&self) -> Width {
        self.width()
    }

    fn write(&self, own: &Actions, world: &mut Actions) {
        for (at, (real, own)) in world.reals.iter_mut().zip(&own.reals).enumerate() {
            *real = self.number(at % self.0.len(), *own);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ends stand for the ends, 0 for the middle.
    #[test]
    fn intervals_are_met_at_both_ends() {
        let intervals = Intervals(vec![[0.5, 4.0], [-1.0, 1.0]]);
        let mut own = Actions::new(2, intervals.width());
        own.reals = vec![-1.0, 0.5, 1.0, 0.0];
        let mut world = own.clone();
        intervals.write(&own, &mut world);
        assert_eq!(world.reals, [0.5, 0.5, 4.0, 0.0]);
    }
}
