//! # A budget to be spread over second-price auctions: one multiplier for the value, chosen before it is known
//!
//! `auctions` auctions, `budget` units of money. Before each auction you choose a multiplier α; then your value v and
//! the highest rival bid x are drawn, independently and uniformly from 1 to 10. You bid α v, win if that is at least x
//! and x is left in the budget, pay x and earn v. Bidding high wins what is dear and is out of money early; bidding low
//! leaves money over. Truthful bidding, α = 1, is best where money is worth nothing else; here it is not.
//!
//! - Win: α v ≥ x and x ≤ money left. On the grid exactly, in whole numbers: i v ≥ 10 x for α = i/10.
//! - Best value with t auctions and b units left: V_t(b) = V_{t−1}(b) + max_α Σ_{v,x} 1/100 · 1{win} (v + V_{t−1}(b − x)
//!   − V_{t−1}(b)). On the interval only the multipliers x/v matter.
//! - Fluid bound: V ≤ min_{μ ≥ 0} T E[(v − μ x)⁺] + μ B.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "grid"` | `Discrete(21)`: the multiplier 0, 0.1 … 2 |
//! | Action, `actions = "continuous"` | `Continuous(1)`: the multiplier, in [0, 2] |
//! | Observation | `auctions_left`: share of the auctions that are left (1 number in [0, 1]); `budget_left`: share of the money that is left (1 in [0, 1]); with `value = "seen"` also `value`: v/10 (1 in [0.1, 1]) |
//! | Reward | v if you win, else 0 |
//! | Start | all auctions and all the money left |
//! | End | terminated after the last auction |
//! | Discount | 1 |
//! | Parameters | `actions` (`grid` or `continuous`, default grid), `value` (`hidden` or `seen`, default hidden), `auctions` (1 to 1000, default 50), `budget` (1 to 1000, default 50) |
//! | Metrics | `win_rate`: auctions won per auction; `spent`: share of the budget; `roi`: value won per unit of money, 0 if none was spent |
//! | Costs | `spent`: money paid (budget) |
//! | Reference policies | `random`: uniform on the grid or the interval; `myopic`: the multiplier 2, which wins the most at once; `truthful`: 1; `fixed-A`: the admissible multiplier next to A; `best-fixed`: the best single multiplier; `oracle`: the best one |
//! | Optimum | exact, 119: backwards over auctions and money; random 87.3, myopic 70.1, truthful 92.8, best single multiplier 114. On the interval 119.5, random 88.9; with the value seen 119.5: a bid in proportion to the value is nearly the best |
//! | Learning | moderate: a well-chosen constant multiplier comes within 5 %; the rest needs time and money |
//! | Source | own numbers; pacing multipliers after Balseiro, Gur 2019, "Learning in repeated auctions with budgets" |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    oracle::Memo,
    rng::{Purpose, Rng, Stream},
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

/// Values and rival bids run from 1 to this.
const MOST: u32 = 10;
/// The greatest multiplier.
const HIGH: f32 = 2.0;
/// Number of multipliers of the grid.
const LEVELS: u32 = 21;
/// What a bid may lack for rounding; two different multipliers x/v lie at least 0.011 apart.
const SLACK: f32 = 1e-5;

/// The greatest budget.
const RICHEST: u32 = 1000;
/// What money is worth after the last auction.
const NOTHING: [f64; RICHEST as usize + 1] = [0.0; RICHEST as usize + 1];

/// Whether the value is known before the bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// It is drawn after the multiplier is chosen.
    Hidden,
    /// It is observed.
    Seen,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetPacing {
    /// Whether the multiplier is one of a grid or any of the interval.
    pub actions: Form,
    /// Whether the value is known before the bid.
    pub value: Value,
    /// Number of auctions.
    pub auctions: u32,
    /// Money for all of them.
    pub budget: u32,
    #[serde(skip)]
    multipliers: Memo<Vec<f32>>,
    #[serde(skip)]
    best_fixed: Memo<f32>,
}

