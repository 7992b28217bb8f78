//! # A corridor in which patience pays, small enough to solve by hand
//!
//! The walker stands on one of `length` cells in a row, at the left end first. Going left ends the episode at once with
//! reward `small`; going right moves one cell on for nothing, and from the last cell it ends the episode with reward 1.
//! With probability `slip` the other way is taken.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(2)`: 0 left, 1 right |
//! | Observation | `cell`: one-hot position (`length` numbers in [0, 1]) |
//! | Reward | `small` on leaving at the left, 1 on leaving at the right, else 0 |
//! | Start | cell 0 |
//! | End | terminated on leaving; truncated after `4 · length` steps |
//! | Discount | `discount` |
//! | Parameters | `length` (2 to 64, default 8), `small` (0 to 1, default 0.1), `slip` (0 to 0.5, default 0), `discount` (above 0, at most 0.999, default 0.95) |
//! | Metrics | `right`: share of steps that went right |
//! | Reference policies | `random`, `myopic` (left: the reward at hand), `oracle` |
//! | Optimum | exact, backwards along the cells: V(s) = max over the ways |
//! | Source | the textbook chain, as in bsuite's deep sea without its second dimension |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, parameter},
    oracle::finite::Finite,
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// Parameters of the corridor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chain {
    /// Number of cells.
    pub length: u32,
    /// Reward on leaving at the left.
    pub small: f32,
    /// Probability that the other way is taken.
    pub slip: f32,
    /// The world's discount.
    pub discount: f64,
}

impl Default for Chain {
    fn default() -> Self {
        Chain { length: 8, small: 0.1, slip: 0.0, discount: 0.95 }
    }
}

/// An episode: where the walker stands and how it walked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    cell: u32,
    steps: u32,
    right: u32,
}

impl Env for Chain {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["right"];
    const POLICIES: &'static [&'static str] = &["myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        if !(2..=64).contains(&self.length) {
            return Err(parameter("length", self.length, "between 2 and 64"));
        }
        if !(0.0..=1.0).contains(&self.small) {
            return Err(parameter("small", self.small, "between 0 and 1"));
        }
        if !(0.0..=0.5).contains(&self.slip) {
            return Err(parameter("slip", self.slip, "between 0 and 0.5"));
        }
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        Ok(())
    }

    fn action_space(&self) -> Discrete {
        Discrete(2)
    }

    fn observation(&self) -> Vec<Field> {
        vec![Field { name: "cell", len: self.length as usize, low: 0.0, high: 1.0 }]
    }

    fn horizon(&self) -> u32 {
        4 * self.length
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, _: &Rng) -> State {
        State { cell: 0, steps: 0, right: 0 }
    }

    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let slipped = rng.stream(Purpose::STEP).bernoulli(self.slip);
        let right = (action == 1) != slipped;
        state.steps += 1;
        if !right {
            return Outcome { reward: self.small, terminated: true };
        }
        state.right += 1;
        if state.cell + 1 == self.length {
            return Outcome { reward: 1.0, terminated: true };
        }
        state.cell += 1;
        Outcome { reward: 0.0, terminated: false }
    }

    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[state.cell as usize] = 1.0;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(state.right) / f64::from(state.steps);
    }

    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        let (mut reward, mut next) = (Vec::new(), Vec::new());
        for cell in 0..self.length {
            for action in 0..2 {
                reward.push(self.expected_reward(&State { cell, steps: 0, right: 0 }, action));
                let slip = f64::from(self.slip);
                let right = if action == 1 { 1.0 - slip } else { slip };
                next.push(if cell + 1 < self.length { vec![(cell as usize + 1, right)] } else { vec![] });
            }
        }
        let start = (0..self.length).map(|cell| if cell == 0 { 1.0 } else { 0.0 }).collect();
        Some((Finite { actions: 2, discount: self.discount, reward, next }, start))
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        let slip = f64::from(self.slip);
        let right = if action == 1 { 1.0 - slip } else { slip };
        let end = if state.cell + 1 == self.length { 1.0 } else { 0.0 };
        (1.0 - right) * f64::from(self.small) + right * end
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let [left, right] = match policy.name {
            "oracle" => self.action_values()[state.cell as usize],
            _ => [0, 1].map(|action| self.expected_reward(state, action)),
        };
        action.items[0] = u32::from(right > left);
    }

    fn optimum(&self) -> Optimum {
        let [left, right] = self.action_values()[0];
        let best = if right > left { right } else { left };
        let myopic = self.value(|cell| {
            let state = State { cell, steps: 0, right: 0 };
            if self.expected_reward(&state, 1) > self.expected_reward(&state, 0) { 1.0 } else { 0.0 }
        });
        Optimum {
            lower: best,
            upper: best,
            tolerance: 1e-12,
            method: "backwards along the cells",
            random: self.value(|_| 0.5),
            random_se: 0.0,
            others: vec![("myopic", myopic)],
        }
    }
}

impl Chain {
    /// Q(cell, left) and Q(cell, right) of the best policy.
    fn action_values(&self) -> Vec<[f64; 2]> {
        let slip = f64::from(self.slip);
        let mut values = vec![[0.0; 2]; self.length as usize];
        let mut beyond = 1.0;
        for value in values.iter_mut().rev() {
            let (left, right) = (f64::from(self.small), beyond);
            *value = [(1.0 - slip) * left + slip * right, (1.0 - slip) * right + slip * left];
            beyond = self.discount * if value[1] > value[0] { value[1] } else { value[0] };
        }
        values
    }

    /// Value of going right with probability `right(cell)`.
    fn value(&self, right: impl Fn(u32) -> f64) -> f64 {
        let slip = f64::from(self.slip);
        let mut beyond = 1.0;
        for cell in (0..self.length).rev() {
            let right = right(cell);
            let taken = right * (1.0 - slip) + (1.0 - right) * slip;
            let value = taken * beyond + (1.0 - taken) * f64::from(self.small);
            beyond = if cell == 0 { value } else { self.discount * value };
        }
        beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: seven discounted steps to the last cell, then 1.
    #[test]
    fn the_default_corridor_is_worth_discount_to_the_seventh() {
        let optimum = Chain::default().optimum();
        let by_hand = (0..7).fold(1.0, |value, _| value * 0.95);
        assert!((optimum.upper - by_hand).abs() < 1e-12, "{optimum:?}");
        assert_eq!(optimum.others, [("myopic", f64::from(0.1f32))]);
        // Random: 1/2 · small now, or 1/2 · discount · the next cell; the last cell is worth (small + 1) / 2.
        let random = (0..8).fold(1.0 / 0.95, |beyond, _| 0.5 * f64::from(0.1f32) + 0.5 * 0.95 * beyond);
        assert!((optimum.random - random).abs() < 1e-12, "{optimum:?}");
    }

    #[test]
    fn a_short_way_to_a_small_reward_is_not_worth_a_long_one() {
        let near = Chain { small: 0.9, ..Chain::default() };
        assert!((near.optimum().upper - f64::from(0.9f32)).abs() < 1e-12);
    }
}
