//! # Which products to offer and at which prices: attraction is not profit
//!
//! Ten products, room for `places` of them. You choose what to offer and the markup of each; a customer buys one of the
//! offered products or nothing, by the multinomial logit rule. The products that attract most are dear to make: who
//! offers them earns a quarter of what is possible. All offered products should have the same markup, and those with
//! the largest difference of attraction and cost should be offered.
//!
//! - Products: x_i = 7i mod 10, attraction a_i = 1 + 0.2 x_i, cost c_i = 0.2 + 0.022 x_i², i from 0.
//! - Purchase: P(i) = e^((a_i − p_i)/μ) / (1 + Σ_S e^((a_j − p_j)/μ)) for the offered set S, μ the `noise`; markup
//!   p_i − c_i.
//! - Optimum: the same markup m = μ (1 + w) for all, w = W(Σ_S e^((a_i − c_i)/μ − 1)) with Lambert's function W (clipped to
//!   the interval), earns μ w; it rises with the sum, so that S holds the products with the largest a_i − c_i.
//! - `prices = "fixed"`: markups are 0.2 + 0.08 (9i mod 10); the best set of at most `places` products by the parametric
//!   search of Dinkelbach: λ ← the most that a set earns of Σ_S v_i (m_i − λ), v_i = e^((a_i − p_i)/μ), until it is λ.
//!
//! | | |
//! |---|---|
//! | Action, `prices = "free"` | `Slate(places of 10)` and `Continuous(places)`: the products, and the markup of each in [0, `high`] |
//! | Action, `prices = "fixed"` | `Slate(places of 10)`: the products |
//! | Observation | `attraction`: a_i / 3 (10 numbers in [0, 1]); `cost`: c_i / 3 (10 in [0, 1]); `last_bought`: one-hot (10 in [0, 1], zeros where nothing was bought) |
//! | Reward, `reward = "sampled"` | the markup of the product bought, 0 if none was |
//! | Reward, `reward = "expected"` | its expectation |
//! | Start | nothing bought yet |
//! | End | truncated after `horizon` steps |
//! | Discount | 0: no offer changes who comes |
//! | Parameters | `places` (1 to 10, default 3), `prices` (`free` or `fixed`, default free), `reward` (`sampled` or `expected`, default sampled), `noise` (0.05 to 5, default 0.25), `high` (0.1 to 20, default 1.5), `horizon` (1 to 100000, default 100) |
//! | Metrics | `sold`: purchases per step; `mean_markup`: mean over the offered products |
//! | Reference policies | `random`: distinct products and markups, both uniform; `naive`: the products with the largest attraction at markup μ; `myopic` and `oracle`, the same here: the best offer |
//! | Optimum | exact, 0.932 per step: closed form; random 0.407 (by a one-dimensional integral, error below 10^-6), naive 0.246 |
//! | Learning | hard for agents that treat every offer as one action; easy once products are scored apart, as `mnl_thompson` does by the multinomial logit. With one place, `pricing/multi-product-hybrid-v1`, `pdqn` and `mp_dqn` learn it without knowing that law |
//! | Source | own numbers; equal markups after Anderson, de Palma, Thisse 1992; assortments after Talluri, van Ryzin 2004 |
//!
//! A slate is full: exactly `places` products are offered. With free prices more is never worse; with fixed prices it can
//! be, and the optimum is over full slates too. With one place the slate is a single choice.
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::{exp, exp64, lambert_w_exp64, ln64},
    oracle::quadrature::mean_of_parts,
    rng::{Purpose, Rng, Stream},
    space::{Continuous, Discrete, Fault, Row, RowMut, Shape, Slate, Space, Width, clip},
};
use serde::{Deserialize, Serialize};

/// Number of products.
const PRODUCTS: usize = 10;
/// What `State` remembers when nothing was bought.
const NOTHING: u32 = PRODUCTS as u32;

/// Who sets the prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prices {
    /// The seller.
    Free,
    /// Nobody: every product has its price.
    Fixed,
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
pub struct MultiProductMnl {
    /// Number of products offered.
    pub places: u32,
    /// Who sets the prices.
    pub prices: Prices,
    /// What the seller is told.
    pub reward: Reward,
    /// How much tastes differ, in units of the price.
    pub noise: f32,
    /// Greatest markup.
    pub high: f32,
    /// The step limit.
    pub horizon: u32,
}

impl Default for MultiProductMnl {
    fn default() -> Self {
        MultiProductMnl {
            places: 3,
            prices: Prices::Free,
            reward: Reward::Sampled,
            noise: 0.25,
            high: 1.5,
            horizon: 100,
        }
    }
}

/// An episode: what was bought last, and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    bought: u32,
    steps: u32,
    sold: u32,
    markups: f32,
}

