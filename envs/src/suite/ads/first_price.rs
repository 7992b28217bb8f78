//! # Bids in first-price auctions: how far below the value to go, against rivals of known strength
//!
//! At each step an impression is for sale, worth v to you; the best rival bid is random, its strength known from the
//! keyword. Who bids highest wins and pays the own bid, so that a truthful bid earns nothing. The best bid lies below
//! the value, and further below it the weaker the rivals are.
//!
//! - Rival: highest bid exponential with mean θ, θ one of `strengths`; you win if your bid b is at least as high.
//! - Expected surplus: (v − b)(1 − e^(−b/θ)); with u = W(e^(1 + v/θ)), W Lambert's function, the best bid is
//!   b* = v − θ (u − 1) and earns θ (u − 1)²/u.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "continuous"` | `Continuous(1)`: the bid, in [0, 1] |
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced bids, both ends among them: 0, 0.05 … 1 |
//! | Observation | `keyword`: one-hot θ (4 numbers in [0, 1]); `value`: v (1 in [0, 1]); with `feedback = "win"` also `last_win`: 1 if the last bid won (1 in [0, 1]); with `feedback = "full"` also `last_win` and `last_rival`: the last rival bid cut at 1 (1 in [0, 1]) |
//! | Reward | v − b if you win, else 0 |
//! | Start | v uniform on [0, 1], θ uniform over `strengths` |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no bid changes what is for sale next |
//! | Parameters | `actions` (`continuous` or `grid`, default continuous), `levels` of the grid (2 to 1001, default 21), `feedback` (`none`, `win` or `full`, default none), `strengths` (0.01 to 100 each, default 0.02, 0.1, 0.5, 2.5), `horizon` (1 to 100000, default 100) |
//! | Metrics | `win_rate`: auctions won per step; `paid`: payment per step; `shade`: mean of v − b |
//! | Reference policies | `random`: uniform on the interval or the grid; `truthful`: b = v; `shade-S`: b = S v; `best-shade`: the best constant share of the value; `myopic` and `oracle`, the same here: b* |
//! | Optimum | exact, 0.217 per step: the mean of the surplus over v and θ, by Simpson's rule (error below 10^-9); random −0.0362, truthful 0, best share of the value 0.197. On the grid 0.215 (error below 10^-5), random −0.0455 |
//! | Learning | easy to come near (a constant share loses 9 %), moderate to come close: the rule differs by keyword |
//! | Source | own numbers; first-price auctions after Vickrey 1961, and AuctionGym (Jeunen, Murphy, Allison 2022) |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::{exp, exp64, lambert_w_exp64, ln},
    oracle::{Memo, peak::highest, quadrature::uniform_mean},
    rng::{Purpose, Rng, Stream},
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

const KEYWORDS: usize = 4;

/// What is told about the last auction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feedback {
    /// Nothing beside the reward.
    None,
    /// Whether it was won.
    Win,
    /// Whether it was won, and the rival bid.
    Full,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FirstPrice {
    /// Whether the bid is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of bids of the grid.
    pub levels: u32,
    /// What is told about the last auction.
    pub feedback: Feedback,
    /// Mean of the highest rival bid, for each keyword.
    pub strengths: [f32; KEYWORDS],
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    best_shade: Memo<f64>,
}

impl Default for FirstPrice {
    fn default() -> Self {
        FirstPrice {
            actions: Form::Continuous,
            levels: 21,
            feedback: Feedback::None,
            strengths: [0.02, 0.1, 0.5, 2.5],
            horizon: 100,
            best_shade: Memo::default(),
        }
    }
}

/// An episode: what is for sale, and how the auctions went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    keyword: u32,
    value: f32,
    last_win: bool,
    last_rival: f32,
    steps: u32,
    wins: u32,
    paid: f32,
    shade: f32,
}

