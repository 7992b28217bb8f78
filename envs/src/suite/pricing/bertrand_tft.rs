//! # A rival who asks for what you asked for last: cooperation that pays, if you are patient
//!
//! Two firms set prices for customers with logit demand. The rival repeats your last price (`rival = "tit_for_tat"`), or
//! goes one step of the grid below it (`"undercut"`). The best answer to today's price of the rival earns most today
//! and makes tomorrow's rival aggressive; against a rival who mirrors you, staying at a high price is best. With one
//! firm scripted, the game of `pricing/bertrand-v1` becomes a finite decision problem with an exact optimum.
//!
//! State s: the rival's price now, an index of the grid. You choose index a; profit π(a, s) by the logit market
//! ([`market`](super::market)); then s becomes a, or max(a − 1, 0) against the undercutting rival.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(levels)`: a price of the grid |
//! | Observation | `rival_price`: one-hot s (`levels` numbers in [0, 1]) |
//! | Reward | your profit π(a, s) |
//! | Start | s = 1 |
//! | End | truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `rival` (`tit_for_tat` or `undercut`, default tit_for_tat), `discount` (above 0, at most 0.999, default 0.95), `horizon` (1 to 10000, default 300), `market`, a table: `firms` (2), `quality` (0 to 10, default 2), `cost` (0 to 10, default 1), `outside` (−10 to 10, default 0), `noise` (0.05 to 5, default 0.25), `margin` (0 to 1, default 0.1), `levels` (2 to 100, default 15) |
//! | Metrics | `mean_price`: mean of your prices; `profit_gain`: Δ of your mean profit, 0 at the competitive profit, 1 at the collusive one |
//! | Reference policies | `random`; `myopic`: the best answer to the rival's price; `oracle`: optimal |
//! | Optimum | exact: policy iteration over the `levels` states; against tit for tat 6.54, random 5.49, myopic 4.40 |
//! | Learning | easy, a small table, for an agent that does not discount too much |
//! | Source | the market of Calvano, Calzolari, Denicolò, Pastorello 2020; tit for tat after Axelrod 1984 |
//!
//! Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the
//! largest value.
//!
//! History: v1, first version.
use super::market::Market;
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::powi64,
    oracle::{
        Memo,
        finite::{Finite, Solution},
    },
    rng::Rng,
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// The rival's first price.
const START: u32 = 1;

/// What the rival does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rival {
    /// Asks for what you asked for last.
    TitForTat,
    /// Asks for one step less.
    Undercut,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BertrandTft {
    /// What the rival does.
    pub rival: Rival,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    /// Firms and customers.
    pub market: Market,
    #[serde(skip)]
    pub(super) prices: Memo<Vec<f64>>,
    #[serde(skip)]
    pub(super) profits: Memo<Vec<f64>>,
    #[serde(skip)]
    pub(super) solution: Memo<Solution>,
}

impl Default for BertrandTft {
    fn default() -> Self {
        BertrandTft {
            rival: Rival::TitForTat,
            discount: 0.95,
            horizon: 300,
            market: Market::default(),
            prices: Memo::default(),
            profits: Memo::default(),
            solution: Memo::default(),
        }
    }
}

/// An episode: the rival's price now, and what was asked for and earned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    rival: u32,
    steps: u32,
    posted: f64,
    earned: f64,
}

