//! # A coupon for a household loyal to its last yogurt, estimated from real purchases
//!
//! At each of `visits` visits a household buys one of four yogurts: Yoplait, Dannon, Hiland or Weight Watchers. You set
//! the price of Dannon for this household and earn its margin. What was bought last is bought again far more often than
//! not, so a low price today is an investment: the household comes to know Dannon, and later pays for it. A seller who
//! looks at the next visit only earns half as much.
//!
//! - Choice: P(j) proportional to exp(`intercepts`_j − `price_sensitivity` · price_j + `loyalty` · [j = last]).
//! - The rivals' prices are one of eleven rows, drawn anew at each visit and seen before you set yours.
//! - Best value with t visits left, V_0 = 0: if a sale is worth G = V_{t−1}(Dannon) − V̄ more than no sale, V̄ the mean of
//!   V_{t−1} over the rivals by their shares, the cost is in effect c = `cost` − G and the best price
//!   c + (1 + W(e^(a − βc − 1)/S))/β, clipped to the interval, with W Lambert's function, β the price sensitivity, a
//!   Dannon's utility without price and S the sum of the rivals' weights; then V_t is the mean of V̄ + P(Dannon) (p − c)
//!   over the rows.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "continuous"` | `Continuous(1)`: Dannon's price in US cents per ounce, in [`low`, `high`] |
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices, both ends among them |
//! | Observation | `last`: one-hot of the brand bought last: none, Yoplait, Dannon, Hiland, Weight Watchers (5 numbers in [0, 1]); `rival_prices`: Yoplait, Hiland, Weight Watchers in 10 cents per ounce (3 in [0.2, 1.3]); `visits_left`: share of the visits that are left (1 in [0, 1]) |
//! | Reward | price − `cost` if Dannon is bought, else 0 |
//! | Start | nothing bought yet, all visits left |
//! | End | terminated after the last visit |
//! | Discount | 1 |
//! | Parameters | `actions` (`continuous` or `grid`, default continuous), `levels` of the grid (2 to 1000, default 21), `visits` (1 to 1000, default 30), `cost` (0 to 50, default 5), `low` (0 to 50, default 5), `high` (above `low`, at most 50, default 15), `price_sensitivity` (0.01 to 5 per cent, default 0.4149), `loyalty` (−5 to 10, default 2.7287), `intercepts` of Yoplait, Dannon, Hiland, Weight Watchers (−10 to 10, default 3.7916, 2.8015, 0, 2.4492) |
//! | Metrics | `share`: share of the visits at which Dannon was bought; `mean_price`: mean of the posted prices |
//! | Reference policies | `random`: uniform on the interval or the grid; `myopic`: the best price for this visit alone; `fixed-P`: the admissible price next to P; `best-fixed`: the best single price; `oracle`: the best price |
//! | Optimum | exact, 60.3: backwards over visits and brands. Random 21.1 (the mean over the uniform price by Simpson's rule, error below 10^-9), myopic 32.6, best fixed price 35.9. On the grid of 21 prices 60.3 (0.03 less), random 20.9, myopic 33.0, best fixed price 35.7 |
//! | Learning | moderate: the profit of a sale comes visits later; a patient agent nearly doubles that of a greedy one |
//! | Source | the scanner panel of Jain, Vilcassim, Chintagunta 1994 (2,412 purchases of 100 households; `Yogurt` in the R package Ecdat) |
//!
//! What is **estimated**: a multinomial logit with newspaper features and "same brand as last time" on the 2,312
//! purchases with a known predecessor, log-likelihood −1148.604, with standard errors: price −0.4149 (0.036), feature
//! 0.8235 (0.174), same brand 2.7287 (0.066), intercepts 3.7916 (0.255), 2.8015 (0.192), 0 (fixed), 2.4492 (0.192).
//! Without "same brand", on all purchases, the same model gives the published log-likelihood −2656.888. The rows of
//! rival prices are the centres of eleven clusters (k-means) of the observed rows with the shares of the rows in them.
//! What is **assumed**: the cost, that one of the four is bought at each visit (no outside option), that rows are
//! independent between visits, that no brand is featured, and that households do not differ. To refit, fit such a logit
//! to the panel and set the three parameters.
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::{exp, exp64, lambert_w_exp64, ln64},
    oracle::{Memo, peak::highest, quadrature::uniform_mean},
    rng::{Purpose, Rng, Stream},
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

