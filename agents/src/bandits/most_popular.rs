//! Most popular: shows what has earned most in total so far, after a while of random display. What is shown earns more,
//! so that the rich get richer; every recommender should beat it.
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
    /// Transitions of random display at the start, 0 to 10⁹.
    pub warmup: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, warmup: 1_000 }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("warmup", self.warmup, 0, 1_000_000_000)
    }
}

/// The agent.
pub type MostPopular = Online<Items<Popularity>>;

impl MostPopular {
    /// An agent for a world with discrete actions.
    ///
    /// # Errors
    /// When the actions are not discrete or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        config.validate()?;
        let items = Items::new(Popularity { warmup: config.warmup }, actions("most_popular", spec)?);
        Online::build(items, config.rows, spec, seed)
    }
}

/// Total reward as the index of an arm.
pub struct Popularity {
    warmup: u64,
}

impl Rule for Popularity {
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, draws: &mut Stream) -> usize {
        if tally.total < self.warmup {
            return offer.any(tally.arms(), draws);
        }
        offer.highest(tally.arms(), |arm| tally.sum[arm])
    }
    fn best(&self, tally: &Tally, offer: Offered<'_>) -> usize {
        offer.highest(tally.arms(), |arm| tally.sum[arm])
    }
}