impl Default for BudgetPacing {
    fn default() -> Self {
        BudgetPacing {
            actions: Form::Grid,
            value: Value::Hidden,
            auctions: 50,
            budget: 50,
            multipliers: Memo::default(),
            best_fixed: Memo::default(),
        }
    }
}

/// An episode: what is left, what is for sale, and what was won.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    auctions: u32,
    budget: u32,
    value: u32,
    wins: u32,
    won: u32,
}

impl Env for BudgetPacing {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["win_rate", "spent", "roi"];
    const COSTS: &'static [&'static str] = &["spent"];
    const POLICIES: &'static [&'static str] = &["myopic", "truthful", "fixed-A", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        between("auctions", self.auctions, 1, 1000)?;
        between("budget", self.budget, 1, RICHEST)
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: 0.0, high: HIGH, levels: LEVELS }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, low| Field { name, len: 1, low, high: 1.0 };
        let mut fields = vec![field("auctions_left", 0.0), field("budget_left", 0.0)];
        if self.value == Value::Seen {
            fields.push(field("value", 0.1));
        }
        fields
    }

    fn horizon(&self) -> u32 {
        self.auctions
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let value = drawn(&mut rng.stream(Purpose::RESET));
        State { auctions: self.auctions, budget: self.budget, value, wins: 0, won: 0 }
    }

    #[inline]
    fn step(&self, state: &mut State, multiplier: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let (value, rival) = (state.value, drawn(&mut draws));
        let won = wins(multiplier, value, rival) && rival <= state.budget;
        if won {
            state.budget -= rival;
            state.wins += 1;
            state.won += value;
        }
        state.value = drawn(&mut draws);
        state.auctions -= 1;
        Outcome { reward: if won { value as f32 } else { 0.0 }, terminated: state.auctions == 0 }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = state.auctions as f32 / self.auctions as f32;
        row[1] = state.budget as f32 / self.budget as f32;
        if self.value == Value::Seen {
            row[2] = state.value as f32 / MOST as f32;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let spent = f64::from(self.budget - state.budget);
        out[0] = f64::from(state.wins) / f64::from(self.auctions - state.auctions);
        out[1] = spent / f64::from(self.budget);
        out[2] = if spent > 0.0 { f64::from(state.won) / spent } else { 0.0 };
    }

    fn costs(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(self.budget - state.budget);
    }

    fn expected_reward(&self, state: &State, multiplier: Elem<'_, Self>) -> f64 {
        match self.value {
            Value::Seen => gain(multiplier, state.value, state.budget, &NOTHING),
            // Who does not see the value is not told of it here either.
            Value::Hidden => mean_gain(multiplier, state.budget, &NOTHING),
        }
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let multiplier = match policy.name {
            // Nothing is left to be won: any multiplier will do.
            "oracle" if state.auctions == 0 => 0.0,
            "oracle" => {
                let multipliers = self.multipliers.get(|| self.best().1);
                let place = (state.auctions - 1) * (self.budget + 1) + state.budget;
                multipliers[(place * MOST + state.value - 1) as usize]
            }
            "truthful" => 1.0,
            "fixed-A" => policy.value.expect("the pattern has a number"),
            "best-fixed" => self.best_fixed(),
            _ => HIGH,
        };
        self.action_space().write(multiplier, action);
    }

    fn optimum(&self) -> Optimum {
        let best = self.best().0;
        let chosen = self.pieces();
        let random = self.backwards(|left, later| {
            let pieces = chosen.iter();
            pieces.fold(0.0, |sum, &(multiplier, share)| sum + share * mean_gain(multiplier, left, later))
        });
        let others = vec![
            ("myopic", self.fixed(HIGH)),
            ("truthful", self.fixed(1.0)),
            ("best-fixed", self.fixed(self.best_fixed())),
        ];
        Optimum {
            lower: best,
            upper: best,
            tolerance: 1e-9 * best,
            method: "backwards over auctions and money",
            random,
            random_se: 0.0,
            others,
        }
    }
}