const BRANDS: usize = 4;
const DANNON: usize = 1;
const RIVALS: [usize; BRANDS - 1] = [0, 2, 3];
/// What was bought last: nothing yet, or brand `last` − 1.
const LASTS: usize = BRANDS + 1;
const ROWS: usize = 11;
/// Prices of Yoplait, Hiland and Weight Watchers in cents per ounce.
const RIVAL_PRICES: [[f32; BRANDS - 1]; ROWS] = [
    [10.61, 5.01, 7.96],
    [10.67, 6.34, 8.08],
    [11.48, 5.42, 7.93],
    [12.19, 5.07, 8.47],
    [12.19, 6.13, 8.57],
    [8.27, 5.59, 7.80],
    [11.33, 2.85, 7.92],
    [11.60, 5.99, 6.38],
    [4.30, 5.81, 7.15],
    [5.65, 5.03, 8.05],
    [11.11, 5.58, 3.81],
];
/// How often each row is met.
const FREQUENCY: [f64; ROWS] = [0.3172, 0.1273, 0.1248, 0.1227, 0.1085, 0.0526, 0.0430, 0.0342, 0.0288, 0.0255, 0.0154];
/// Probability of each row or an earlier one; the last is certain.
const UP_TO: [f64; ROWS - 1] = {
    let (mut up_to, mut row) = ([FREQUENCY[0]; ROWS - 1], 1);
    while row < ROWS - 1 {
        up_to[row] = up_to[row - 1] + FREQUENCY[row];
        row += 1;
    }
    up_to
};

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Yogurt {
    /// Whether the price is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of prices of the grid.
    pub levels: u32,
    /// Number of visits.
    pub visits: u32,
    /// Cost of an ounce of Dannon, cents.
    pub cost: f32,
    /// Least price of Dannon, cents per ounce.
    pub low: f32,
    /// Greatest price of Dannon, cents per ounce.
    pub high: f32,
    /// Utility lost per cent of price.
    pub price_sensitivity: f32,
    /// Utility of the brand that was bought last.
    pub loyalty: f32,
    /// Utility of each brand at price 0.
    pub intercepts: [f32; BRANDS],
    #[serde(skip)]
    known: Memo<Known>,
    #[serde(skip)]
    prices: Memo<Vec<f32>>,
    #[serde(skip)]
    best_fixed: Memo<f64>,
}

impl Default for Yogurt {
    fn default() -> Self {
        Yogurt {
            actions: Form::Continuous,
            levels: 21,
            visits: 30,
            cost: 5.0,
            low: 5.0,
            high: 15.0,
            price_sensitivity: 0.4149,
            loyalty: 2.7287,
            intercepts: [3.7916, 2.8015, 0.0, 2.4492],
            known: Memo::default(),
            prices: Memo::default(),
            best_fixed: Memo::default(),
        }
    }
}

/// An episode: what the household knows, what the shelf says, and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    last: u32,
    row: u32,
    visits: u32,
    sales: u32,
    posted: f32,
}

impl Env for Yogurt {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["share", "mean_price"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-P", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        between("levels", self.levels, 2, 1000)?;
        if !(1..=1000).contains(&self.visits) {
            return Err(parameter("visits", self.visits, "between 1 and 1000"));
        }
        if !(0.0..=50.0).contains(&self.cost) {
            return Err(parameter("cost", self.cost, "between 0 and 50"));
        }
        if !(0.0..=50.0).contains(&self.low) {
            return Err(parameter("low", self.low, "between 0 and 50"));
        }
        if !(self.high > self.low && self.high <= 50.0) {
            return Err(parameter("high", self.high, "above `low` and at most 50"));
        }
        if !(0.01..=5.0).contains(&self.price_sensitivity) {
            return Err(parameter("price_sensitivity", self.price_sensitivity, "between 0.01 and 5"));
        }
        if !(-5.0..=10.0).contains(&self.loyalty) {
            return Err(parameter("loyalty", self.loyalty, "between -5 and 10"));
        }
        match self.intercepts.iter().find(|intercept| !(-10.0..=10.0).contains(*intercept)) {
            Some(intercept) => Err(parameter("intercepts", intercept, "between -10 and 10")),
            None => Ok(()),
        }
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: self.low, high: self.high, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        vec![
            Field { name: "last", len: LASTS, low: 0.0, high: 1.0 },
            Field { name: "rival_prices", len: RIVALS.len(), low: 0.2, high: 1.3 },
            Field { name: "visits_left", len: 1, low: 0.0, high: 1.0 },
        ]
    }

