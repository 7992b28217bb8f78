//! # A small stock to be sold before a deadline, one price at a time
//!
//! `stock` units are to be sold within `periods` periods. In each period you post a price p; a customer arrives with
//! probability `arrival` and buys one unit if their valuation, exponential with mean 1, exceeds p. What is left at the
//! end is worth nothing. The price that is best for the next sale, 1, sells the stock too early; the best price is 1
//! plus what a unit is worth if it is kept, and falls as the deadline comes near.
//!
//! - Sale, `customers = "single"`: one unit with probability `arrival` · e^−p, while there is stock.
//! - Sale, `customers = "poisson"`: as many units as customers want one, their number Poisson with mean
//!   `arrival` · e^−p, and at most the stock.
//! - Best value with t periods left and n units, V_0 = 0 and V(0) = 0, for single customers: with the worth of a unit
//!   Δ = V_{t−1}(n) − V_{t−1}(n−1), p* = 1 + Δ (clipped to the interval) and
//!   V_t(n) = V_{t−1}(n) + `arrival` · e^−p* · (p* − Δ). For several,
//!   V_t(n) = max_p Σ_k P(D = k) (k' p + V_{t−1}(n − k')) with k' the smaller of k and n, a maximum over one number.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price, in [`low`, `high`], in units of the mean valuation |
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices, both ends among them: 0.5, 0.75 … 4 |
//! | Observation | `time_left`: share of the periods that are left (1 number in [0, 1]); `stock`: share of the stock that is left (1 in [0, 1]) |
//! | Reward | the price of every unit sold |
//! | Start | all periods and all units left |
//! | End | terminated after the last period or the last unit |
//! | Discount | 1 |
//! | Parameters | `periods` (1 to 1000, default 30), `stock` (1 to 100, default 4), `arrival` (above 0, at most 1, for Poisson customers 100, default 0.8), `customers` (`single` or `poisson`, default single; with `poisson` periods times stock at most 10000), `actions` (`continuous` or `grid`, default continuous), `levels` of the grid (2 to 1000, default 15), `low` (0 to 10, default 0.5), `high` (above `low`, at most 20, default 4) |
//! | Metrics | `sold`: units sold; `mean_price`: mean of the posted prices; `sale_price`: mean price of the units sold, 0 if none was |
//! | Reference policies | `random`: uniform on the interval or the grid; `myopic`: the admissible price next to 1, the best one for the next sale; `fixed-P`: the admissible price next to P; `best-fixed`: the best single price; `oracle`: p* |
//! | Optimum | exact, 6.14: backwards over time and stock by the equations above. Random, exact for the interval: 4.57, by the mean of e^−p and of p e^−p over it in closed form; myopic 3.99; best fixed price 5.86. On the grid 6.14 (0.007 less), random 4.37, myopic 3.99, best fixed price 5.86. Poisson customers: the maximum by golden sections, the mean over the interval by Simpson's rule; with `periods` 20, `stock` 10, `arrival` 4: 19.03 |
//! | Learning | moderate: a single well-chosen price comes within 4.6 % of the optimum, so only the last of the way needs the time and the stock |
//! | Source | Gallego, van Ryzin 1994, "Optimal dynamic pricing of inventories with stochastic demand over finite horizons", in discrete periods |
//!
//! History: v1, first version.
use crate::{
    choice::willing,
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::exp64,
    oracle::{Memo, peak::highest, quadrature::uniform_mean},
    rng::{Purpose, Rng},
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

/// How many customers come in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Customers {
    /// At most one.
    Single,
    /// A Poisson number.
    Poisson,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inventory {
    /// Number of periods.
    pub periods: u32,
    /// Units at the start.
    pub stock: u32,
    /// Probability that a customer arrives in a period, or the mean number of customers who do.
    pub arrival: f32,
    /// How many customers come in a period.
    pub customers: Customers,
    /// Whether the price is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of prices of the grid.
    pub levels: u32,
    /// Least price.
    pub low: f32,
    /// Greatest price.
    pub high: f32,
    #[serde(skip)]
    pub(super) prices: Memo<Vec<f32>>,
    #[serde(skip)]
    pub(super) best_fixed: Memo<f64>,
}

impl Default for Inventory {
    fn default() -> Self {
        Inventory {
            periods: 30,
            stock: 4,
            arrival: 0.8,
            customers: Customers::Single,
            actions: Form::Continuous,
            levels: 15,
            low: 0.5,
            high: 4.0,
            prices: Memo::default(),
            best_fixed: Memo::default(),
        }
    }
}

/// An episode: what is left, and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    periods: u32,
    stock: u32,
    posted: f32,
    revenue: f32,
}

