//! ε-greedy (Sutton and Barto 2018, chapter 2): mostly the action that promises most, sometimes any. An action's promise
//! is a ridge regression on the observation, or without `context` its mean reward.
use super::linear::Regressions;
use crate::{
    checkpoint::Tensors,
    error::{Result, between},
    online::{Here, Lesson, Method, Offered, Online, Transition, actions},
};
use envs::{Spec, space::RowMut};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Probability of a random action, 0 to 1.
    pub epsilon: f64,
    /// Whether the observation counts.
    pub context: bool,
    /// λ of the ridge regression, 10⁻⁹ to 10⁹; without `context` so many rewards of 0 are taken for granted.
    pub ridge: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, epsilon: 0.1, context: true, ridge: 1.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("epsilon", self.epsilon, 0.0, 1.0)?;
        between("ridge", self.ridge, 1e-9, 1e9)
    }
}

/// The agent.
pub type EpsilonGreedy = Online<Promise>;

impl EpsilonGreedy {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete, too many, or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let context = if config.context { spec.observation } else { 0 };
        let regressions = Regressions::new(actions("epsilon_greedy", spec)?, context, 1.0 / config.ridge)?;
        Online::build(Promise { epsilon: config.epsilon, context, regressions }, config.rows, spec, seed)
    }
}

/// What every action promises.
pub struct Promise {
    epsilon: f64,
    /// How many numbers of the observation count.
    context: usize,
    regressions: Regressions,
}

impl Promise {
    fn best(&self, observation: &[f32], offer: Offered<'_>) -> u32 {
        offer.highest(self.regressions.actions(), |action| self.regressions.value(action, &observation[..self.context]))
            as u32
    }
}

impl Method for Promise {
    fn explore(&mut self, mut here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = match here.draws.uniform64() < self.epsilon {
            true => here.offer.any(self.regressions.actions(), &mut here.draws) as u32,
            false => self.best(here.observation, here.offer),
        };
        Ok(())
    }

    fn exploit(&self, observation: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.best(observation, offer);
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let (action, observation) = (transition.action.items[0] as usize, &transition.observation[..self.context]);
        let value = self.regressions.value(action, observation);
        let error = f64::from(transition.reward) - value;
        self.regressions.update(action, observation, 1.0, error);
        Ok(Lesson { value, error })
    }

    fn epsilon(&self, _: u64) -> f64 {
        self.epsilon
    }

    fn tensors(&self) -> Tensors {
        self.regressions.tensors()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.regressions.restore(saved)
    }
}