/// Distinct products and, if prices are free, a markup for each.
#[derive(Clone, Copy, Debug)]
pub struct Offers {
    places: usize,
    high: Option<f32>,
}

impl Offers {
    fn slate(&self) -> Slate {
        Slate { candidates: PRODUCTS as u32, slots: self.places }
    }
}

impl Space for Offers {
    /// Products and markups; the latter not yet clipped.
    type Elem<'a> = Row<'a>;
    fn width(&self) -> Width {
        Width { items: self.places, reals: self.high.map_or(0, |_| self.places) }
    }
    #[inline]
    fn check(&self, row: Row<'_>) -> std::result::Result<(), Fault> {
        self.slate().check(row)?;
        match row.reals.iter().position(|real| !real.is_finite()) {
            Some(at) => Err(Fault::NotFinite(at, row.reals[at])),
            None => Ok(()),
        }
    }
    #[inline]
    fn read<'a>(&self, row: Row<'a>) -> Row<'a> {
        row
    }
    fn sample(&self, stream: &mut Stream, row: RowMut<'_>) {
        let RowMut { items, reals } = row;
        self.slate().sample(stream, RowMut { items, reals: &mut [] });
        for real in reals.chunks_mut(1) {
            Continuous([[0.0, self.high.unwrap_or_default()]]).sample(stream, RowMut { items: &mut [], reals: real });
        }
    }
    fn shape(&self) -> Shape {
        let products = if self.places == 1 { Discrete(PRODUCTS as u32).shape() } else { self.slate().shape() };
        match self.high {
            Some(high) => Shape::Product(vec![products, Shape::Continuous(vec![[0.0, high]; self.places])]),
            None => products,
        }
    }
}

impl Env for MultiProductMnl {
    type State = State;
    type Action = Offers;
    const METRICS: &'static [&'static str] = &["sold", "mean_markup"];
    const POLICIES: &'static [&'static str] = &["naive", "myopic", "oracle"];

    fn validate(&self) -> Result<()> {
        between("places", self.places, 1, PRODUCTS as u32)?;
        between("noise", self.noise, 0.05, 5.0)?;
        between("high", self.high, 0.1, 20.0)?;
        between("horizon", self.horizon, 1, 100_000)
    }

    fn action_space(&self) -> Offers {
        Offers { places: self.places as usize, high: (self.prices == Prices::Free).then_some(self.high) }
    }

    fn observation(&self) -> Vec<Field> {
        ["attraction", "cost", "last_bought"].map(|name| Field { name, len: PRODUCTS, low: 0.0, high: 1.0 }).into()
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        0.0
    }

    fn reset(&self, _: &Rng) -> State {
        State { bought: NOTHING, steps: 0, sold: 0, markups: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, offer: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let (weights, markups) = self.weights(offer);
        let choice = rng.stream(Purpose::STEP).categorical(&weights);
        let reward = match self.reward {
            Reward::Sampled if choice == 0 => 0.0,
            Reward::Sampled => markups[choice - 1],
            Reward::Expected => profit(&weights, &markups) as f32,
        };
        state.bought = if choice == 0 { NOTHING } else { offer.items[choice - 1] };
        state.steps += 1;
        state.sold += u32::from(choice > 0);
        state.markups += markups.iter().fold(0.0, |sum, markup| sum + markup) / self.places as f32;
        Outcome { reward, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        for i in 0..PRODUCTS {
            row[i] = attraction(i) / 3.0;
            row[PRODUCTS + i] = cost(i) / 3.0;
        }
        if state.bought != NOTHING {
            row[2 * PRODUCTS + state.bought as usize] = 1.0;
        }
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.sold) / steps;
        out[1] = f64::from(state.markups) / steps;
    }

    fn expected_reward(&self, _: &State, offer: Elem<'_, Self>) -> f64 {
        let (weights, markups) = self.weights(offer);
        f64::from(profit(&weights, &markups) as f32)
    }

    fn reference(&self, policy: &Reference, _: &State, action: RowMut<'_>) {
        let (products, markup) = match policy.name {
            "naive" => (best_of(|i| f64::from(attraction(i))), f64::from(self.noise)),
            _ => self.best(),
        };
        action.items.iter_mut().zip(products).for_each(|(item, product)| *item = product as u32);
        action.reals.fill(clip(markup as f32, [0.0, self.high]));
    }

    fn optimum(&self) -> Optimum {
        let worth = |(products, markup): ([usize; PRODUCTS], f64)| {
            let mut row = (vec![0; self.places as usize], vec![markup as f32; self.places as usize]);
            row.0.iter_mut().zip(products).for_each(|(item, product)| *item = product as u32);
            let (weights, markups) = self.weights(Row { items: &row.0, reals: &row.1 });
            profit(&weights, &markups)
        };
        let best = worth(self.best());
        let naive = worth((best_of(|i| f64::from(attraction(i))), f64::from(self.noise)));
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32, and the mean of a random offer is a quadrature.
            tolerance: 2e-6,
            method: match self.prices {
                Prices::Free => "closed form",
                Prices::Fixed => "parametric search",
            },
            random: self.random(),
            random_se: 0.0,
            others: vec![("naive", naive), ("myopic", best)],
        }
    }
}