impl Env for FirstPrice {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["win_rate", "paid", "shade"];
    const POLICIES: &'static [&'static str] = &["truthful", "shade-S", "best-shade", "myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("levels", self.levels, 2, 1001)?;
        self.strengths.into_iter().try_for_each(|mean| between("strengths", mean, 0.01, 100.0))?;
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: 0.0, high: 1.0, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, len| Field { name, len, low: 0.0, high: 1.0 };
        let mut fields = vec![field("keyword", KEYWORDS), field("value", 1)];
        if self.feedback != Feedback::None {
            fields.push(field("last_win", 1));
        }
        if self.feedback == Feedback::Full {
            fields.push(field("last_rival", 1));
        }
        fields
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let (keyword, value) = offered(&mut rng.stream(Purpose::RESET));
        State { keyword, value, last_win: false, last_rival: 0.0, steps: 0, wins: 0, paid: 0.0, shade: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, bid: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        // 1 − u is never 0, so that the rival bid is finite.
        let rival = -self.strengths[state.keyword as usize] * ln(1.0 - draws.uniform());
        let won = bid >= rival;
        let reward = if won { state.value - bid } else { 0.0 };
        state.shade += state.value - bid;
        state.paid += if won { bid } else { 0.0 };
        state.wins += u32::from(won);
        state.steps += 1;
        (state.last_win, state.last_rival) = (won, if rival < 1.0 { rival } else { 1.0 });
        (state.keyword, state.value) = offered(&mut draws);
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[state.keyword as usize] = 1.0;
        row[KEYWORDS] = state.value;
        if self.feedback != Feedback::None {
            row[KEYWORDS + 1] = f32::from(u8::from(state.last_win));
        }
        if self.feedback == Feedback::Full {
            row[KEYWORDS + 2] = state.last_rival;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.wins) / steps;
        out[1] = f64::from(state.paid) / steps;
        out[2] = f64::from(state.shade) / steps;
    }

    fn expected_reward(&self, state: &State, bid: Elem<'_, Self>) -> f64 {
        let strength = self.strengths[state.keyword as usize];
        f64::from(state.value - bid) * f64::from(1.0 - exp(-bid / strength))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let value = f64::from(state.value);
        let bid = match policy.name {
            "truthful" => state.value,
            "shade-S" => policy.value.expect("the pattern has a number") * state.value,
            "best-shade" => (self.best_shade() * value) as f32,
            _ => self.best_bid(value, f64::from(self.strengths[state.keyword as usize])) as f32,
        };
        self.action_space().write(bid, action);
    }

    fn optimum(&self) -> Optimum {
        let best = self.mean(|value, strength| surplus(self.best_bid(value, strength), value, strength));
        // The surplus is linear in the value, whose mean is one half.
        let middle = |bid| [self.over_keywords(|strength| surplus(bid, 0.5, strength))];
        let [random] = self.action_space().mean(middle, || uniform_mean(middle, 0.0, 1.0));
        let mut others = vec![("myopic", best)];
        if self.actions == Form::Continuous {
            others.extend([("truthful", 0.0), ("best-shade", self.shaded(self.best_shade()))]);
        }
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32; on the grid Simpson's rule meets kinks.
            tolerance: if self.actions == Form::Grid { 1e-5 } else { 1e-6 },
            method: "closed form at each value, Simpson's rule over them",
            random,
            random_se: 0.0,
            others,
        }
    }
}

/// The next keyword and value.
#[inline]
fn offered(draws: &mut Stream) -> (u32, f32) {
    (draws.below(KEYWORDS as u32), draws.uniform())
}

/// Expected surplus of a bid.
fn surplus(bid: f64, value: f64, strength: f64) -> f64 {
    (value - bid) * (1.0 - exp64(-bid / strength))
}

impl FirstPrice {
    /// b* of the page.
    fn best_bid(&self, value: f64, strength: f64) -> f64 {
        let peak = || value - strength * (lambert_w_exp64(1.0 + value / strength) - 1.0);
        self.action_space().best(|bid| surplus(bid, value, strength), peak)
    }

    fn over_keywords(&self, f: impl Fn(f64) -> f64) -> f64 {
        self.strengths.iter().fold(0.0, |sum, &strength| sum + f(f64::from(strength))) / KEYWORDS as f64
    }

    /// The mean of `f(value, strength)` over what is offered.
    fn mean(&self, f: impl Fn(f64, f64) -> f64) -> f64 {
        self.over_keywords(|strength| uniform_mean(|value| [f(value, strength)], 0.0, 1.0)[0])
    }

    /// What bidding the share `share` of the value earns, any bid being possible.
    fn shaded(&self, share: f64) -> f64 {
        self.mean(|value, strength| surplus(share * value, value, strength))
    }

    fn best_shade(&self) -> f64 {
        *self.best_shade.get(|| highest(|share| self.shaded(share), 0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = FirstPrice::default().optimum();
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [0.217, 0.217, -0.036]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [0.217, 0.0, 0.197]);
    }

    /// Without Lambert's function; and the surplus of the page in place of that of the bid.
    #[test]
    fn no_bid_of_a_fine_grid_does_better() {
        let env = FirstPrice::default();
        for strength in [0.02, 0.1, 0.5, 2.5] {
            for value in [0.0, 0.01, 0.3, 1.0] {
                let best = surplus(env.best_bid(value, strength), value, strength);
                let u = lambert_w_exp64(1.0 + value / strength);
                assert!((best - strength * (u - 1.0) * (u - 1.0) / u).abs() < 1e-12);
                let grid = (0..=2000).map(|i| surplus(f64::from(i) / 2000.0, value, strength));
                let grid = grid.max_by(f64::total_cmp).expect("bids");
                assert!(grid <= best + 1e-12 && best - grid < 1e-4, "{value} {strength}: {best} {grid}");
            }
        }
    }

    #[test]
    fn steps_are_worth_what_the_equations_say() {
        let grid = FirstPrice { actions: Form::Grid, feedback: Feedback::Full, ..FirstPrice::default() };
        for env in [FirstPrice::default(), grid] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 500).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: FirstPrice| env.validate().expect_err("not admissible").to_string();
        assert!(named(FirstPrice { levels: 1, ..FirstPrice::default() }).contains("levels"));
        assert!(named(FirstPrice { strengths: [0.0, 0.1, 0.5, 2.5], ..FirstPrice::default() }).contains("strengths"));
        assert!(named(FirstPrice { horizon: 0, ..FirstPrice::default() }).contains("horizon"));
    }
}