impl Env for BertrandTft {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["mean_price", "profit_gain"];
    const POLICIES: &'static [&'static str] = &["myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        self.market.validate()?;
        between("market.firms", self.market.firms, 2, 2)?;
        if !(self.discount > 0.0 && self.discount <= 0.999) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.999"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(self.market.levels)
    }

    fn observation(&self) -> Vec<Field> {
        vec![Field { name: "rival_price", len: self.market.levels as usize, low: 0.0, high: 1.0 }]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, _: &Rng) -> State {
        State { rival: START, steps: 0, posted: 0.0, earned: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, _: &Rng) -> Outcome {
        let profit = self.profit(action, state.rival);
        state.steps += 1;
        state.posted += self.prices.get(|| self.market.prices())[action as usize];
        state.earned += profit;
        state.rival = self.answer(action);
        Outcome { reward: profit as f32, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[state.rival as usize] = 1.0;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = state.posted / steps;
        out[1] = self.market.gain(state.earned / steps);
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        f64::from(self.profit(action, state.rival) as f32)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        action.items[0] = match policy.name {
            "oracle" => self.solution().policy[state.rival as usize] as u32,
            _ => self.best_answer(state.rival),
        };
    }

    fn optimum(&self) -> Optimum {
        let (problem, solution) = (self.problem(), self.solution());
        let answers: Vec<u32> = (0..self.market.levels).map(|rival| self.best_answer(rival)).collect();
        let myopic = problem.evaluate(|state, action| if answers[state] as usize == action { 1.0 } else { 0.0 });
        let random = problem.evaluate(|_, _| 1.0 / f64::from(self.market.levels));
        let largest = solution.value.iter().fold(0.0, |largest, v| if v.abs() > largest { v.abs() } else { largest });
        let best = solution.value[START as usize];
        Optimum {
            lower: best,
            upper: best,
            tolerance: largest * (powi64(self.discount, self.horizon) + 1e-6),
            method: "policy iteration over the rival's prices",
            random: random[START as usize],
            random_se: 0.0,
            others: vec![("myopic", myopic[START as usize])],
        }
    }
}

impl BertrandTft {
    /// Your profit when you ask for price `mine` and the rival for `rival`.
    #[inline]
    fn profit(&self, mine: u32, rival: u32) -> f64 {
        let profits = self.profits.get(|| {
            let prices = self.market.prices();
            let against = |mine: f64| prices.iter().map(move |&rival| [mine, rival]);
            prices.iter().flat_map(|&mine| against(mine)).map(|both| self.market.profit(both.into_iter())).collect()
        });
        profits[(mine * self.market.levels + rival) as usize]
    }

    /// The rival's next price.
    #[inline]
    fn answer(&self, mine: u32) -> u32 {
        match self.rival {
            Rival::TitForTat => mine,
            Rival::Undercut => mine.saturating_sub(1),
        }
    }

    /// The lowest of your best prices for today.
    fn best_answer(&self, rival: u32) -> u32 {
        let mut best = 0;
        for mine in 1..self.market.levels {
            best = if self.profit(mine, rival) > self.profit(best, rival) { mine } else { best };
        }
        best
    }

    fn problem(&self) -> Finite {
        let levels = self.market.levels;
        let pairs = || (0..levels).flat_map(|rival| (0..levels).map(move |mine| (mine, rival)));
        Finite {
            actions: levels as usize,
            discount: self.discount,
            reward: pairs().map(|(mine, rival)| self.profit(mine, rival)).collect(),
            next: pairs().map(|(mine, _)| vec![(self.answer(mine) as usize, 1.0)]).collect(),
        }
    }

    fn solution(&self) -> &Solution {
        self.solution.get(|| self.problem().solve())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = BertrandTft::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [6.54, 5.49, 4.40]);
    }

    /// Value iteration, without linear equations.
    #[test]
    fn long_plans_approach_the_optimum() {
        for rival in [Rival::TitForTat, Rival::Undercut] {
            let env = BertrandTft { rival, ..BertrandTft::default() };
            let mut value = [0.0; 15];
            for _ in 0..600 {
                value = std::array::from_fn(|s| {
                    let worth = |a: u32| env.profit(a, s as u32) + 0.95 * value[env.answer(a) as usize];
                    (0..15).map(worth).max_by(f64::total_cmp).expect("prices")
                });
            }
            assert!((value[1] - env.optimum().lower).abs() < 1e-9, "{rival:?}");
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for rival in [Rival::TitForTat, Rival::Undercut] {
            let env = BertrandTft { rival, ..BertrandTft::default() };
            let optimum = env.optimum();
            for (policy, value) in [("oracle", optimum.lower), ("random", optimum.random), optimum.others[0]] {
                play(&env, policy, if policy == "random" { 2000 } else { 2 }).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: BertrandTft| env.validate().expect_err("not admissible").to_string();
        let market = |market: Market| BertrandTft { market, ..BertrandTft::default() };
        assert!(named(market(Market { firms: 3, ..Market::default() })).contains("market.firms"));
        assert!(named(market(Market { levels: 1, ..Market::default() })).contains("market.levels"));
        assert!(named(market(Market { noise: f32::NAN, ..Market::default() })).contains("market.noise"));
        assert!(named(BertrandTft { discount: 1.0, ..BertrandTft::default() }).contains("discount"));
        assert!(named(BertrandTft { horizon: 0, ..BertrandTft::default() }).contains("horizon"));
    }
}
