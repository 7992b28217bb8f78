//! # One price for customers who buy by the logit rule: the simplest pricing bandit
//!
//! A monopolist posts a price; a customer with logit demand buys or not; the next one comes. Nothing carries over, so
//! the whole problem is to find the peak of one curve. With `customers = "contextual"` taste and cost change from step
//! to step and are seen, and the peak moves with them.
//!
//! - Purchase: probability q(p) = σ((a − a_0 − p)/μ), σ the logistic function, a the `quality`, a_0 the `outside` option,
//!   μ the `noise` of tastes, c the `cost`.
//! - Best price, from (p − c)(1 − q) = μ: p* = c + μ (1 + w) with w = W(e^((a − a_0 − c)/μ − 1)), W Lambert's function,
//!   clipped to the interval; unclipped it earns μ w.
//! - Contextual: at each step a is uniform on `quality` ± 0.5 and c on `cost` ± 0.5, independently.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price, in [`low`, `high`] |
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices, both ends among them: 1, 1.1 … 3 |
//! | Observation, `customers = "alike"` | `constant`: 1 (1 number) |
//! | Observation, `customers = "contextual"` | `taste`: twice the deviation of a from `quality` (1 in [−1, 1]); `burden`: twice that of c from `cost` (1 in [−1, 1]) |
//! | Reward, `reward = "sampled"` | p − c if the customer buys, else 0 |
//! | Reward, `reward = "expected"` | (p − c) q(p) |
//! | Start | a customer |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no price changes who comes |
//! | Parameters | `customers` (`alike` or `contextual`, default alike), `actions` (`continuous` or `grid`, default continuous), `levels` of the grid (2 to 1000, default 21), `reward` (`sampled` or `expected`, default sampled), `quality` (0 to 10, default 2), `outside` (−10 to 10, default 0), `cost` (0.5 to 10, default 1), `noise` (0.05 to 5, default 0.25), `low` (0 to 20, default 1), `high` (above `low`, at most 20, default 3), `horizon` (1 to 100000, default 100) |
//! | Metrics | `sold`: purchases per step; `mean_price`: mean of the posted prices |
//! | Reference policies | `random`: uniform on the interval or the grid; `fixed-P`: the admissible price next to P; `best-fixed`: the best single price; `myopic` and `oracle`, the same here: p* |
//! | Optimum, alike | exact, 0.552 per step, at 1.802: closed form; random 0.296, by Simpson's rule (error below 10^-9). On the grid 0.552, random 0.282 |
//! | Optimum, contextual | exact, by Simpson's rule over both contexts (error below 10^-6); with the prices in [0.5, 3.5] of `pricing/logit-monopoly-contextual-v1`, 0.575 per step, best fixed price 0.521, random 0.172 |
//! | Learning | alike: trivial, one number; contextual: easy for any method that generalises over two numbers |
//! | Source | own design; the logit monopoly of Anderson, de Palma, Thisse 1992, "Discrete choice theory of product differentiation", with the tastes of Calvano et al. 2020 |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{lambert_w_exp64, sigmoid, sigmoid64},
    oracle::{
        Memo,
        peak::highest,
        quadrature::{uniform_mean, uniform_mean_2},
    },
    rng::{Purpose, Rng, Stream},
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

/// Half the width of the intervals of taste and cost.
const SPREAD: f32 = 0.5;
/// Parts of Simpson's rule over each context.
const PARTS: u32 = 128;

/// Whether customers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Customers {
    /// All have the same taste and cost the same.
    Alike,
    /// Taste and cost are drawn for each and seen.
    Contextual,
}

/// What the seller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// The profit of the customer at hand.
    Sampled,
    /// Its expectation.
    Expected,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogitMonopoly {
    /// Whether customers differ.
    pub customers: Customers,
    /// Whether the price is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of prices of the grid.
    pub levels: u32,
    /// What the seller is told.
    pub reward: Reward,
    /// Utility of the product at price 0.
    pub quality: f32,
    /// Utility of buying nothing.
    pub outside: f32,
    /// Cost of a unit.
    pub cost: f32,
    /// How much tastes differ, in units of the price.
    pub noise: f32,
    /// Least price.
    pub low: f32,
    /// Greatest price.
    pub high: f32,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    pub(super) best_fixed: Memo<f64>,
}

impl Default for LogitMonopoly {
    fn default() -> Self {
        LogitMonopoly {
            customers: Customers::Alike,
            actions: Form::Continuous,
            levels: 21,
            reward: Reward::Sampled,
            quality: 2.0,
            outside: 0.0,
            cost: 1.0,
            noise: 0.25,
            low: 1.0,
            high: 3.0,
            horizon: 100,
            best_fixed: Memo::default(),
        }
    }
}