impl Env for Inventory {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["sold", "mean_price", "sale_price"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-P", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        if !(1..=1000).contains(&self.periods) {
            return Err(parameter("periods", self.periods, "between 1 and 1000"));
        }
        if !(1..=100).contains(&self.stock) {
            return Err(parameter("stock", self.stock, "between 1 and 100"));
        }
        let (most, range) = match self.customers {
            Customers::Single => (1.0, "above 0 and at most 1"),
            Customers::Poisson => (100.0, "above 0 and at most 100"),
        };
        if !(self.arrival > 0.0 && self.arrival <= most) {
            return Err(parameter("arrival", self.arrival, range));
        }
        if self.customers == Customers::Poisson && self.periods * self.stock > 10_000 {
            let range = "at most 10000 divided by `stock` when customers are many";
            return Err(parameter("periods", self.periods, range));
        }
        between("levels", self.levels, 2, 1000)?;
        if !(0.0..=10.0).contains(&self.low) {
            return Err(parameter("low", self.low, "between 0 and 10"));
        }
        if !(self.high > self.low && self.high <= 20.0) {
            return Err(parameter("high", self.high, "above `low` and at most 20"));
        }
        Ok(())
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: self.low, high: self.high, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        let field = |name| Field { name, len: 1, low: 0.0, high: 1.0 };
        vec![field("time_left"), field("stock")]
    }

    fn horizon(&self) -> u32 {
        self.periods
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, _: &Rng) -> State {
        State { periods: self.periods, stock: self.stock, posted: 0.0, revenue: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, price: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let (mut draws, demand) = (rng.stream(Purpose::STEP), self.demand(price));
        let sold = match self.customers {
            Customers::Single => u32::from(draws.bernoulli(demand)),
            Customers::Poisson => draws.poisson(demand).min(state.stock),
        };
        let reward = if sold == 0 { 0.0 } else { price * sold as f32 };
        state.periods -= 1;
        state.stock -= sold;
        state.posted += price;
        state.revenue += reward;
        Outcome { reward, terminated: state.periods == 0 || state.stock == 0 }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = state.periods as f32 / self.periods as f32;
        row[1] = state.stock as f32 / self.stock as f32;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let sold = f64::from(self.stock - state.stock);
        out[0] = sold;
        out[1] = f64::from(state.posted) / f64::from(self.periods - state.periods);
        out[2] = if sold > 0.0 { f64::from(state.revenue) / sold } else { 0.0 };
    }

    fn expected_reward(&self, state: &State, price: Elem<'_, Self>) -> f64 {
        let demand = f64::from(self.demand(price));
        f64::from(price)
            * match self.customers {
                Customers::Single => demand,
                Customers::Poisson => sales(demand, state.stock as usize, |sold| sold as f64),
            }
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let price = match policy.name {
            // Nothing is left to be sold: any price will do.
            _ if state.periods == 0 || state.stock == 0 => self.low,
            "oracle" => {
                let prices = self.prices.get(|| self.best_prices());
                prices[((state.periods - 1) * self.stock + self.stock - state.stock) as usize]
            }
            "best-fixed" => self.best_fixed() as f32,
            "fixed-P" => policy.value.expect("the pattern has a number"),
            _ => 1.0,
        };
        self.action_space().write(price, action);
    }

    fn optimum(&self) -> Optimum {
        let prices = self.action_space();
        let best = self.value(|left, later| self.backup(self.best_price(left, later), left, later));
        let random = self.value(|left, later| self.mean_backup(left, later));
        // Between equally near prices of the grid, the lower.
        let myopic = prices.best(|price| -(price - 1.0).abs(), || 1.0);
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32.
            tolerance: 1e-6 * best,
            method: "backwards over time and stock",
            random,
            random_se: 0.0,
            others: vec![("myopic", self.fixed(myopic)), ("best-fixed", self.fixed(self.best_fixed()))],
        }
    }
}

