//! # Selling a large block of shares: each sale moves the price, each wait is a risk
//!
//! `shares` are to be sold within `steps` steps. Selling much at once depresses the price against yourself; holding on
//! leaves what is not yet sold to the mercy of the market. Cost and risk are weighed by the seller's `aversion`, and
//! the best plan, known in closed form, sells most at first and ever less. Who looks at the cost of the next sale only
//! never sells until the end must, at the worst price.
//!
//! - In a step of length τ = `day` n shares are sold and x are left. Cost and risk of the plan together:
//!   U = ½ γ X² + ε X + Σ ((η̃/τ) n² + λ σ² τ x²), X = `shares`, η̃ = `impact` − ½ γ τ, γ = `permanent`, ε = `spread`,
//!   σ = `volatility`, λ = `aversion`.
//! - Best plan: with κ̃² = λ σ²/η̃ and κ = arcosh(1 + κ̃² τ²/2)/τ, after step k of N there are
//!   x = X sinh(κ (N − k) τ)/sinh(κ N τ) left. On the grid, backwards over the steps: the value is c x² with
//!   c ← min_f (η̃/τ) f² + (λ σ² τ + c)(1 − f)².
//!
//! | | |
//! |---|---|
//! | Action, `actions = "grid"` | `Discrete(levels)`: the share of what is held to be sold, 0, 0.1 … 1; in the last step all is sold |
//! | Action, `actions = "continuous"` | `Continuous(1)`: that share, in [0, 1] |
//! | Observation | `holdings`: twice the share of the block that is held, less 1 (1 number in [−1, 1]); `time`: share of the steps that are over (1 in [0, 1]) |
//! | Reward | −((η̃/τ) n² + λ σ² τ x²) in millions, x after the sale |
//! | Start | the whole block, all steps left |
//! | End | terminated after the last step |
//! | Discount | 1 |
//! | Parameters | `actions` (`grid` or `continuous`, default grid), `levels` of the grid (2 to 1001, default 11), `shares` (1 to 10^8, default 10^6), `steps` (1 to 1000, default 5), `day` (0.001 to 100, default 1), `volatility` (0 to 100 per day^½, default 0.95), `impact` (10^-9 to 10^-3 per share and day, default 2.5·10^-6), `permanent` (0 to 10^-3 per share, default 2.5·10^-7; at most twice `impact` by `day`), `spread` (0 to 10, default 0.0625), `aversion` (0 to 10^-3, default 10^-6) |
//! | Metrics | `cost`: U in millions, with ½ γ X² + ε X; `risk`: standard deviation of what the sale brings, in millions |
//! | Reference policies | `random`: a uniform share of what is held; `myopic`: nothing until the last step, the least cost at once; `twap`: equal parts (on the grid the nearest share); `oracle`: the best plan |
//! | Optimum, grid | exact, −1.097 (U = 1.284 million): backwards over the steps. Random −1.77, myopic −5.99, equal parts −1.66 |
//! | Optimum, continuous | exact, −1.088 (U = 1.275 million): closed form; random −1.65, myopic −5.99, equal parts −1.56 |
//! | Learning | easy: two numbers, five steps |
//! | Source | Almgren, Chriss 2000, "Optimal execution of portfolio transactions", with the parameters of its example |
//!
//! Prices themselves are random, but what they do enters cost and risk in expectation only, so nothing here is drawn.
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    oracle::Memo,
    rng::Rng,
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

/// Rewards are in millions.
const MILLION: f64 = 1e6;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Execution {
    /// Whether the share is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of shares of the grid.
    pub levels: u32,
    /// The block, shares.
    pub shares: f64,
    /// Number of steps.
    pub steps: u32,
    /// Length of a step, days.
    pub day: f64,
    /// Standard deviation of the price after a day.
    pub volatility: f64,
    /// Fall of the price of a sale per share and day.
    pub impact: f64,
    /// Lasting fall of the price per share.
    pub permanent: f64,
    /// Half the spread.
    pub spread: f64,
    /// Weight of the variance.
    pub aversion: f64,
    #[serde(skip)]
    plan: Memo<Vec<f64>>,
}

impl Default for Execution {
    fn default() -> Self {
        Execution {
            actions: Form::Grid,
            levels: 11,
            shares: 1e6,
            steps: 5,
            day: 1.0,
            volatility: 0.95,
            impact: 2.5e-6,
            permanent: 2.5e-7,
            spread: 0.0625,
            aversion: 1e-6,
            plan: Memo::default(),
        }
    }
}

/// An episode: what is held, and what was paid for it so far.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    held: f32,
    step: u32,
    lost: f32,
    squares: f32,
}