/// An episode: the customer at hand, and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    taste: f32,
    burden: f32,
    steps: u32,
    sold: u32,
    posted: f32,
}

impl Env for LogitMonopoly {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["sold", "mean_price"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-P", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        between("levels", self.levels, 2, 1000)?;
        between("quality", self.quality, 0.0, 10.0)?;
        between("outside", self.outside, -10.0, 10.0)?;
        between("cost", self.cost, 0.5, 10.0)?;
        between("noise", self.noise, 0.05, 5.0)?;
        between("low", self.low, 0.0, 20.0)?;
        if !(self.high > self.low && self.high <= 20.0) {
            return Err(parameter("high", self.high, "above `low` and at most 20"));
        }
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: self.low, high: self.high, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, low| Field { name, len: 1, low, high: 1.0 };
        match self.customers {
            Customers::Alike => vec![field("constant", 1.0)],
            Customers::Contextual => vec![field("taste", -1.0), field("burden", -1.0)],
        }
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let [taste, burden] = self.customer(&mut rng.stream(Purpose::RESET));
        State { taste, burden, steps: 0, sold: 0, posted: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, price: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let share = self.demand(state, price);
        let sold = draws.bernoulli(share);
        let reward = (price - self.burdened(state))
            * match self.reward {
                Reward::Sampled => f32::from(u8::from(sold)),
                Reward::Expected => share,
            };
        [state.taste, state.burden] = self.customer(&mut draws);
        state.steps += 1;
        state.sold += u32::from(sold);
        state.posted += price;
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        match self.customers {
            Customers::Alike => row[0] = 1.0,
            Customers::Contextual => {
                row[0] = state.taste;
                row[1] = state.burden;
            }
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.sold) / steps;
        out[1] = f64::from(state.posted) / steps;
    }

    fn expected_reward(&self, state: &State, price: Elem<'_, Self>) -> f64 {
        f64::from(price - self.burdened(state)) * f64::from(self.demand(state, price))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let price = match policy.name {
            "best-fixed" => self.best_fixed() as f32,
            "fixed-P" => policy.value.expect("the pattern has a number"),
            _ => self.best_price(f64::from(self.tasted(state)), f64::from(self.burdened(state))) as f32,
        };
        self.action_space().write(price, action);
    }

    fn optimum(&self) -> Optimum {
        let at_best = |quality, cost| self.profit(self.best_price(quality, cost), quality, cost);
        let best = self.mean(at_best);
        let [random] = self.action_space().mean(
            |price| [self.fixed(price)],
            || uniform_mean(|price| [self.fixed(price)], f64::from(self.low), f64::from(self.high)),
        );
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32; where a price is clipped, Simpson's rule meets a kink.
            tolerance: match self.customers {
                Customers::Alike => 1e-6 * best.abs(),
                Customers::Contextual => 1e-5 * best.abs(),
            },
            method: match self.customers {
                Customers::Alike => "closed form",
                Customers::Contextual => "closed form at each context, Simpson's rule over them",
            },
            random,
            random_se: 0.0,
            others: vec![("best-fixed", self.fixed(self.best_fixed())), ("myopic", best)],
        }
    }
}

impl LogitMonopoly {
    /// Taste and burden of the next customer.
    #[inline]
    fn customer(&self, draws: &mut Stream) -> [f32; 2] {
        match self.customers {
            Customers::Alike => [0.0; 2],
            Customers::Contextual => [(); 2].map(|()| 2.0 * draws.uniform() - 1.0),
        }
    }

    /// The quality that the customer at hand sees.
    #[inline]
    fn tasted(&self, state: &State) -> f32 {
        self.quality + SPREAD * state.taste
    }

    /// The cost of serving the customer at hand.
    #[inline]
    fn burdened(&self, state: &State) -> f32 {
        self.cost + SPREAD * state.burden
    }

    /// The probability that the customer at hand buys.
    #[inline]
    fn demand(&self, state: &State, price: f32) -> f32 {
        sigmoid((self.tasted(state) - self.outside - price) / self.noise)
    }

    fn share(&self, price: f64, quality: f64) -> f64 {
        sigmoid64((quality - f64::from(self.outside) - price) / f64::from(self.noise))
    }

    fn profit(&self, price: f64, quality: f64, cost: f64) -> f64 {
        (price - cost) * self.share(price, quality)
    }

    /// p* of the page.
    fn best_price(&self, quality: f64, cost: f64) -> f64 {
        let (noise, outside) = (f64::from(self.noise), f64::from(self.outside));
        let peak = || cost + noise * (1.0 + lambert_w_exp64((quality - outside - cost) / noise - 1.0));
        self.action_space().best(|price| self.profit(price, quality, cost), peak)
    }

