//! LinUCB with a model per action (Li, Chu, Langford and Schapire 2010: "A contextual-bandit approach to personalized news
//! article recommendation", algorithm 1): takes the action whose reward could be highest, m·x + α √(xᵀSx), by a ridge
//! regression of each action on the observation.
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
    /// α, how much uncertainty counts, 0 to 10⁹.
    pub alpha: f64,
    /// λ of the ridge regression, 10⁻⁹ to 10⁹.
    pub ridge: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, alpha: 1.0, ridge: 1.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("alpha", self.alpha, 0.0, 1e9)?;
        between("ridge", self.ridge, 1e-9, 1e9)
    }
}

/// The agent.
pub type LinUcb = Online<Bounds>;

impl LinUcb {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete, too many, or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let regressions = Regressions::new(actions("lin_ucb", spec)?, spec.observation, 1.0 / config.ridge)?;
        Online::build(Bounds { alpha: config.alpha, regressions }, config.rows, spec, seed)
    }
}

/// What every action could bring.
pub struct Bounds {
    alpha: f64,
    regressions: Regressions,
}

impl Bounds {
    fn best(&self, observation: &[f32], offer: Offered<'_>, alpha: f64) -> u32 {
        offer.highest(self.regressions.actions(), |action| {
            let reach = if alpha == 0.0 { 0.0 } else { self.regressions.variance(action, observation).sqrt() };
            self.regressions.value(action, observation) + alpha * reach
        }) as u32
    }
}

impl Method for Bounds {
    fn explore(&mut self, here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.best(here.observation, here.offer, self.alpha);
        Ok(())
    }

    fn exploit(&self, observation: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = self.best(observation, offer, 0.0);
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let (action, observation) = (transition.action.items[0] as usize, transition.observation);
        let value = self.regressions.value(action, observation);
        let error = f64::from(transition.reward) - value;
        self.regressions.update(action, observation, 1.0, error);
        Ok(Lesson { value, error })
    }

    fn tensors(&self) -> Tensors {
        self.regressions.tensors()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.regressions.restore(saved)
    }
}
