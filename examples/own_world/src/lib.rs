//! # A stall with one thing to sell: take today's offer, or hope for a better one?
//!
//! Every day somebody offers a price, uniformly one of `levels` between 0 and 1. Selling earns it and ends the episode;
//! after the last day the thing is worth nothing.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(2)`: 0 wait, 1 sell |
//! | Observation | `offer`: today's price (1 number in [0, 1]); `left`: share of the days that is left, today included (1 number in [0, 1]) |
//! | Reward | the price on selling, else 0 |
//! | Start | day 1, an offer |
//! | End | terminated on selling, and after the last day |
//! | Discount | 1 |
//! | Parameters | `days` (1 to 100, default 10), `levels` (2 to 100, default 10) |
//! | Metrics | `waited`: days before the sale |
//! | Reference policies | `random`, `myopic` (sells for anything above 0), `oracle` (sells for more than waiting is worth) |
//! | Optimum | exact, backwards over the days: V_k = E[max(offer, V_{k-1})], V_0 = 0 |
//! | Source | optimal stopping with known distribution, as in any textbook |
//!
//! History: v1, first version.
use mercato::envs::{
    Discrete, Elem, Entry, Env, Field, Optimum, Outcome, Purpose, Reference, Result, Rng, RowMut, error::between,
    register,
};
use serde::{Deserialize, Serialize};

/// The id, which stands for the same bits for ever: what behaves differently is `-v2`.
pub const ID: &str = "own/own-world-v1";

/// The world and its page, which is the text above.
pub const fn entry() -> Entry {
    Entry::new::<OwnWorld>(ID, include_str!("lib.rs"))
}

/// Makes the world known to experiments, rollouts and agents.
///
/// # Errors
/// When the id is not `family/name-vN`.
pub fn announce() -> Result<()> {
    register(entry())
}

/// Parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnWorld {
    /// Days until the thing is worth nothing.
    pub days: u32,
    /// Number of prices.
    pub levels: u32,
}

impl Default for OwnWorld {
    fn default() -> Self {
        OwnWorld { days: 10, levels: 10 }
    }
}

/// An episode: today's offer and how many days have passed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    offer: u32,
    passed: u32,
}

const SELL: u32 = 1;

impl Env for OwnWorld {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["waited"];
    const POLICIES: &'static [&'static str] = &["myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("days", self.days, 1, 100)?;
        between("levels", self.levels, 2, 100)
    }

    fn action_space(&self) -> Discrete {
        Discrete(2)
    }

    fn observation(&self) -> Vec<Field> {
        ["offer", "left"].map(|name| Field { name, len: 1, low: 0.0, high: 1.0 }).to_vec()
    }

    fn horizon(&self) -> u32 {
        self.days
    }

    fn discount(&self) -> f64 {
        1.0
    }

    // Random numbers have addresses: the same episode draws the same ones, in any batch and on any thread.
    fn reset(&self, rng: &Rng) -> State {
        State { offer: rng.stream(Purpose::RESET).below(self.levels), passed: 0 }
    }

    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        if action == SELL {
            return Outcome { reward: self.price(state.offer), terminated: true };
        }
        state.passed += 1;
        state.offer = rng.stream(Purpose::STEP).below(self.levels);
        Outcome { reward: 0.0, terminated: state.passed == self.days }
    }

    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = self.price(state.offer);
        row[1] = (self.days - state.passed) as f32 / self.days as f32;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(state.passed);
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        if action == SELL { f64::from(self.price(state.offer)) } else { 0.0 }
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let waiting = match policy.name {
            // Policies are also asked when the episode is over.
            "oracle" => self.value(self.days.saturating_sub(state.passed + 1), |offer, beyond| offer > beyond),
            _ => 0.0,
        };
        action.items[0] = u32::from(f64::from(self.price(state.offer)) > waiting);
    }

    fn optimum(&self) -> Optimum {
        let best = self.value(self.days, |offer, beyond| offer > beyond);
        let mean = self.prices().sum::<f64>() / f64::from(self.levels);
        Optimum {
            lower: best,
            upper: best,
            tolerance: 1e-12,
            method: "backwards over the days",
            random: (0..self.days).fold(0.0, |beyond, _| 0.5 * mean + 0.5 * beyond),
            random_se: 0.0,
            others: vec![("myopic", self.value(self.days, |offer, _| offer > 0.0))],
        }
    }
}

impl OwnWorld {
    fn price(&self, offer: u32) -> f32 {
        offer as f32 / (self.levels - 1) as f32
    }

    fn prices(&self) -> impl Iterator<Item = f64> {
        (0..self.levels).map(|offer| f64::from(self.price(offer)))
    }

    /// What `days` days are worth to who sells when `sells(offer, value of the days after)`.
    fn value(&self, days: u32, sells: impl Fn(f64, f64) -> bool) -> f64 {
        (0..days).fold(0.0, |beyond, _| {
            let of = |offer: f64| if sells(offer, beyond) { offer } else { beyond };
            self.prices().map(of).sum::<f64>() / f64::from(self.levels)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand, prices 0 and 1: one day is worth 1/2, two 1/2 + 1/2 · 1/2, n days 1 - 2^-n.
    #[test]
    fn two_prices_are_worth_one_less_a_half_for_each_day() {
        for days in 1..=5 {
            let world = OwnWorld { days, levels: 2 };
            assert_eq!(world.optimum().upper, 1.0 - 0.5f64.powi(days as i32));
        }
    }
}
