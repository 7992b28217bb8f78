//! # Two possible demand curves that cross at the price which looks best: who never experiments never learns
//!
//! `customers` customers come one after the other; a hidden type, drawn once per episode, says how steeply demand falls
//! with the price. Both curves pass through the same point at price 1, which is also the best price on average over the
//! types. A seller who maximises the next sale posts 1 for ever and learns nothing, because a sale at 1 says nothing
//! about the type. Giving up a little at once, by a price at which the types differ, earns a third more in the end.
//!
//! - Purchase: probability d_h(p) = 0.5 − β_h (p − 1), cut to [0, 1], for type h; β is `slopes`.
//! - Belief b = P(h = 1 | history): after a sale b d_1 / (b d_1 + (1 − b) d_0), after none the same with 1 − d.
//! - Best value with t customers left: V_t(b) = max_p Σ_o P(o | b, p) (reward + V_{t−1}(b after o)), V_0 = 0; each V_t is
//!   the highest of finitely many lines in b, kept exactly (`oracle::envelope`).
//!
//! | | |
//! |---|---|
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices in [`low`, `high`], both ends among them: 0.5, 0.625 … 3 |
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price, in [`low`, `high`] |
//! | Observation, `observation = "belief"` | `belief`: 2b − 1 (1 number in [−1, 1]); `customers_left`: share of the customers that are left (1 in [0, 1]) |
//! | Observation, `observation = "history"` | `last_price`: the last price divided by `high`, 0 at first (1 in [0, 1]); `last_sale`: 1 if it sold (1 in [0, 1]); `customers_left`: as above (1 in [0, 1]) |
//! | Reward | the price if the customer buys, else 0 |
//! | Start | h = 1 with probability `prior` |
//! | End | terminated after the last customer |
//! | Discount | 1 |
//! | Parameters | `observation` (`belief` or `history`, default belief), `actions` (`grid` or `continuous`, default grid), `levels` of the grid (2 to 101, default 21), `customers` (1 to 24, default 20), `slopes` (0 to 2 each, default 0.1, 0.9), `prior` (0.01 to 0.99, default 0.5), `low` (0 to 10, default 0.5), `high` (above `low`, at most 10, default 3) |
//! | Metrics | `sold`: sales per customer; `mean_price`: mean of the posted prices; `certainty`: abs(2b − 1) at the end |
//! | Reference policies | `random`: uniform on the grid or the interval; `myopic`: the price of the grid with the highest expected reward at the belief; `fixed-P`: the admissible price next to P; `oracle`: the best price of the grid at the belief |
//! | Optimum, grid | exact, 13.1, the same for both observations: a belief is all that a history tells. Random 8.61, myopic 10.0 |
//! | Optimum, continuous | bounds [13.1, 14.4]: the optimum of the grid, and what a seller earns who knows the type; random 8.63 |
//! | Learning | belief: moderate, two numbers, but the myopic policy is a trap; history: hard, the type has to be inferred from all sales |
//! | Source | own numbers; uninformative prices after McLennan 1984, "Price dispersion and incomplete learning in the long run", and Harrison, Keskin, Zeevi 2012, "Bayesian dynamic pricing policies" |
//!
//! What `expected_reward` says is an expectation at the belief, so that nothing of the hidden type leaks.
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    oracle::{
        Memo,
        envelope::{Envelope, Line},
        peak::highest,
        quadrature::uniform_mean,
    },
    rng::{Purpose, Rng},
    space::{Form, Number, RowMut, clip},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The price at which the types do not differ, and the probability of a purchase there.
const CROSSING: [f32; 2] = [1.0, 0.5];

/// What the agent sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// The probability of the second type.
    Belief,
    /// The last price and whether it sold.
    History,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearDemandLearning {
    /// What the agent sees.
    pub observation: Observation,
    /// Whether the price is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of prices of the grid.
    pub levels: u32,
    /// Number of customers.
    pub customers: u32,
    /// How steeply demand falls with the price, for either type.
    pub slopes: [f32; 2],
    /// Probability of the second type.
    pub prior: f32,
    /// Least price.
    pub low: f32,
    /// Greatest price.
    pub high: f32,
    #[serde(skip)]
    values: Memo<Vec<Envelope>>,
}

impl Default for LinearDemandLearning {
    fn default() -> Self {
        LinearDemandLearning {
            observation: Observation::Belief,
            actions: Form::Grid,
            levels: 21,
            customers: 20,
            slopes: [0.1, 0.9],
            prior: 0.5,
            low: 0.5,
            high: 3.0,
            values: Memo::default(),
        }
    }
}