fn place(i: usize) -> f32 {
    (7 * i % PRODUCTS) as f32
}

fn attraction(i: usize) -> f32 {
    1.0 + 0.2 * place(i)
}

fn cost(i: usize) -> f32 {
    0.2 + 0.022 * place(i) * place(i)
}

/// The markup of product `i` where prices are fixed.
fn fixed(i: usize) -> f32 {
    0.2 + 0.08 * (9 * i % PRODUCTS) as f32
}

/// The products from the highest `score` to the lowest; of equal ones the lowest index first.
fn best_of(score: impl Fn(usize) -> f64) -> [usize; PRODUCTS] {
    let mut products = std::array::from_fn(|i| i);
    products.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    products
}

/// Expected profit of offers with these weights (the first is that of buying nothing) and markups.
fn profit(weights: &[f32; PRODUCTS + 1], markups: &[f32; PRODUCTS]) -> f64 {
    let total = weights.iter().fold(0.0, |sum, &weight| sum + f64::from(weight));
    let earned = weights[1..].iter().zip(markups);
    earned.fold(0.0, |sum, (&weight, &markup)| sum + f64::from(weight) * f64::from(markup)) / total
}

impl MultiProductMnl {
    /// Logit weights of buying nothing and of each place, and the markups of the places; 0 beyond the last.
    #[inline]
    fn weights(&self, offer: Row<'_>) -> ([f32; PRODUCTS + 1], [f32; PRODUCTS]) {
        let (mut weights, mut markups) = ([0.0; PRODUCTS + 1], [0.0; PRODUCTS]);
        weights[0] = 1.0;
        for (at, &item) in offer.items.iter().enumerate() {
            let product = item as usize;
            markups[at] = match self.prices {
                Prices::Free => clip(offer.reals[at], [0.0, self.high]),
                Prices::Fixed => fixed(product),
            };
            weights[at + 1] = exp((attraction(product) - cost(product) - markups[at]) / self.noise);
        }
        (weights, markups)
    }

    fn weight(&self, i: usize, markup: f64) -> f64 {
        exp64((f64::from(attraction(i)) - f64::from(cost(i)) - markup) / f64::from(self.noise))
    }

    /// The products, of which the first are offered, and the markup of all if it is free.
    fn best(&self) -> ([usize; PRODUCTS], f64) {
        let (places, noise) = (self.places as usize, f64::from(self.noise));
        match self.prices {
            Prices::Free => {
                let products = best_of(|i| f64::from(attraction(i)) - f64::from(cost(i)));
                let sum = products[..places].iter().fold(0.0, |sum, &i| sum + self.weight(i, 0.0));
                (products, noise * (1.0 + lambert_w_exp64(ln64(sum) - 1.0)))
            }
            Prices::Fixed => {
                let mut rate = 0.0;
                loop {
                    let products = best_of(|i| self.weight(i, f64::from(fixed(i))) * (f64::from(fixed(i)) - rate));
                    let offered =
                        products[..places].iter().map(|&i| (self.weight(i, f64::from(fixed(i))), f64::from(fixed(i))));
                    let (earned, total) = offered.fold((0.0, 1.0), |(e, t), (v, m)| (e + v * m, t + v));
                    if earned / total <= rate {
                        return (products, 0.0);
                    }
                    rate = earned / total;
                }
            }
        }
    }

