//! UCB1 (Auer, Cesa-Bianchi and Fischer 2002: "Finite-time analysis of the multiarmed bandit problem", figure 1): pulls
//! the arm whose mean could be highest, mean + √(2 ln n / n_j) after n pulls, n_j of them of arm j.
use super::arms::{Items, Rule, Tally};
use crate::{
    error::{Result, between},
    online::{Offered, Online, actions},
};
use envs::{Spec, math::ln64, rng::Stream};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// c in mean + √(c ln n / n_j), 0 to 10⁹; the paper's 2 is for rewards in [0, 1], for rewards up to r take 2r².
    pub exploration: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, exploration: 2.0 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("exploration", self.exploration, 0.0, 1e9)
    }
}

/// The agent.
pub type Ucb1 = Online<Items<Bound>>;

impl Ucb1 {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let items = Items::new(Bound { exploration: config.exploration }, actions("ucb1", spec)?);
        Online::build(items, config.rows, spec, seed)
    }
}

/// An upper confidence bound as the index of an arm.
pub struct Bound {
    exploration: f64,
}

impl Rule for Bound {
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, _: &mut Stream) -> usize {
        let reach = self.exploration * if tally.total == 0 { 0.0 } else { ln64(tally.total as f64) };
        offer.highest(tally.arms(), |arm| match tally.count[arm] {
            0 => f64::INFINITY,
            count => tally.mean(arm) + (reach / count as f64).sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::rng::{Domain, Purpose, Rng};

    /// Means 0.5 and 0.4 after 16 and 4 pulls: 0.5 + √(2 ln 20 / 16) = 1.111937, 0.4 + √(2 ln 20 / 4) = 1.623873.
    #[test]
    fn the_bound_is_the_papers() {
        let mut tally = Tally { count: vec![16, 4], sum: vec![8.0, 1.6], total: 20 };
        let mut draws = Rng::new(1, Domain::Agent).stream(Purpose::EXPLORE);
        assert_eq!(Bound { exploration: 2.0 }.pull(&tally, Offered::ALL, &mut draws), 1);
        // The bounds are equal where √c (√(ln 20 / 4) − √(ln 20 / 16)) is 0.1: at c = 0.053409.
        assert_eq!(Bound { exploration: 0.05335 }.pull(&tally, Offered::ALL, &mut draws), 0);
        assert_eq!(Bound { exploration: 0.05345 }.pull(&tally, Offered::ALL, &mut draws), 1);
        tally.count[0] = 0;
        assert_eq!(Bound { exploration: 0.0 }.pull(&tally, Offered::ALL, &mut draws), 0, "every arm is pulled once");
    }
}
