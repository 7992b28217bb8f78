//! # A small stock to be sold before a deadline, one price at a time
//!
//! `stock` units are to be sold within `periods` periods. In each period you post a price p; a customer arrives with
//! probability `arrival` and buys one unit if their valuation, exponential with mean 1, exceeds p. What is left at the
//! end is worth nothing. The price that is best for the next sale, 1, sells the stock too early; the best price is 1
//! plus what a unit is worth if it is kept, and falls as the deadline comes near.
//!
//! - Sale: probability `arrival` · e^−p, while there is stock.
//! - Best value with t periods left and n units, V_0 = 0 and V(0) = 0: with the worth of a unit
//!   Δ = V_{t−1}(n) − V_{t−1}(n−1), p* = 1 + Δ (clipped to the interval) and
//!   V_t(n) = V_{t−1}(n) + `arrival` · e^−p* · (p* − Δ).
//!
//! | | |
//! |---|---|
//! | Action | `Continuous(1)`: the price, in [`low`, `high`], in units of the mean valuation |
//! | Observation | `time_left`: share of the periods that are left (1 number in [0, 1]); `stock`: share of the stock that is left (1 in [0, 1]) |
//! | Reward | the price if a unit is sold, else 0 |
//! | Start | all periods and all units left |
//! | End | terminated after the last period or the last unit |
//! | Discount | 1 |
//! | Parameters | `periods` (1 to 1000, default 30), `stock` (1 to 100, default 4), `arrival` (above 0, at most 1, default 0.8), `low` (0 to 10, default 0.5), `high` (above `low`, at most 20, default 4) |
//! | Metrics | `sold`: units sold; `mean_price`: mean of the posted prices; `sale_price`: mean price of the units sold, 0 if none was |
//! | Reference policies | `random`: uniform on the interval; `myopic`: the best price for the next sale, 1 (clipped); `fixed-P`: the price P (clipped); `best-fixed`: the best single price; `oracle`: p* |
//! | Optimum | exact, 6.14: backwards over time and stock by the equations above. Random, exact for the interval: 4.57, by the mean of e^−p and of p e^−p over it in closed form (the menu 0.5, 0.75 … 4 would give 4.37); myopic 3.99; best fixed price 5.86 |
//! | Learning | moderate: a single well-chosen price comes within 4.6 % of the optimum, so only the last of the way needs the time and the stock |
//! | Source | Gallego, van Ryzin 1994, "Optimal dynamic pricing of inventories with stochastic demand over finite horizons", with at most one customer per period |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, parameter},
    math::{exp, exp64},
    oracle::{Memo, peak::highest},
    rng::{Purpose, Rng},
    space::{Continuous, RowMut},
};
use serde::{Deserialize, Serialize};

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inventory {
    /// Number of periods.
    pub periods: u32,
    /// Units at the start.
    pub stock: u32,
    /// Probability that a customer arrives in a period.
    pub arrival: f32,
    /// Least price.
    pub low: f32,
    /// Greatest price.
    pub high: f32,
    #[serde(skip)]
    prices: Memo<Vec<f32>>,
    #[serde(skip)]
    best_fixed: Memo<f64>,
}

impl Default for Inventory {
    fn default() -> Self {
        Inventory {
            periods: 30,
            stock: 4,
            arrival: 0.8,
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
    type Action = Continuous<1>;
    const METRICS: &'static [&'static str] = &["sold", "mean_price", "sale_price"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-P", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        if !(1..=1000).contains(&self.periods) {
            return Err(parameter("periods", self.periods, "between 1 and 1000"));
        }
        if !(1..=100).contains(&self.stock) {
            return Err(parameter("stock", self.stock, "between 1 and 100"));
        }
        if !(self.arrival > 0.0 && self.arrival <= 1.0) {
            return Err(parameter("arrival", self.arrival, "above 0 and at most 1"));
        }
        if !(0.0..=10.0).contains(&self.low) {
            return Err(parameter("low", self.low, "between 0 and 10"));
        }
        if !(self.high > self.low && self.high <= 20.0) {
            return Err(parameter("high", self.high, "above `low` and at most 20"));
        }
        Ok(())
    }

    fn action_space(&self) -> Continuous<1> {
        Continuous([[self.low, self.high]])
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
    fn step(&self, state: &mut State, [price]: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let sold = rng.stream(Purpose::STEP).bernoulli(self.sale(price));
        let reward = if sold { price } else { 0.0 };
        state.periods -= 1;
        state.stock -= u32::from(sold);
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

    fn expected_reward(&self, _: &State, [price]: Elem<'_, Self>) -> f64 {
        f64::from(price) * f64::from(self.sale(price))
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
            _ => self.within(1.0) as f32,
        };
        action.reals[0] = price;
    }

    fn optimum(&self) -> Optimum {
        let best = self.value(|worth| self.offer(self.within(1.0 + worth)));
        let fixed = |price: f64| self.value(|_| self.offer(price));
        // The means of e^−p and of p e^−p, p uniform on the interval.
        let (low, high, arrival) = (f64::from(self.low), f64::from(self.high), f64::from(self.arrival));
        let sale = arrival * (exp64(-low) - exp64(-high)) / (high - low);
        let revenue = arrival * ((low + 1.0) * exp64(-low) - (high + 1.0) * exp64(-high)) / (high - low);
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32.
            tolerance: 1e-6 * best,
            method: "backwards over time and stock",
            random: self.value(|_| Offer { sale, revenue }),
            random_se: 0.0,
            others: vec![("myopic", fixed(self.within(1.0))), ("best-fixed", fixed(self.best_fixed()))],
        }
    }
}

/// What a period brings on average.
struct Offer {
    sale: f64,
    revenue: f64,
}

impl Inventory {
    /// Probability that a unit is sold at `price`.
    #[inline]
    fn sale(&self, price: f32) -> f32 {
        self.arrival * exp(-price)
    }

    fn offer(&self, price: f64) -> Offer {
        let sale = f64::from(self.arrival) * exp64(-price);
        Offer { sale, revenue: price * sale }
    }

    /// The admissible price next to `price`.
    fn within(&self, price: f64) -> f64 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        if price < low {
            low
        } else if price > high {
            high
        } else {
            price
        }
    }

    /// Value from the start of making the offer `offer(worth of a unit)`, asked for from the last period to the first
    /// and in each from the whole stock to the last unit.
    fn value(&self, mut offer: impl FnMut(f64) -> Offer) -> f64 {
        let stock = self.stock as usize;
        let mut value = vec![0.0; stock + 1];
        for _ in 0..self.periods {
            for left in (1..=stock).rev() {
                let worth = value[left] - value[left - 1];
                let Offer { sale, revenue } = offer(worth);
                value[left] += revenue - sale * worth;
            }
        }
        value[stock]
    }

    /// The best price of each state, in the order of [`value`](Self::value).
    fn best_prices(&self) -> Vec<f32> {
        let mut prices = Vec::new();
        self.value(|worth| {
            let price = self.within(1.0 + worth);
            prices.push(price as f32);
            self.offer(price)
        });
        prices
    }

    /// The best single price.
    fn best_fixed(&self) -> f64 {
        *self
            .best_fixed
            .get(|| highest(|price| self.value(|_| self.offer(price)), f64::from(self.low), f64::from(self.high)))
    }
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
        for env in [Inventory::default(), Inventory { periods: 9, stock: 2, high: 1.5, ..Inventory::default() }] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 10_000).agrees_with(value, optimum.tolerance);
            }
            let fixed = env.value(|_| env.offer(1.25));
            play(&env, "fixed-1.25", 10_000).agrees_with(fixed, optimum.tolerance);
        }
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