#[inline]
fn drawn(draws: &mut Stream) -> u32 {
    1 + draws.below(MOST)
}

/// Whether the bid is high enough.
#[inline]
fn wins(multiplier: f32, value: u32, rival: u32) -> bool {
    multiplier * value as f32 + SLACK >= rival as f32
}

/// What a multiplier is expected to bring at a known value with `left` units of money, of which n are worth `later[n]`
/// afterwards.
fn gain(multiplier: f32, value: u32, left: u32, later: &[f64]) -> f64 {
    let rivals = (1..=MOST).take_while(|&rival| rival <= left && wins(multiplier, value, rival));
    let after = |rival: u32| later[(left - rival) as usize] - later[left as usize];
    rivals.fold(0.0, |sum, rival| sum + f64::from(value) + after(rival)) / f64::from(MOST)
}

/// The same before the value is known.
fn mean_gain(multiplier: f32, left: u32, later: &[f64]) -> f64 {
    (1..=MOST).fold(0.0, |sum, value| sum + gain(multiplier, value, left, later)) / f64::from(MOST)
}

impl BudgetPacing {
    /// The multipliers that make a difference, from the least, and the share of a uniform draw that acts like each.
    fn pieces(&self) -> Vec<(f32, f64)> {
        match self.actions {
            Form::Grid => {
                let share = 1.0 / f64::from(LEVELS);
                self.action_space().grid().map(|multiplier| (multiplier, share)).collect()
            }
            Form::Continuous => {
                let ratio = |value: u32| (1..=MOST).map(move |rival| rival as f32 / value as f32);
                let mut all: Vec<f32> = (1..=MOST).flat_map(ratio).filter(|&m| m <= HIGH).collect();
                all.push(0.0);
                all.sort_by(f32::total_cmp);
                all.dedup_by(|a, b| *a - *b < SLACK);
                let next = |i: usize| all.get(i + 1).copied().unwrap_or(HIGH);
                let share = |i: usize| f64::from(next(i) - all[i]) / f64::from(HIGH);
                (0..all.len()).map(|i| (all[i], share(i))).collect()
            }
        }
    }

    /// Value from the start when `step(money left, later)` is what an auction adds to `later[money left]`.
    fn backwards(&self, mut step: impl FnMut(u32, &[f64]) -> f64) -> f64 {
        let mut value = vec![0.0; self.budget as usize + 1];
        for _ in 0..self.auctions {
            value = (0..=self.budget).map(|left| value[left as usize] + step(left, &value)).collect();
        }
        value[self.budget as usize]
    }

    fn fixed(&self, multiplier: f32) -> f64 {
        self.backwards(|left, later| mean_gain(multiplier, left, later))
    }

    /// The lowest of the best single multipliers that make a difference.
    fn best_fixed(&self) -> f32 {
        *self.best_fixed.get(|| highest_of(&self.pieces(), |multiplier| self.fixed(multiplier)).0)
    }

    /// The best value, and the best multiplier by auctions left, money left and value.
    fn best(&self) -> (f64, Vec<f32>) {
        let (pieces, mut multipliers) = (self.pieces(), Vec::new());
        let value = self.backwards(|left, later| match self.value {
            Value::Hidden => {
                let (multiplier, gain) = highest_of(&pieces, |multiplier| mean_gain(multiplier, left, later));
                multipliers.extend([multiplier; MOST as usize]);
                gain
            }
            Value::Seen => {
                let mut sum = 0.0;
                for value in 1..=MOST {
                    let (multiplier, gain) = highest_of(&pieces, |multiplier| gain(multiplier, value, left, later));
                    multipliers.push(multiplier);
                    sum += gain;
                }
                sum / f64::from(MOST)
            }
        });
        (value, multipliers)
    }
}