    /// Expected profit of a random offer. With 1/(1 + V) = ∫ e^(−t (1 + V)) dt the expectation over independent markups
    /// becomes a product over the offered, and the mean over sets a symmetric polynomial: for each t,
    /// Σ_S Σ_{i ∈ S} E[m v e^(−t v)]_i Π_{j ≠ i} E[e^(−t v)]_j over the number of sets.
    fn random(&self) -> f64 {
        let places = self.places as usize;
        let high = f64::from(self.high);
        // Enough parts for a logit whose noise is a small part of the interval.
        let parts = 32 * (high / f64::from(self.noise)).ceil() as u32 + 32;
        let one = |i: usize, t: f64, markup: f64| {
            let weight = self.weight(i, markup);
            let shrunk = exp64(-t * weight);
            [markup * weight * shrunk, shrunk]
        };
        let at = |t: f64| {
            // Sums over sets of each size: without and with one product's profit.
            let (mut plain, mut earned) = ([0.0; PRODUCTS + 1], [0.0; PRODUCTS + 1]);
            plain[0] = 1.0;
            for i in 0..PRODUCTS {
                let [profit, shrunk] = match self.prices {
                    Prices::Free => mean_of_parts(parts, |markup| one(i, t, markup), 0.0, high),
                    Prices::Fixed => one(i, t, f64::from(fixed(i))),
                };
                for size in (1..=places).rev() {
                    earned[size] += earned[size - 1] * shrunk + plain[size - 1] * profit;
                    plain[size] += plain[size - 1] * shrunk;
                }
            }
            earned[places]
        };
        // t = e^s: below the lower end nothing is left of 1/weight, above the upper e^−t is nothing.
        let (low, top) = (-18.0 - 1.3 / f64::from(self.noise), 4.0);
        let mean = mean_of_parts(
            16 * (top - low) as u32,
            |s| {
                let t = exp64(s);
                [t * exp64(-t) * at(t)]
            },
            low,
            top,
        );
        let sets = (0..places).fold(1.0, |sets, k| sets * (PRODUCTS - k) as f64 / (k + 1) as f64);
        mean[0] * (top - low) / sets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    fn env(places: u32, prices: Prices) -> MultiProductMnl {
        MultiProductMnl { places, prices, ..MultiProductMnl::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let digits = |value: f64| (value * 1000.0).round() / 1000.0;
        let optimum = MultiProductMnl::default().optimum();
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(digits), [0.932, 0.407, 0.246]);
        let single = env(1, Prices::Free).optimum();
        assert_eq!([single.lower, single.random].map(digits), [0.732, 0.404]);
    }

    /// Every set of three, each with the best of many common markups; and no move of a single markup helps.
    #[test]
    fn no_offer_does_better() {
        let world = MultiProductMnl::default();
        let best = world.optimum().lower;
        let value = |items: &[u32], markups: &[f32]| {
            let (weights, markups) = world.weights(Row { items, reals: markups });
            profit(&weights, &markups)
        };
        for set in sets(3) {
            for step in 0..=150 {
                assert!(value(&set, &[0.01 * step as f32; 3]) <= best + 1e-6, "{set:?} {step}");
            }
        }
        let (products, markup) = world.best();
        let items: Vec<u32> = products[..3].iter().map(|&product| product as u32).collect();
        for (at, shift) in (0..3).flat_map(|at| [-0.05, 0.05].map(|shift| (at, shift))) {
            let mut markups = [markup as f32; 3];
            markups[at] += shift;
            assert!(value(&items, &markups) < best);
        }
    }

    fn sets(size: u32) -> impl Iterator<Item = Vec<u32>> {
        (0u32..1 << PRODUCTS)
            .filter(move |set| set.count_ones() == size)
            .map(|set| (0..PRODUCTS as u32).filter(|i| set >> i & 1 == 1).collect())
    }

    /// By enumeration of all sets; over all sizes the best set holds the products with the largest markups.
    #[test]
    fn fixed_prices_by_enumeration() {
        let (mut overall, mut ordered) = (0.0, 0.0);
        for places in 1..=PRODUCTS as u32 {
            let world = env(places, Prices::Fixed);
            let value = |items: &[u32]| {
                let (weights, markups) = world.weights(Row { items, reals: &[] });
                profit(&weights, &markups)
            };
            let values: Vec<f64> = sets(places).map(|set| value(&set)).collect();
            let best = values.iter().copied().max_by(f64::total_cmp).expect("sets");
            let optimum = world.optimum();
            assert!((optimum.lower - best).abs() < 1e-6, "{places}: {best} {optimum:?}");
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!((optimum.random - mean).abs() < 1e-6, "{places}: {mean} {optimum:?}");
            let dearest = best_of(|i| f64::from(fixed(i)));
            let nested: Vec<u32> = dearest[..places as usize].iter().map(|&i| i as u32).collect();
            overall = if best > overall { best } else { overall };
            ordered = if value(&nested) > ordered { value(&nested) } else { ordered };
        }
        assert_eq!(overall, ordered);
    }

    #[test]
    fn steps_are_worth_what_the_equations_say() {
        let told = MultiProductMnl { reward: Reward::Expected, ..env(4, Prices::Free) };
        for world in [MultiProductMnl::default(), env(1, Prices::Free), env(2, Prices::Fixed), told] {
            let optimum = world.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&world, policy, 300).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: MultiProductMnl| env.validate().expect_err("not admissible").to_string();
        assert!(named(MultiProductMnl { places: 11, ..MultiProductMnl::default() }).contains("places"));
        assert!(named(MultiProductMnl { noise: 0.0, ..MultiProductMnl::default() }).contains("noise"));
        assert!(named(MultiProductMnl { high: f32::NAN, ..MultiProductMnl::default() }).contains("high"));
        assert!(named(MultiProductMnl { horizon: 0, ..MultiProductMnl::default() }).contains("horizon"));
    }
}