    fn horizon(&self) -> u32 {
        self.visits
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let row = next_row(&mut rng.stream(Purpose::RESET));
        State { last: 0, row, visits: self.visits, sales: 0, posted: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, price: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let brand = draws.categorical(&self.weights(state, price));
        let sold = brand == DANNON;
        state.last = brand as u32 + 1;
        state.row = next_row(&mut draws);
        state.visits -= 1;
        state.sales += u32::from(sold);
        state.posted += price;
        Outcome { reward: if sold { price - self.cost } else { 0.0 }, terminated: state.visits == 0 }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row.fill(0.0);
        row[state.last as usize] = 1.0;
        for (number, price) in row[LASTS..].iter_mut().zip(RIVAL_PRICES[state.row as usize]) {
            *number = price / 10.0;
        }
        row[LASTS + RIVALS.len()] = state.visits as f32 / self.visits as f32;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let visits = f64::from(self.visits - state.visits);
        out[0] = f64::from(state.sales) / visits;
        out[1] = f64::from(state.posted) / visits;
    }

    fn expected_reward(&self, state: &State, price: Elem<'_, Self>) -> f64 {
        let weights = self.weights(state, price).map(f64::from);
        let total = weights.iter().fold(0.0, |sum, weight| sum + weight);
        weights[DANNON] / total * f64::from(price - self.cost)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let (last, row) = (state.last as usize, state.row as usize);
        let price = match policy.name {
            // The last visit is over: any price will do.
            "oracle" if state.visits == 0 => self.low,
            "oracle" => {
                let prices = self.prices.get(|| self.best_prices());
                prices[((state.visits - 1) as usize * LASTS + last) * ROWS + row]
            }
            "best-fixed" => self.best_fixed() as f32,
            "fixed-P" => policy.value.expect("the pattern has a number"),
            _ => self.best_price(&self.visit(last, row), 0.0) as f32,
        };
        self.action_space().write(price, action);
    }

    fn optimum(&self) -> Optimum {
        let at_best = |visit: &Visit, gain| self.offer(visit, self.best_price(visit, gain));
        let greedy = |visit: &Visit, _| self.offer(visit, self.best_price(visit, 0.0));
        let best = self.value(at_best);
        let mean_offers: Vec<Offer> = self.visits().iter().map(|visit| self.mean_offer(visit)).collect();
        Optimum {
            lower: best,
            upper: best,
            // The world computes in f32.
            tolerance: 1e-5 * best.abs(),
            method: "backwards over visits and brands",
            random: self.value(|visit, _| mean_offers[visit.last * ROWS + visit.row]),
            random_se: 0.0,
            others: vec![("myopic", self.value(greedy)), ("best-fixed", self.fixed(self.best_fixed()))],
        }
    }
}

fn next_row(draws: &mut Stream) -> u32 {
    let u = draws.uniform64();
    // Counting without leaving the loop early: a branch that depends on u would be mispredicted.
    UP_TO.iter().map(|&up_to| u32::from(u >= up_to)).sum()
}

/// The exponentials that no price of Dannon changes.
#[derive(Clone, Debug)]
struct Known {
    /// Weights of the rivals in each row, for a household that bought none of them last.
    rivals: [[f32; BRANDS - 1]; ROWS],
    /// Factor of the brand that was bought last.
    loyal: f32,
}

/// What the seller faces at a visit.
struct Visit {
    last: usize,
    row: usize,
    /// Logit weights of the rivals, in the order of [`RIVALS`], and their sum.
    rivals: [f64; BRANDS - 1],
    sum: f64,
    /// Dannon's utility without price.
    utility: f64,
}

/// What a price brings at a visit on average.
#[derive(Clone, Copy)]
struct Offer {
    bought: f64,
    profit: f64,
}

impl Yogurt {
    /// Unnormalised probabilities of the brands.
    #[inline]
    fn weights(&self, state: &State, price: f32) -> [f32; BRANDS] {
        let known = self.known.get(|| Known {
            rivals: RIVAL_PRICES.map(|prices| std::array::from_fn(|i| self.weight(RIVALS[i], prices[i]))),
            loyal: exp(self.loyalty),
        });
        let [yoplait, hiland, weight_watchers] = known.rivals[state.row as usize];
        let mut weights = [yoplait, self.weight(DANNON, price), hiland, weight_watchers];
        if state.last > 0 {
            weights[state.last as usize - 1] *= known.loyal;
        }
        weights
    }