/// The first of the multipliers for which `worth` is highest, and its worth.
fn highest_of(pieces: &[(f32, f64)], worth: impl Fn(f32) -> f64) -> (f32, f64) {
    let mut best = (pieces[0].0, worth(pieces[0].0));
    for &(multiplier, _) in &pieces[1..] {
        let value = worth(multiplier);
        if value > best.1 {
            best = (multiplier, value);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    fn interval() -> BudgetPacing {
        BudgetPacing { actions: Form::Continuous, ..BudgetPacing::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = BudgetPacing::default().optimum();
        let digits = |value: f64| (value * 10.0).round() / 10.0;
        assert_eq!(optimum.lower.round(), 119.0);
        assert_eq!([optimum.random, optimum.others[0].1].map(digits), [87.3, 70.1]);
        let between = interval().optimum().lower;
        assert!(between > optimum.lower && between < 1.02 * optimum.lower, "{between}");
    }

    /// On the grid a win is a comparison of whole numbers.
    #[test]
    fn bids_of_the_grid_are_exact() {
        for (i, multiplier) in (0..).zip(BudgetPacing::default().action_space().grid()) {
            for (value, rival) in (1..=MOST).flat_map(|value| (1..=MOST).map(move |rival| (value, rival))) {
                assert_eq!(wins(multiplier, value, rival), i * value >= 10 * rival, "{i} {value} {rival}");
            }
        }
    }

    /// No policy earns more than the fluid bound, whose minimum lies at one of the ratios v/x, nor much less.
    #[test]
    fn the_optimum_is_near_the_fluid_bound() {
        let pairs = || (1..=10).flat_map(|v| (1..=10).map(move |x| [f64::from(v), f64::from(x)]));
        let bound = |mu: f64| {
            let surplus = pairs().map(|[v, x]| if v > mu * x { v - mu * x } else { 0.0 }).sum::<f64>() / 100.0;
            50.0 * surplus + mu * 50.0
        };
        let bound = pairs().map(|[v, x]| bound(v / x)).min_by(f64::total_cmp).expect("ratios");
        // The fluid problem sees the value before the bid.
        let seen = BudgetPacing { value: Value::Seen, ..interval() }.optimum().lower;
        assert!(seen < bound && seen > 0.95 * bound, "{seen} {bound}");
        assert!(interval().optimum().lower < seen);
    }

    /// By enumeration of all plans of two auctions with three units of money.
    #[test]
    fn two_auctions_by_hand() {
        let env = BudgetPacing { auctions: 2, budget: 3, ..BudgetPacing::default() };
        let once = |multiplier: f32, left: u32, then: &dyn Fn(u32) -> f64| {
            let mut sum = 0.0;
            for (value, rival) in (1..=MOST).flat_map(|value| (1..=MOST).map(move |rival| (value, rival))) {
                let won = wins(multiplier, value, rival) && rival <= left;
                sum += if won { f64::from(value) + then(left - rival) } else { then(left) };
            }
            sum / 100.0
        };
        let best = |left: u32, then: &dyn Fn(u32) -> f64| {
            let values = env.action_space().grid().map(|multiplier| once(multiplier, left, then));
            values.max_by(f64::total_cmp).expect("multipliers")
        };
        let last = |left: u32| best(left, &|_| 0.0);
        assert!((env.optimum().lower - best(3, &last)).abs() < 1e-12);
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let seen = BudgetPacing { value: Value::Seen, auctions: 12, budget: 20, ..BudgetPacing::default() };
        for env in [BudgetPacing::default(), interval(), seen] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 2000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: BudgetPacing| env.validate().expect_err("not admissible").to_string();
        assert!(named(BudgetPacing { auctions: 0, ..BudgetPacing::default() }).contains("auctions"));
        assert!(named(BudgetPacing { budget: 1001, ..BudgetPacing::default() }).contains("budget"));
    }
}