/// The mean of `worth(units sold)` when a Poisson number of customers with mean `demand` comes for `stock` units.
fn sales(demand: f64, stock: usize, worth: impl Fn(usize) -> f64) -> f64 {
    let (mut probability, mut below, mut mean) = (exp64(-demand), 0.0, 0.0);
    for sold in 0..stock {
        mean += probability * worth(sold);
        below += probability;
        probability *= demand / (sold + 1) as f64;
    }
    mean + (1.0 - below) * worth(stock)
}

impl Inventory {
    /// Mean number of customers who want a unit at `price`.
    #[inline]
    fn demand(&self, price: f32) -> f32 {
        self.arrival * willing(price, 1.0)
    }

    /// Value of asking for `price` with `left` units when n units are worth `later[n]` afterwards.
    fn backup(&self, price: f64, left: usize, later: &[f64]) -> f64 {
        let demand = f64::from(self.arrival) * exp64(-price);
        match self.customers {
            Customers::Single => single(later[left], later[left - 1], demand, price * demand),
            Customers::Poisson => sales(demand, left, |sold| sold as f64 * price + later[left - sold]),
        }
    }

    /// Value of a uniformly random price.
    fn mean_backup(&self, left: usize, later: &[f64]) -> f64 {
        let (low, high, arrival) = (f64::from(self.low), f64::from(self.high), f64::from(self.arrival));
        let backup = |price| [self.backup(price, left, later)];
        let [mean] = self.action_space().mean(backup, || match self.customers {
            Customers::Single => {
                // The means of e^−p and of p e^−p, p uniform on the interval.
                let demand = arrival * (exp64(-low) - exp64(-high)) / (high - low);
                let revenue = arrival * ((low + 1.0) * exp64(-low) - (high + 1.0) * exp64(-high)) / (high - low);
                [single(later[left], later[left - 1], demand, revenue)]
            }
            Customers::Poisson => uniform_mean(backup, low, high),
        });
        mean
    }

    /// The best price with `left` units when n units are worth `later[n]` afterwards.
    fn best_price(&self, left: usize, later: &[f64]) -> f64 {
        let worth = |price| self.backup(price, left, later);
        self.action_space().best(worth, || match self.customers {
            Customers::Single => 1.0 + (later[left] - later[left - 1]),
            Customers::Poisson => highest(worth, f64::from(self.low), f64::from(self.high)),
        })
    }

    /// Value from the start when `backup(units, later)` is the value with so many units and n units are worth
    /// `later[n]` afterwards; asked for from the last period to the first and in each from the whole stock to one unit.
    fn value(&self, mut backup: impl FnMut(usize, &[f64]) -> f64) -> f64 {
        let stock = self.stock as usize;
        let mut value = vec![0.0; stock + 1];
        for _ in 0..self.periods {
            for left in (1..=stock).rev() {
                // Fewer units than `left` still have their value of the next period.
                value[left] = backup(left, &value);
            }
        }
        value[stock]
    }

    /// Value of asking for `price` at all times.
    fn fixed(&self, price: f64) -> f64 {
        self.value(|left, later| self.backup(price, left, later))
    }

    /// The best price of each state, in the order of [`value`](Self::value).
    fn best_prices(&self) -> Vec<f32> {
        let mut prices = Vec::new();
        self.value(|left, later| {
            let price = self.best_price(left, later);
            prices.push(price as f32);
            self.backup(price, left, later)
        });
        prices
    }

    /// The best single price.
    fn best_fixed(&self) -> f64 {
        *self.best_fixed.get(|| {
            let fixed = |price| self.fixed(price);
            self.action_space().best(fixed, || highest(fixed, f64::from(self.low), f64::from(self.high)))
        })
    }
}