    fn weight(&self, brand: usize, price: f32) -> f32 {
        exp(self.intercepts[brand] - self.price_sensitivity * price)
    }

    fn visit(&self, last: usize, row: usize) -> Visit {
        let utility = |brand: usize| {
            f64::from(self.intercepts[brand]) + if last == brand + 1 { f64::from(self.loyalty) } else { 0.0 }
        };
        let rivals: [f64; BRANDS - 1] = std::array::from_fn(|i| {
            exp64(utility(RIVALS[i]) - f64::from(self.price_sensitivity) * f64::from(RIVAL_PRICES[row][i]))
        });
        Visit { last, row, rivals, sum: rivals[0] + rivals[1] + rivals[2], utility: utility(DANNON) }
    }

    /// Every kind of visit, rows fastest.
    fn visits(&self) -> Vec<Visit> {
        (0..LASTS).flat_map(|last| (0..ROWS).map(move |row| self.visit(last, row))).collect()
    }

    fn offer(&self, visit: &Visit, price: f64) -> Offer {
        let weight = exp64(visit.utility - f64::from(self.price_sensitivity) * price);
        let bought = weight / (weight + visit.sum);
        Offer { bought, profit: bought * (price - f64::from(self.cost)) }
    }

    /// The mean over uniform prices.
    fn mean_offer(&self, visit: &Visit) -> Offer {
        let offer = |price| {
            let Offer { bought, profit } = self.offer(visit, price);
            [bought, profit]
        };
        let interval = || uniform_mean(offer, f64::from(self.low), f64::from(self.high));
        let [bought, profit] = self.action_space().mean(offer, interval);
        Offer { bought, profit }
    }

    /// The best price when a sale is worth `gain` more than its profit.
    fn best_price(&self, visit: &Visit, gain: f64) -> f64 {
        let worth = |price| {
            let Offer { bought, profit } = self.offer(visit, price);
            profit + bought * gain
        };
        self.action_space().best(worth, || {
            let (cost, sensitivity) = (f64::from(self.cost) - gain, f64::from(self.price_sensitivity));
            let markup = 1.0 + lambert_w_exp64(visit.utility - sensitivity * cost - 1.0 - ln64(visit.sum));
            cost + markup / sensitivity
        })
    }

    /// Value from the start of making the offer `offer(visit, gain)` where a sale is worth `gain` more later than none;
    /// asked for from the last visit to the first and in each in the order of [`visits`](Self::visits).
    fn value(&self, mut offer: impl FnMut(&Visit, f64) -> Offer) -> f64 {
        let visits = self.visits();
        let mut value = [0.0; LASTS];
        for _ in 0..self.visits {
            let later = value;
            value = [0.0; LASTS];
            for visit in &visits {
                let lost =
                    RIVALS.iter().zip(visit.rivals).fold(0.0, |sum, (brand, weight)| sum + weight * later[brand + 1]);
                let otherwise = lost / visit.sum;
                let gain = later[DANNON + 1] - otherwise;
                let Offer { bought, profit } = offer(visit, gain);
                value[visit.last] += FREQUENCY[visit.row] * (otherwise + profit + bought * gain);
            }
        }
        value[0]
    }

    /// Value of asking for `price` at every visit.
    fn fixed(&self, price: f64) -> f64 {
        self.value(|visit, _| self.offer(visit, price))
    }