/// An episode: the hidden type, what is known of it, and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    second: bool,
    belief: f32,
    customers: u32,
    last_price: f32,
    last_sale: bool,
    sold: u32,
    posted: f32,
}

impl Env for LinearDemandLearning {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["sold", "mean_price", "certainty"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-P", "oracle"];

    fn validate(&self) -> Result<()> {
        between("levels", self.levels, 2, 101)?;
        between("customers", self.customers, 1, 24)?;
        self.slopes.into_iter().try_for_each(|slope| between("slopes", slope, 0.0, 2.0))?;
        between("prior", self.prior, 0.01, 0.99)?;
        between("low", self.low, 0.0, 10.0)?;
        if !(self.high > self.low && self.high <= 10.0) {
            return Err(parameter("high", self.high, "above `low` and at most 10"));
        }
        Ok(())
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: self.low, high: self.high, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name, low| Field { name, len: 1, low, high: 1.0 };
        let customers_left = field("customers_left", 0.0);
        match self.observation {
            Observation::Belief => vec![field("belief", -1.0), customers_left],
            Observation::History => vec![field("last_price", 0.0), field("last_sale", 0.0), customers_left],
        }
    }

    fn horizon(&self) -> u32 {
        self.customers
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        State {
            second: rng.stream(Purpose::RESET).bernoulli(self.prior),
            belief: self.prior,
            customers: self.customers,
            last_price: 0.0,
            last_sale: false,
            sold: 0,
            posted: 0.0,
        }
    }

    #[inline]
    fn step(&self, state: &mut State, price: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let demand = self.demand(price);
        let sold = rng.stream(Purpose::STEP).bernoulli(demand[usize::from(state.second)]);
        state.belief = posterior(state.belief, demand, sold);
        state.customers -= 1;
        (state.last_price, state.last_sale) = (price, sold);
        state.sold += u32::from(sold);
        state.posted += price;
        Outcome { reward: if sold { price } else { 0.0 }, terminated: state.customers == 0 }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        let left = state.customers as f32 / self.customers as f32;
        match self.observation {
            Observation::Belief => row.copy_from_slice(&[2.0 * state.belief - 1.0, left]),
            Observation::History => {
                row.copy_from_slice(&[state.last_price / self.high, f32::from(u8::from(state.last_sale)), left]);
            }
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let customers = f64::from(self.customers - state.customers);
        out[0] = f64::from(state.sold) / customers;
        out[1] = f64::from(state.posted) / customers;
        out[2] = f64::from((2.0 * state.belief - 1.0).abs());
    }

    fn expected_reward(&self, state: &State, price: Elem<'_, Self>) -> f64 {
        self.revenue(f64::from(price), f64::from(state.belief))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let prices = self.action_space();
        let price = match policy.name {
            "fixed-P" => policy.value.expect("the pattern has a number"),
            "oracle" if state.customers > 0 => {
                let value = &self.values()[state.customers as usize - 1];
                prices.level(value.at(f64::from(state.belief)).action)
            }
            _ => self.myopic(state.belief),
        };
        prices.write(price, action);
    }

    fn optimum(&self) -> Optimum {
        let prior = f64::from(self.prior);
        let best = self.values()[self.customers as usize - 1].value(prior);
        let customers = f64::from(self.customers);
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let revenue = |price| [self.revenue(price, prior)];
        let [random] = self.action_space().mean(revenue, || uniform_mean(revenue, low, high));
        let (upper, method) = match self.actions {
            Form::Grid => (best, "backwards over lines in the belief"),
            Form::Continuous => {
                let known = |belief: f64| {
                    let revenue = |price| self.revenue(price, belief);
                    revenue(highest(revenue, low, high))
                };
                let informed = customers * ((1.0 - prior) * known(0.0) + prior * known(1.0));
                (informed, "the optimum of the grid, and of a seller who knows the type")
            }
        };
        Optimum {
            lower: best,
            upper,
            // The world computes in f32.
            tolerance: 1e-5 * best,
            method,
            // A policy that ignores sales earns the same from every customer.
            random: customers * random,
            random_se: 0.0,
            others: vec![("myopic", self.follow(|belief| self.myopic(belief)))],
        }
    }
}

/// The probability of the second type after a customer bought or not.
#[inline]
fn posterior(belief: f32, demand: [f32; 2], sold: bool) -> f32 {
    let likelihood = if sold { demand } else { demand.map(|d| 1.0 - d) };
    let (first, second) = ((1.0 - belief) * likelihood[0], belief * likelihood[1]);
    // A belief that was rounded to certainty stays, even when the other type shows.
    if first + second > 0.0 { second / (first + second) } else { belief }
}

impl LinearDemandLearning {
    /// Probability of a purchase at `price`, for either type.
    #[inline]
    fn demand(&self, price: f32) -> [f32; 2] {
        self.slopes.map(|slope| clip(CROSSING[1] - slope * (price - CROSSING[0]), [0.0, 1.0]))
    }

    /// Expected reward of `price` when the second type has probability `belief`.
    fn revenue(&self, price: f64, belief: f64) -> f64 {
        let [first, second] = self.demand(price as f32).map(f64::from);
        price * ((1.0 - belief) * first + belief * second)
    }

    /// The price of the grid that earns most from the next customer.
    fn myopic(&self, belief: f32) -> f32 {
        let grid = Number { form: Form::Grid, ..self.action_space() };
        grid.best(|price| self.revenue(price, f64::from(belief)), || f64::from(self.low)) as f32
    }

    /// The best value with 1, 2 … customers left, as a function of the belief.
    fn values(&self) -> &[Envelope] {
        self.values.get(|| {
            let mut values: Vec<Envelope> = Vec::new();
            for _ in 0..self.customers {
                let nothing = Envelope::highest(vec![Line { ends: [0.0; 2], action: 0 }]);
                let later = values.last().unwrap_or(&nothing);
                let mut lines = Vec::new();
                for (action, price) in (0..).zip(self.action_space().grid()) {
                    let demand = self.demand(price).map(f64::from);
                    let sold = later.before([[demand[0], 0.0], [0.0, demand[1]]]);
                    let kept = later.before([[1.0 - demand[0], 0.0], [0.0, 1.0 - demand[1]]]);
                    lines.extend(sold.sum(&kept, demand.map(|d| f64::from(price) * d), action));
                }
                values.push(Envelope::highest(lines));
            }
            values
        })
    }

    /// Value of a policy that looks at the belief alone: forwards over every belief that it can come to.
    fn follow(&self, price: impl Fn(f32) -> f32) -> f64 {
        // Beliefs in [0, 1] are ordered as their bits are.
        let mut beliefs = BTreeMap::from([(self.prior.to_bits(), 1.0)]);
        let mut value = 0.0;
        for _ in 0..self.customers {
            let mut next = BTreeMap::new();
            for (belief, mass) in beliefs {
                let belief = f32::from_bits(belief);
                let price = price(belief);
                let demand = self.demand(price);
                let [first, second] = demand.map(f64::from);
                let sale = first + f64::from(belief) * (second - first);
                value += mass * f64::from(price) * sale;
                for (sold, share) in [(true, sale), (false, 1.0 - sale)] {
                    if share > 0.0 {
                        *next.entry(posterior(belief, demand, sold).to_bits()).or_insert(0.0) += mass * share;
                    }
                }
            }
            beliefs = next;
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    fn small() -> LinearDemandLearning {
        LinearDemandLearning { customers: 6, prior: 0.4, ..LinearDemandLearning::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = LinearDemandLearning::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [13.08, 13.08, 8.61]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [10.0]);
    }

    /// On a belief grid the line through neighbours lies above a convex function and the tangent at one below it: the
    /// exact value lies between the two backups.
    #[test]
    fn the_envelope_lies_between_interpolation_and_tangents() {
        const POINTS: usize = 401;
        let env = small();
        let belief = |i: usize| i as f64 / (POINTS - 1) as f64;
        let mut above = vec![0.0; POINTS];
        let mut below: Vec<[f64; 2]> = vec![[0.0; 2]];
        for _ in 0..env.customers {
            let interpolated = |b: f64| {
                let at = b * (POINTS - 1) as f64;
                let i = (at as usize).min(POINTS - 2);
                above[i] + (at - i as f64) * (above[i + 1] - above[i])
            };
            let tangent = |b: f64| {
                let value = |line: &&[f64; 2]| line[0] * (1.0 - b) + line[1] * b;
                below.iter().max_by(|x, y| value(x).total_cmp(&value(y))).expect("lines")
            };
            let (mut next_above, mut next_below) = (vec![f64::NEG_INFINITY; POINTS], vec![[0.0; 2]; POINTS]);
            for i in 0..POINTS {
                let b = belief(i);
                let mut best = f64::NEG_INFINITY;
                for price in env.action_space().grid() {
                    let demand = env.demand(price).map(f64::from);
                    let (mut upper, mut line) = (0.0, demand.map(|d| f64::from(price) * d));
                    upper += line[0] * (1.0 - b) + line[1] * b;
                    for likelihood in [demand, demand.map(|d| 1.0 - d)] {
                        let total = (1.0 - b) * likelihood[0] + b * likelihood[1];
                        if total > 0.0 {
                            let after = b * likelihood[1] / total;
                            upper += total * interpolated(after);
                            let later = tangent(after);
                            line = [0, 1].map(|h| line[h] + likelihood[h] * later[h]);
                        }
                    }
                    next_above[i] = if upper > next_above[i] { upper } else { next_above[i] };
                    let lower = line[0] * (1.0 - b) + line[1] * b;
                    if lower > best {
                        (best, next_below[i]) = (lower, line);
                    }
                }
            }
            (above, below) = (next_above, next_below);
        }
        let value = &env.values()[env.customers as usize - 1];
        for i in (0..POINTS).step_by(8) {
            let (b, exact) = (belief(i), value.value(belief(i)));
            let lower =
                below.iter().map(|line| line[0] * (1.0 - b) + line[1] * b).max_by(f64::total_cmp).expect("lines");
            assert!(lower <= exact + 1e-12 && exact <= above[i] + 1e-12, "{b}: {lower} {exact} {}", above[i]);
            assert!(above[i] - lower < 1e-4, "{b}: {lower} {}", above[i]);
        }
    }

    /// All plans for three customers by recursion over histories, without beliefs as states.
    #[test]
    fn the_envelope_is_the_best_of_all_plans() {
        let env = LinearDemandLearning { customers: 3, levels: 6, ..LinearDemandLearning::default() };
        fn best(env: &LinearDemandLearning, weights: [f64; 2], left: u32) -> f64 {
            if left == 0 {
                return 0.0;
            }
            let values = env.action_space().grid().map(|price| {
                let demand = env.demand(price).map(f64::from);
                let sale = [0, 1].map(|h| weights[h] * demand[h]);
                let none = [0, 1].map(|h| weights[h] * (1.0 - demand[h]));
                f64::from(price) * (sale[0] + sale[1]) + best(env, sale, left - 1) + best(env, none, left - 1)
            });
            values.max_by(f64::total_cmp).expect("prices")
        }
        assert!((env.optimum().lower - best(&env, [0.5, 0.5], 3)).abs() < 1e-12);
    }

    /// The story: price 1 sells to half of either type and says nothing.
    #[test]
    fn the_myopic_seller_never_learns() {
        let played = play(&LinearDemandLearning::default(), "myopic", 500);
        assert_eq!(played.metrics[1..], [1.0, 0.0]);
        let oracle = play(&LinearDemandLearning::default(), "oracle", 500);
        assert!(oracle.metrics[2] > 0.8, "{oracle:?}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let history = LinearDemandLearning { observation: Observation::History, ..small() };
        for env in [LinearDemandLearning::default(), history] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 4000).agrees_with(value, optimum.tolerance);
            }
        }
        let interval = LinearDemandLearning { actions: Form::Continuous, ..LinearDemandLearning::default() };
        let optimum = interval.optimum();
        play(&interval, "oracle", 4000).agrees_with(optimum.lower, optimum.tolerance);
        play(&interval, "random", 4000).agrees_with(optimum.random, optimum.tolerance);
        assert!(optimum.upper > optimum.lower && optimum.upper < 1.11 * optimum.lower);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: LinearDemandLearning| env.validate().expect_err("not admissible").to_string();
        assert!(named(LinearDemandLearning { levels: 1, ..LinearDemandLearning::default() }).contains("levels"));
        assert!(named(LinearDemandLearning { customers: 25, ..LinearDemandLearning::default() }).contains("customers"));
        assert!(
            named(LinearDemandLearning { slopes: [0.1, -0.1], ..LinearDemandLearning::default() }).contains("slopes")
        );
        assert!(named(LinearDemandLearning { prior: 0.0, ..LinearDemandLearning::default() }).contains("prior"));
        assert!(named(LinearDemandLearning { low: f32::NAN, ..LinearDemandLearning::default() }).contains("low"));
        assert!(named(LinearDemandLearning { high: 0.5, ..LinearDemandLearning::default() }).contains("high"));
    }
}