/// Value when one unit is sold with probability `sale` for `revenue` on average: `keep` if it is not sold, else `less`.
fn single(keep: f64, less: f64, sale: f64, revenue: f64) -> f64 {
    keep + (revenue - sale * (keep - less))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Inventory::default().optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [6.14, 6.14, 4.57]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [3.99, 5.86]);
    }

    /// The same problem without the closed form: every price of a fine menu is tried at every state.
    #[test]
    fn no_price_of_a_fine_menu_does_better() {
        let env = Inventory { periods: 12, stock: 3, ..Inventory::default() };
        let menu: Vec<f64> = (0..=3500).map(|i| 0.5 + 0.001 * f64::from(i)).collect();
        let mut value = [0.0f64; 4];
        for _ in 0..12 {
            let before = value;
            for left in 1..4 {
                let worth = |price: &f64| {
                    let sale = f64::from(env.arrival) * exp64(-price);
                    sale * (price + before[left - 1]) + (1.0 - sale) * before[left]
                };
                value[left] = menu.iter().map(worth).max_by(f64::total_cmp).expect("prices");
            }
        }
        let best = env.optimum().lower;
        assert!(value[3] <= best && best - value[3] < 1e-5, "{} {best}", value[3]);
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let poisson =
            Inventory { customers: Customers::Poisson, periods: 8, stock: 6, arrival: 4.0, ..Inventory::default() };
        let envs = [
            Inventory::default(),
            Inventory { periods: 9, stock: 2, high: 1.5, ..Inventory::default() },
            Inventory { actions: Form::Grid, ..Inventory::default() },
            Inventory { actions: Form::Grid, ..poisson.clone() },
            poisson,
        ];
        for env in envs {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random), ("fixed-1.25", env.fixed(1.25))];
            let grid = env.actions == Form::Grid;
            let anchors = anchors.into_iter().filter(|(name, _)| !(grid && *name == "fixed-1.25"));
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 10_000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn the_menu_is_worth_what_the_page_says() {
        let optimum = Inventory { actions: Form::Grid, ..Inventory::default() }.optimum();
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        assert_eq!([optimum.lower, optimum.random].map(digits), [6.14, 4.37]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [3.99, 5.86]);
    }

    /// With ever shorter periods both kinds of customers become the process in continuous time, whose value is
    /// ln Σ_i (a/e)^i / i!, summed up to the stock, for a customers in the whole time (Gallego, van Ryzin 1994).
    #[test]
    fn short_periods_approach_continuous_time() {
        let (stock, total) = (3, 12.0);
        let mut term = 1.0;
        let mut sum = 1.0;
        for i in 1..=stock {
            term *= total * exp64(-1.0) / f64::from(i);
            sum += term;
        }
        for customers in [Customers::Single, Customers::Poisson] {
            let gap = |periods: u32| {
                let arrival = total as f32 / periods as f32;
                let env =
                    Inventory { periods, stock, arrival, customers, low: 0.0, high: 10.0, ..Inventory::default() };
                (env.optimum().lower - crate::math::ln64(sum)).abs()
            };
            // The error falls with the length of a period.
            let (coarse, fine) = (gap(200), gap(800));
            assert!(fine < 0.3 * coarse && fine < 2e-3, "{customers:?}: {coarse} {fine}");
        }
    }

    /// Who can change the price at any moment earns a little more: ln Σ_i (a/e)^i / i! for a = 80 customers in all.
    #[test]
    fn many_customers_are_worth_what_the_page_says() {
        let many =
            Inventory { customers: Customers::Poisson, periods: 20, stock: 10, arrival: 4.0, ..Inventory::default() };
        let best = many.optimum().lower;
        assert_eq!((best * 100.0).round(), 1903.0);
        let (mut term, mut sum) = (1.0, 1.0);
        for i in 1..=10 {
            term *= 80.0 * exp64(-1.0) / f64::from(i);
            sum += term;
        }
        assert!(best < crate::math::ln64(sum) && best > 0.99 * crate::math::ln64(sum), "{best}");
    }

    /// One unit and one period: the seller's price is 1, sold with probability 0.8/e.
    #[test]
    fn a_single_customer_is_asked_for_the_myopic_price() {
        let env = Inventory { periods: 1, stock: 1, ..Inventory::default() };
        assert!((env.optimum().lower - f64::from(0.8f32) * exp64(-1.0)).abs() < 1e-12);
        assert_eq!(env.best_prices(), [1.0]);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Inventory| env.validate().expect_err("not admissible").to_string();
        assert!(named(Inventory { periods: 0, ..Inventory::default() }).contains("periods"));
        assert!(named(Inventory { stock: 101, ..Inventory::default() }).contains("stock"));
        assert!(named(Inventory { arrival: 0.0, ..Inventory::default() }).contains("arrival"));
        assert!(named(Inventory { low: f32::NAN, ..Inventory::default() }).contains("low"));
        assert!(named(Inventory { high: 0.5, ..Inventory::default() }).contains("high"));
    }
}