    /// The mean of `f(quality, cost)` over customers.
    fn mean(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        let around = |middle: f32| [-SPREAD, SPREAD].map(|shift| f64::from(middle) + f64::from(shift));
        match self.customers {
            Customers::Alike => f(f64::from(self.quality), f64::from(self.cost)),
            Customers::Contextual => uniform_mean_2(PARTS, f, [self.quality, self.cost].map(around)),
        }
    }

    /// What `price` earns per step. The profit is linear in the cost, so that its mean over costs is that of the mean.
    fn fixed(&self, price: f64) -> f64 {
        let profit = |quality| self.profit(price, quality, f64::from(self.cost));
        let quality = f64::from(self.quality);
        match self.customers {
            Customers::Alike => profit(quality),
            Customers::Contextual => {
                let spread = f64::from(SPREAD);
                uniform_mean(|quality| [profit(quality)], quality - spread, quality + spread)[0]
            }
        }
    }

    fn best_fixed(&self) -> f64 {
        *self.best_fixed.get(|| {
            let fixed = |price| self.fixed(price);
            self.action_space().best(fixed, || highest(fixed, f64::from(self.low), f64::from(self.high)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{math::exp64, suite::played::play};

    fn contextual() -> LogitMonopoly {
        LogitMonopoly { customers: Customers::Contextual, low: 0.5, high: 3.5, ..LogitMonopoly::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        let optimum = LogitMonopoly::default().optimum();
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [0.552, 0.552, 0.296]);
        let optimum = contextual().optimum();
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [0.575, 0.575, 0.172]);
        assert_eq!(optimum.others[0].0, "best-fixed");
        assert_eq!(digits(optimum.others[0].1), 0.521);
        let menu = LogitMonopoly { actions: Form::Grid, ..LogitMonopoly::default() }.optimum();
        assert_eq!([menu.lower, menu.random].map(digits), [0.552, 0.282]);
    }

    /// W(e) = 1: with noise 0.5 and a − c = 2 · 0.5 · 2 the best price is c + 2 · 0.5 and the profit 0.5.
    #[test]
    fn a_round_case_by_hand() {
        let env = LogitMonopoly { noise: 0.5, ..LogitMonopoly::default() };
        assert!((env.best_price(2.0, 1.0) - 2.0).abs() < 1e-12);
        assert!((env.optimum().lower - 0.5).abs() < 1e-12);
        assert!(
            (env.share(2.0, 2.0) - 0.5).abs() < 1e-15 && (env.share(2.5, 2.0) - 1.0 / (1.0 + exp64(1.0))).abs() < 1e-15
        );
    }

    #[test]
    fn no_price_of_a_fine_grid_does_better() {
        let env = contextual();
        for (quality, cost) in [(1.5, 0.5), (1.5, 1.5), (2.0, 1.0), (2.5, 0.5), (2.5, 1.5)] {
            let best = env.profit(env.best_price(quality, cost), quality, cost);
            let grid = (0..=3000).map(|i| env.profit(0.5 + 0.001 * f64::from(i), quality, cost));
            let grid = grid.max_by(f64::total_cmp).expect("prices");
            assert!(grid <= best + 1e-12 && best - grid < 1e-5, "{quality} {cost}: {best} {grid}");
        }
    }

    #[test]
    fn steps_are_worth_what_the_equations_say() {
        let menu = LogitMonopoly { actions: Form::Grid, ..contextual() };
        let told = LogitMonopoly { reward: Reward::Expected, ..contextual() };
        for env in [LogitMonopoly::default(), contextual(), menu, told] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 500).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: LogitMonopoly| env.validate().expect_err("not admissible").to_string();
        assert!(named(LogitMonopoly { levels: 1, ..LogitMonopoly::default() }).contains("levels"));
        assert!(named(LogitMonopoly { quality: -1.0, ..LogitMonopoly::default() }).contains("quality"));
        assert!(named(LogitMonopoly { outside: f32::NAN, ..LogitMonopoly::default() }).contains("outside"));
        assert!(named(LogitMonopoly { cost: 0.0, ..LogitMonopoly::default() }).contains("cost"));
        assert!(named(LogitMonopoly { noise: 0.0, ..LogitMonopoly::default() }).contains("noise"));
        assert!(named(LogitMonopoly { low: -1.0, ..LogitMonopoly::default() }).contains("low"));
        assert!(named(LogitMonopoly { high: 1.0, ..LogitMonopoly::default() }).contains("high"));
        assert!(named(LogitMonopoly { horizon: 0, ..LogitMonopoly::default() }).contains("horizon"));
    }
}