impl Env for Execution {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["cost", "risk"];
    const POLICIES: &'static [&'static str] = &["myopic", "twap", "oracle"];

    fn validate(&self) -> Result<()> {
        between("levels", self.levels, 2, 1001)?;
        between("shares", self.shares, 1.0, 1e8)?;
        between("steps", self.steps, 1, 1000)?;
        between("day", self.day, 0.001, 100.0)?;
        between("volatility", self.volatility, 0.0, 100.0)?;
        between("impact", self.impact, 1e-9, 1e-3)?;
        between("spread", self.spread, 0.0, 10.0)?;
        between("aversion", self.aversion, 0.0, 1e-3)?;
        // Beyond, it would pay to sell all at once to push the price of the rest.
        if !(self.permanent >= 0.0 && self.permanent * self.day < 2.0 * self.impact && self.permanent <= 1e-3) {
            return Err(parameter("permanent", self.permanent, "at least 0, at most 0.001, below 2 `impact` / `day`"));
        }
        Ok(())
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: 0.0, high: 1.0, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, low| Field { name, len: 1, low, high: 1.0 };
        vec![field("holdings", -1.0), field("time", 0.0)]
    }

    fn horizon(&self) -> u32 {
        self.steps
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, _: &Rng) -> State {
        State { held: 1.0, step: 0, lost: 0.0, squares: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, share: Elem<'_, Self>, _: &Rng) -> Outcome {
        let (reward, left) = self.sale(state, share);
        state.held = left;
        state.lost -= reward;
        state.squares += left * left;
        state.step += 1;
        Outcome { reward, terminated: state.step == self.steps }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = 2.0 * state.held - 1.0;
        row[1] = state.step as f32 / self.steps as f32;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(state.lost) + self.fixed_cost();
        let variance = self.volatility * self.volatility * self.day * f64::from(state.squares);
        out[1] = self.shares / MILLION * variance.sqrt();
    }

    fn expected_reward(&self, state: &State, share: Elem<'_, Self>) -> f64 {
        f64::from(self.sale(state, share).0)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        // Over: any share will do.
        let left = self.steps - state.step;
        let share = match policy.name {
            _ if left == 0 => 0.0,
            "oracle" => self.plan.get(|| self.best().1)[left as usize - 1],
            "twap" => 1.0 / f64::from(left),
            _ => 0.0,
        };
        self.action_space().write(share as f32, action);
    }

    fn optimum(&self) -> Optimum {
        let shares = self.action_space();
        let fixed = |share: f64| [share * share, (1.0 - share) * (1.0 - share)];
        let twap = |left: u32| shares.best(|share| -(share - 1.0 / f64::from(left)).abs(), || 1.0 / f64::from(left));
        let best = self.best().0;
        // A uniform share f: f² and (1 − f)² have the mean 1/3 on the interval.
        let drawn = shares.mean(fixed, || [1.0 / 3.0; 2]);
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32.
            tolerance: 1e-5 * best.abs(),
            method: match self.actions {
                Form::Grid => "backwards over the steps",
                Form::Continuous => "closed form",
            },
            random: self.value(|left, _| if left == 1 { [1.0, 0.0] } else { drawn }),
            random_se: 0.0,
            others: vec![
                ("myopic", self.value(|left, _| fixed(if left == 1 { 1.0 } else { 0.0 }))),
                ("twap", self.value(|left, _| fixed(if left == 1 { 1.0 } else { twap(left) }))),
            ],
        }
    }
}

impl Execution {
    /// η̃/τ and λσ²τ for the whole block, in millions.
    #[inline]
    fn weights(&self) -> [f64; 2] {
        let block = self.shares * self.shares / MILLION;
        let temporary = self.impact - 0.5 * self.permanent * self.day;
        [temporary / self.day * block, self.aversion * self.volatility * self.volatility * self.day * block]
    }

    /// The part of U that no plan changes, in millions.
    fn fixed_cost(&self) -> f64 {
        (0.5 * self.permanent * self.shares + self.spread) * self.shares / MILLION
    }

    /// The reward of selling `share` of what is held, and what is held then.
    #[inline]
    fn sale(&self, state: &State, share: f32) -> (f32, f32) {
        let [trade, hold] = self.weights().map(|weight| weight as f32);
        let share = if state.step + 1 == self.steps { 1.0 } else { share };
        let sold = share * state.held;
        let left = state.held - sold;
        (-(trade * sold * sold + hold * left * left), left)
    }

