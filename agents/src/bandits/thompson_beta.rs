//! Thompson sampling of successes (Thompson 1933; Chapelle and Li 2011: "An empirical evaluation of Thompson sampling",
//! algorithm 2): draws every arm's probability of success from its beta law and pulls the highest.
use super::arms::{Items, Rule, Tally};
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::{Result, between, setting},
    online::{Offered, Online, actions},
};
use envs::{Spec, rng::Stream};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Successes and failures that are taken for granted, 10⁻³ to 10⁶ each; [1, 1] is the uniform law.
    pub prior: [f64; 2],
    /// The reward of a failure.
    pub low: f64,
    /// The reward of a success, above `low`; a reward between counts for both in proportion, one outside is clipped.
    pub high: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, prior: [1.0, 1.0], low: 0.0, high: 1.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("prior", self.prior[0], 1e-3, 1e6)?;
        between("prior", self.prior[1], 1e-3, 1e6)?;
        if !(self.low.is_finite() && self.high.is_finite() && self.low < self.high) {
            return Err(setting("low", self.low, &format!("finite and below `high`, which is {}", self.high)));
        }
        Ok(())
    }
}

/// The agent.
pub type ThompsonBeta = Online<Items<Successes>>;

impl ThompsonBeta {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let arms = actions("thompson_beta", spec)?;
        let Config { rows, prior, low, high } = config;
        let successes = vec![prior[0]; arms];
        Online::build(
            Items::new(Successes { low, high, successes, failures: vec![prior[1]; arms] }, arms),
            rows,
            spec,
            seed,
        )
    }
}

/// The beta law of every arm's probability of success.
pub struct Successes {
    low: f64,
    high: f64,
    successes: Vec<f64>,
    failures: Vec<f64>,
}

impl Rule for Successes {
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, draws: &mut Stream) -> usize {
        offer.highest(tally.arms(), |arm| draws.beta(self.successes[arm] as f32, self.failures[arm] as f32).into())
    }

    fn value(&self, _: &Tally, arm: usize) -> f64 {
        let share = self.successes[arm] / (self.successes[arm] + self.failures[arm]);
        self.low + (self.high - self.low) * share
    }

    fn credit(&mut self, arm: usize, reward: f64) {
        let share = if reward <= self.low {
            0.0
        } else if reward >= self.high {
            1.0
        } else {
            (reward - self.low) / (self.high - self.low)
        };
        self.successes[arm] += share;
        self.failures[arm] += 1.0 - share;
    }

    fn tensors(&self) -> Tensors {
        let both = [("successes", &self.successes), ("failures", &self.failures)];
        both.map(|(name, numbers)| (name.to_string(), Tensor::F64(numbers.clone()))).into()
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        let arms = self.successes.len();
        self.successes = taken!(saved, F64, "successes", arms)?.to_vec();
        self.failures = taken!(saved, F64, "failures", arms)?.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::rng::{Domain, Purpose, Rng};

    /// Beta(3, 1) exceeds Beta(1, 1) with probability 3/4.
    #[test]
    fn arms_are_pulled_as_often_as_they_are_best() {
        let mut rule = Successes { low: -1.0, high: 1.0, successes: vec![1.0; 2], failures: vec![1.0; 2] };
        let tally = Tally::new(2);
        rule.credit(0, 1.0);
        rule.credit(0, 7.0);
        let mut draws = Rng::new(1, Domain::Agent).stream(Purpose::EXPLORE);
        let pulls = (0..20_000).filter(|_| rule.pull(&tally, Offered::ALL, &mut draws) == 0).count() as f64 / 20_000.0;
        assert!((pulls - 0.75).abs() < 4.0 * (0.75 * 0.25 / 20_000f64).sqrt(), "{pulls}");
        assert_eq!(rule.value(&tally, 0), 0.5);
        rule.credit(1, 0.0);
        assert_eq!((rule.successes[1], rule.failures[1]), (1.5, 1.5));
    }
}
