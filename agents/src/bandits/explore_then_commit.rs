//! Explore-then-commit pricing (Lattimore and Szepesvári 2020: "Bandit algorithms", chapter 6): tries every price of a grid
//! equally often, then keeps the one that has earned most on average. Nothing is learnt after that.
use super::{
    arms::{Rule, Tally},
    prices::Prices,
};
use crate::{
    checkpoint::{Tensor, Tensors, taken},
    error::{Result, between},
    online::{Offered, Online},
    price_grid::{Grid, bounds},
};
use envs::{Spec, rng::Stream};
use serde::{Deserialize, Serialize};

/// Settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Episodes played at once, 1 to 65536.
    pub rows: usize,
    /// Number of prices in the grid, ends included, 3 to 4096.
    pub prices: usize,
    /// How often each of them is tried, 1 to 10⁹.
    pub each: u64,
    /// Whether a price is held for a whole episode and judged by its return, not for a step and by its reward. When it is
    /// not given: unless the world is a bandit (discount 0).
    pub whole_episodes: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Config { rows: 1, prices: 21, each: 100, whole_episodes: None }
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Names the setting, its value and the admissible range.
    pub fn validate(&self) -> Result<()> {
        between("rows", self.rows, 1, 65_536)?;
        between("prices", self.prices, 3, 4096)?;
        between("each", self.each, 1, 1_000_000_000)
    }
}

/// The agent.
pub type ExploreThenCommit = Online<Prices<Trials>>;

impl ExploreThenCommit {
    /// An agent for a world with one continuous action.
    ///
    /// # Errors
    /// When the action is anything else or a setting is not admissible.
    pub fn new(config: Config, spec: &Spec, seed: u64) -> Result<Self> {
        let [low, high] = bounds("explore_then_commit", spec)?;
        config.validate()?;
        let grid = Grid { low, high, prices: config.prices, refine: false };
        let whole = config.whole_episodes.unwrap_or(spec.discount != 0.0);
        let trials = Trials { each: config.each, committed: None };
        Online::build(Prices::new(trials, grid, whole, config.rows), config.rows, spec, seed)
    }
}

/// Trials in turn, then a choice for good.
pub struct Trials {
    each: u64,
    committed: Option<usize>,
}

impl Rule for Trials {
    fn pull(&mut self, tally: &Tally, offer: Offered<'_>, _: &mut Stream) -> usize {
        if let Some(arm) = self.committed {
            return arm;
        }
        // The fewest pulls, in exact numbers.
        let next = offer.highest(tally.arms(), |arm| -(tally.count[arm] as f64));
        if tally.count[next] < self.each {
            return next;
        }
        *self.committed.insert(self.best(tally, offer))
    }

    fn best(&self, tally: &Tally, offer: Offered<'_>) -> usize {
        self.committed.unwrap_or_else(|| offer.highest(tally.arms(), |arm| self.value(tally, arm)))
    }

    fn tensors(&self) -> Tensors {
        let committed = self.committed.iter().map(|arm| *arm as u64).collect();
        Tensors::from([("committed".to_string(), Tensor::U64(committed))])
    }

    fn restore(&mut self, saved: &Tensors) -> Result<()> {
        self.committed = match saved.get("committed") {
            Some(Tensor::U64(none)) if none.is_empty() => None,
            _ => Some(taken!(saved, U64, "committed", 1)?[0] as usize),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use envs::rng::{Domain, Purpose, Rng};

    /// Two pulls of each of three arms in turn, then the best for ever, even if it disappoints.
    #[test]
    fn nothing_is_learnt_after_the_choice() {
        let (mut rule, mut tally) = (Trials { each: 2, committed: None }, Tally::new(3));
        let mut draws = Rng::new(1, Domain::Agent).stream(Purpose::EXPLORE);
        let mut pulls = Vec::new();
        for step in 0..9 {
            let arm = rule.pull(&tally, Offered::ALL, &mut draws);
            pulls.push(arm);
            tally.count[arm] += 1;
            tally.sum[arm] += if step < 6 { [1.0, 3.0, 2.0][arm] } else { -100.0 };
        }
        assert_eq!(pulls, [0, 1, 2, 0, 1, 2, 1, 1, 1]);
        assert_eq!(rule.best(&tally, Offered::ALL), 1);
        let mut again = Trials { each: 2, committed: None };
        again.restore(&rule.tensors()).expect("its own");
        assert_eq!(again.committed, Some(1));
    }
}