    /// Value of the whole block when in each step, asked for from the last, `moments(steps left, c)` are the means of f²
    /// and (1 − f)², what is left being worth −c times its square afterwards.
    fn value(&self, mut moments: impl FnMut(u32, f64) -> [f64; 2]) -> f64 {
        let [trade, hold] = self.weights();
        let mut later = 0.0;
        for left in 1..=self.steps {
            let [sold, kept] = moments(left, later);
            later = trade * sold + (hold + later) * kept;
        }
        -later
    }

    /// The best value and the best shares, by steps left.
    fn best(&self) -> (f64, Vec<f64>) {
        let ([trade, hold], mut shares) = (self.weights(), Vec::new());
        let value = self.value(|left, later| {
            let worth = |f: f64| -(trade * f * f + (hold + later) * (1.0 - f) * (1.0 - f));
            let share = match left {
                1 => 1.0,
                _ => self.action_space().best(worth, || (hold + later) / (trade + hold + later)),
            };
            shares.push(share);
            [share * share, (1.0 - share) * (1.0 - share)]
        });
        (value, shares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        math::{exp64, ln64},
        suite::played::play,
    };

    fn interval() -> Execution {
        Execution { actions: Form::Continuous, ..Execution::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = interval().optimum();
        assert!((optimum.lower + 1.08786).abs() < 5e-6, "{optimum:?}");
        let cost = |value: f64| interval().fixed_cost() - value;
        assert!((interval().fixed_cost() - 0.1875).abs() < 1e-12);
        let grid = Execution::default().optimum();
        let digits = |value: f64| (cost(value) * 100.0).round() / 100.0;
        assert_eq!([grid.lower, grid.random, grid.others[0].1].map(digits), [1.28, 1.96, 6.17]);
        assert!(grid.lower < optimum.lower);
    }

    /// The plan of the paper, by hyperbolic functions.
    #[test]
    fn the_plan_is_the_closed_form() {
        let sinh = |x: f64| (exp64(x) - exp64(-x)) / 2.0;
        for env in [interval(), Execution { steps: 9, day: 0.5, aversion: 3e-6, ..interval() }] {
            let temporary = env.impact - 0.5 * env.permanent * env.day;
            let squared = env.aversion * env.volatility * env.volatility / temporary;
            let cosh = 1.0 + squared * env.day * env.day / 2.0;
            let kappa = ln64(cosh + (cosh * cosh - 1.0).sqrt()) / env.day;
            let (whole, shares) = (kappa * f64::from(env.steps) * env.day, env.best().1);
            let mut held = 1.0;
            for left in (1..=env.steps).rev() {
                held *= 1.0 - shares[left as usize - 1];
                let expected = sinh(kappa * f64::from(left - 1) * env.day) / sinh(whole);
                assert!((held - expected).abs() < 1e-12, "{left}: {held} {expected}");
            }
        }
    }

    /// Every plan of three steps on the grid.
    #[test]
    fn no_plan_of_the_grid_does_better() {
        let env = Execution { steps: 3, ..Execution::default() };
        let [trade, hold] = env.weights();
        let grid: Vec<f64> = env.action_space().grid().map(f64::from).collect();
        let mut best = f64::NEG_INFINITY;
        for (first, second) in grid.iter().flat_map(|&first| grid.iter().map(move |&second| (first, second))) {
            let (mut held, mut value) = (1.0, 0.0);
            for share in [first, second, 1.0] {
                let sold = share * held;
                held -= sold;
                value -= trade * sold * sold + hold * held * held;
            }
            best = if value > best { value } else { best };
        }
        assert!((env.optimum().lower - best).abs() < 1e-12);
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for env in [Execution::default(), interval()] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 2000).agrees_with(value, 2.0 * optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Execution| env.validate().expect_err("not admissible").to_string();
        assert!(named(Execution { levels: 1, ..Execution::default() }).contains("levels"));
        assert!(named(Execution { shares: 0.0, ..Execution::default() }).contains("shares"));
        assert!(named(Execution { steps: 0, ..Execution::default() }).contains("steps"));
        assert!(named(Execution { day: 0.0, ..Execution::default() }).contains("day"));
        assert!(named(Execution { volatility: -1.0, ..Execution::default() }).contains("volatility"));
        assert!(named(Execution { impact: 0.0, ..Execution::default() }).contains("impact"));
        assert!(named(Execution { permanent: 5e-6, ..Execution::default() }).contains("permanent"));
        assert!(named(Execution { spread: f64::NAN, ..Execution::default() }).contains("spread"));
        assert!(named(Execution { aversion: 1.0, ..Execution::default() }).contains("aversion"));
    }
}