    fn best_fixed(&self) -> f64 {
        *self.best_fixed.get(|| {
            let fixed = |price| self.fixed(price);
            self.action_space().best(fixed, || highest(fixed, f64::from(self.low), f64::from(self.high)))
        })
    }

    /// The best price of each state, in the order of [`value`](Self::value).
    fn best_prices(&self) -> Vec<f32> {
        let mut prices = Vec::new();
        self.value(|visit, gain| {
            let price = self.best_price(visit, gain);
            prices.push(price as f32);
            self.offer(visit, price)
        });
        prices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = Yogurt::default().optimum();
        let digits = |value: f64| (value * 10.0).round() / 10.0;
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [60.3, 60.3, 21.1]);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [32.6, 35.9]);
    }

    /// Without Lambert's function: no price of a fine grid does better at any kind of visit, for any worth of a sale.
    #[test]
    fn no_price_of_a_fine_grid_does_better() {
        let env = Yogurt::default();
        for visit in env.visits() {
            for gain in [-3.0, 0.0, 2.5, 20.0] {
                let worth = |price: f64| {
                    let Offer { bought, profit } = env.offer(&visit, price);
                    profit + bought * gain
                };
                let best = worth(env.best_price(&visit, gain));
                let grid = (0..=1000).map(|i| worth(5.0 + 0.01 * f64::from(i))).max_by(f64::total_cmp);
                let grid = grid.expect("a thousand prices");
                assert!(
                    grid <= best + 1e-12 && best - grid < 1e-4,
                    "{} {} {gain}: {best} {grid}",
                    visit.last,
                    visit.row
                );
            }
        }
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let short = Yogurt { visits: 7, cost: 7.5, loyalty: 1.0, ..Yogurt::default() };
        let menu = Yogurt { actions: Form::Grid, ..Yogurt::default() };
        for env in [Yogurt::default(), short, menu] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random), ("fixed-9.5", env.fixed(9.5))];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 4000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    /// By hand: at the first visit, where nothing was bought yet, Dannon at 8 against the first row.
    #[test]
    fn choice_is_the_logit_of_the_page() {
        let env = Yogurt::default();
        let mut state = State { last: 0, row: 0, visits: 30, sales: 0, posted: 0.0 };
        let share = |state: &State| env.expected_reward(state, 8.0) / 3.0;
        let weights =
            [3.7916 - 0.4149 * 10.61, 2.8015 - 0.4149 * 8.0, -0.4149 * 5.01, 2.4492 - 0.4149 * 7.96].map(exp64);
        let total = |boost: f64| weights[0] + boost * weights[1] + weights[2] + weights[3];
        assert!((share(&state) - weights[1] / total(1.0)).abs() < 1e-6);
        state.last = 2;
        let boost = exp64(2.7287);
        assert!((share(&state) - boost * weights[1] / total(boost)).abs() < 1e-6);
    }

    #[test]
    fn a_menu_is_worth_less_than_the_interval_but_not_much() {
        let menu = Yogurt { actions: Form::Grid, ..Yogurt::default() }.optimum();
        let digits = |value: f64| (value * 10.0).round() / 10.0;
        assert_eq!([menu.lower, menu.random].map(digits), [60.3, 20.9]);
        assert_eq!(menu.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [33.0, 35.7]);
        assert!(menu.upper < Yogurt::default().optimum().lower);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: Yogurt| env.validate().expect_err("not admissible").to_string();
        assert!(named(Yogurt { levels: 1, ..Yogurt::default() }).contains("levels"));
        assert!(named(Yogurt { visits: 0, ..Yogurt::default() }).contains("visits"));
        assert!(named(Yogurt { cost: -1.0, ..Yogurt::default() }).contains("cost"));
        assert!(named(Yogurt { low: 51.0, ..Yogurt::default() }).contains("low"));
        assert!(named(Yogurt { high: 5.0, ..Yogurt::default() }).contains("high"));
        assert!(named(Yogurt { price_sensitivity: 0.0, ..Yogurt::default() }).contains("price_sensitivity"));
        assert!(named(Yogurt { loyalty: f32::NAN, ..Yogurt::default() }).contains("loyalty"));
        assert!(named(Yogurt { intercepts: [0.0, 11.0, 0.0, 0.0], ..Yogurt::default() }).contains("intercepts"));
    }
}
