//! Thompson sampling of means (Agrawal and Goyal 2013: "Further optimal regret bounds for Thompson sampling", section 2):
//! draws every arm's mean from its normal law and pulls the highest. With the defaults that is N(Σr / (n + 1), 1 / (n + 1)).
use super::arms::{Items, Rule, Tally};
use crate::{
    error::{Result, between},
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
    /// What an arm is expected to bring before it is pulled, −10⁹ to 10⁹.
    pub prior_mean: f64,
    /// Standard deviation of an arm's mean before it is pulled, 10⁻⁹ to 10⁹.
    pub prior_sd: f64,
    /// Standard deviation of a reward around the arm's mean, 10⁻⁹ to 10⁹.
    pub noise: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, prior_mean: 0.0, prior_sd: 1.0, noise: 1.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("prior_mean", self.prior_mean, -1e9, 1e9)?;
        between("prior_sd", self.prior_sd, 1e-9, 1e9)?;
        between("noise", self.noise, 1e-9, 1e9)
    }
}

/// The agent.
pub type ThompsonGaussian = Online<Items<Means>>;

impl ThompsonGaussian {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let Config { rows, prior_mean, prior_sd, noise } = config;
        let means = Means { prior_mean, prior: 1.0 / (prior_sd * prior_sd), noise: 1.0 / (noise * noise) };
        Online::build(Items::new(means, actions("thompson_gaussian", spec)?), rows, spec, seed)
    }
}

/// The normal law of every arm's mean; `prior` and `noise` are precisions.
pub struct Means {
    prior_mean: f64,
    prior: f64,
    noise: f64,
}

impl Means {
    /// How certain the mean of `arm` is.
    fn precision(&self, tally: &Tally, arm: usize) -> f64 {
        self.prior + self.noise * tally.count[arm] as f64
    }
}

impl Rule for Means {
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, draws: &mut Stream) -> usize {
        offer.highest(tally.arms(), |arm| self.value(tally, arm) + draws.normal64() / self.precision(tally, arm).sqrt())
    }
    fn value(&self, tally: &Tally, arm: usize) -> f64 {
        (self.prior * self.prior_mean + self.noise * tally.sum[arm]) / self.precision(tally, arm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prior N(2, 0.5²), noise 2, rewards 5 and 8: precision 4 + 2/4, mean (4·2 + 13/4) / 4.5 = 2.5.
    #[test]
    fn the_law_is_that_of_the_textbook() {
        let rule = Means { prior_mean: 2.0, prior: 4.0, noise: 0.25 };
        let tally = Tally { count: vec![0, 2], sum: vec![0.0, 13.0], total: 2 };
        assert_eq!([0, 1].map(|arm| rule.value(&tally, arm)), [2.0, 2.5]);
        assert_eq!([0, 1].map(|arm| rule.precision(&tally, arm)), [4.0, 4.5]);
    }
}
