//! A learner that only plays.
use super::{Choice, Learner, Parts, Rule};
use crate::{agent::Policy, error::Result};
use envs::{Actions, Slot, Stage};
use kernels::{Backend, ChooseConfig, Ramp, Span};

/// A [`Learner`] that only plays.
pub(crate) struct Greedy<'a, B: Backend, R: Rule<B>> {
    pub(super) learner: &'a Learner<B, R>,
    pub(super) observation: B::Buf<f32>,
    pub(super) pass: R::Pass,
    pub(super) choice: Choice<B>,
    pub(super) reward: Vec<f32>,
    pub(super) stage: Vec<Stage>,
}

impl<B: Backend, R: Rule<B>> Greedy<'_, B, R> {
    /// Chooses an action for each row; writes the values behind the choice, rows × actions, where they are wanted.
    pub(crate) fn choose(&mut self, actions: &mut Actions, values: Option<&mut [f32]>) -> Result<()> {
        let Learner { backend: b, parts, rule, choosing, .. } = self.learner;
        let Parts { network, weights, memory, clock, .. } = parts;
        let rows = self.reward.len();
        b.commit(&mut self.observation, 0..rows * memory.width)?;
        rule.look(b, network, rows, &weights.theta, &self.observation, &mut self.pass)?;
        let choosing = ChooseConfig { epsilon: Ramp::constant(0.0), spread: 0.0, ..*choosing };
        rule.choose(b, &choosing, rows, &self.pass, clock, &mut self.choice)?;
        self.choice.download(b, actions)?;
        if let Some(values) = values {
            b.download(rule.values(&self.pass), 0..values.len(), values)?;
        }
        Ok(())
    }
}

impl<B: Backend, R: Rule<B>> Policy for Greedy<'_, B, R> {
    fn slot(&mut self) -> Slot<'_> {
        let numbers: Span = 0..self.reward.len() * self.learner.parts.memory.width;
        Slot {
            observation: self.learner.backend.stage(&mut self.observation, numbers),
            reward: &mut self.reward,
            stage: &mut self.stage,
        }
    }

    fn act(&mut self, actions: &mut Actions) -> Result<()> {
        self.choose(actions, None)
    }
}
