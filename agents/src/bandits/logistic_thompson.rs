//! Thompson sampling of logistic regressions (Chapelle and Li 2011: "An empirical evaluation of Thompson sampling",
//! section 4, with the full covariance and one step per click): draws the score of every action from N(m·x, xᵀSx) and
//! takes the highest.
//!
//! After a reward y of 0 or 1, with p = σ(m·x) and w = p (1 − p), S and m move as in [`linear`](super::linear) with
//! weight w and error y − p: one step of Newton's method on the new click.
use super::linear::Regressions;
use crate::{
    checkpoint::Tensors,
    error::{Result, between},
    online::{Here, Lesson, Method, Offered, Online, Transition, actions},
};
use envs::{Spec, math::sigmoid64, space::RowMut};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Variance of every weight before the first click, 10⁻⁹ to 10⁹.
    pub variance: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, variance: 4.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("variance", self.variance, 1e-9, 1e9)
    }
}

/// The agent, for rewards between 0 and 1.
pub type LogisticThompson = Online<Clicks>;

impl LogisticThompson {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete, too many, or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let regressions = Regressions::new(actions("logistic_thompson", spec)?, spec.observation, config.variance)?;
        Online::build(Clicks { regressions }, config.rows, spec, seed)
    }
}

/// What makes every action clicked.
pub struct Clicks {
    regressions: Regressions,
}

impl Method for Clicks {
    fn explore(&mut self, mut here: Here<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = here.offer.highest(self.regressions.actions(), |action| {
            let spread = self.regressions.variance(action, here.observation).sqrt();
            self.regressions.value(action, here.observation) + spread * here.draws.normal64()
        }) as u32;
        Ok(())
    }

    fn exploit(&self, observation: &[f32], offer: Offered<'_>, action: RowMut<'_>) -> Result<()> {
        action.items[0] = offer.highest(self.regressions.actions(), |a| self.regressions.value(a, observation)) as u32;
        Ok(())
    }

    fn learn(&mut self, transition: Transition<'_>) -> Result<Lesson> {
        let (action, observation) = (transition.action.items[0] as usize, transition.observation);
        let value = sigmoid64(self.regressions.value(action, observation));
        let error = f64::from(transition.reward) - value;
        self.regressions.update(action, observation, value * (1.0 - value), error);
        Ok(Lesson { value, error })
    }

    fn tensors(&self) -> Tensors {
        self.regressions.tensors()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.regressions.restore(saved)
    }
}
