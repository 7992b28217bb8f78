//! # Customers remember prices: raise the reference, then harvest it with a sale
//!
//! Customers compare the price with a reference that follows past prices. Below it they feel a gain and buy more, above
//! it a loss and buy less. Here gains weigh more than losses, so that no constant price is best: high prices raise the
//! reference, a low one then sells a lot, and the cycle begins again. With `loss` above `gain` a constant price is
//! almost optimal (it loses less than 0.01 %), so that such a world says little about an agent.
//!
//! - Demand: q = `size` − `slope` p + `gain` (r − p)⁺ − `loss` (p − r)⁺, at least 0, for reference r and price p.
//! - Then r' = α r + (1 − α) p, α the `memory`. Nothing is random.
//! - Best value: V(r) = max_p p q(r, p) + γ V(r'). On 401 references with straight lines between them, the maximum over
//!   prices exact (on the interval too: between two of the references the right-hand side is a parabola), the solution
//!   lies above V, because V is convex where `gain` ≥ `loss`; elsewhere a Lipschitz bound is added. Its greedy policy,
//!   played from the start with exact references, earns what some policy earns: the lower bound.
//!
//! | | |
//! |---|---|
//! | Action, `actions = "grid"` | `Discrete(levels)`: one of equally spaced prices in [0, `high`], both ends among them: 0, 0.1 … 2 |
//! | Action, `actions = "continuous"` | `Continuous(1)`: the price, in [0, `high`] |
//! | Observation | `reference`: 2r / `high` − 1 (1 number in [−1, 1]) |
//! | Reward | p q |
//! | Start | r = `start` |
//! | End | truncated after `horizon` steps |
//! | Discount | `discount` |
//! | Parameters | `actions` (`grid` or `continuous`, default grid), `levels` of the grid (2 to 101, default 21), `start` (0 to `high`, default 1), `size` (0.1 to 10, default 1), `slope` (0.01 to 10, default 0.5), `gain` (0 to 10, default 1), `loss` (0 to 10, default 0.2), `memory` (0 to 0.99, default 0.8), `high` (0.1 to 10, default 2), `discount` (above 0, at most 0.99, default 0.95), `horizon` (1 to 10000, default 300) |
//! | Metrics | `mean_price`: mean of the posted prices; `mean_demand`: mean of q; `swing`: mean absolute difference of the price and the reference |
//! | Reference policies | `random`: uniform on the grid or the interval; `myopic`: the highest reward at once; `fixed-P`: the admissible price next to P; `best-fixed`: the best single price; `oracle`: greedy in the solution |
//! | Optimum, grid | 11.06, the bounds equal to 10^-9; random 7.00, myopic 9.89, best fixed price 10.28 |
//! | Optimum, continuous | 11.09, the bounds equal to 10^-3; myopic 9.89 |
//! | Learning | moderate: one number to look at, but the best policy cycles |
//! | Source | Popescu, Wu 2007, "Dynamic pricing strategies with reference effects"; gain-seeking customers after Hu, Chen, Hu 2016, "Dynamic pricing with gain-seeking reference price effects" |
//!
//! Values are those of endless episodes; the step limit takes less than the tolerance, `discount`^`horizon` times the
//! largest value.
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between, parameter},
    math::powi64,
    oracle::{Memo, peak::highest, quadrature::uniform_mean},
    rng::Rng,
    space::{Form, Number, RowMut},
};
use serde::{Deserialize, Serialize};

/// References at which values are kept.
const POINTS: usize = 401;
/// Sweeps with a fixed policy between two improvements.
const SWEEPS: usize = 20;
/// Iteration ends when no value changes by more than this share of the largest.
const SETTLED: f64 = 1e-13;

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReferencePrice {
    /// Whether the price is one of a grid or any of the interval.
    pub actions: Form,
    /// Number of prices of the grid.
    pub levels: u32,
    /// The reference at the start.
    pub start: f32,
    /// Demand at price 0.
    pub size: f32,
    /// Demand lost per unit of price.
    pub slope: f32,
    /// Demand won per unit below the reference.
    pub gain: f32,
    /// Demand lost per unit above the reference.
    pub loss: f32,
    /// Share of the reference that is kept.
    pub memory: f32,
    /// Greatest price.
    pub high: f32,
    /// The world's discount.
    pub discount: f64,
    /// The step limit.
    pub horizon: u32,
    #[serde(skip)]
    values: Memo<Vec<f64>>,
    #[serde(skip)]
    best_fixed: Memo<f64>,
}

impl Default for ReferencePrice {
    fn default() -> Self {
        ReferencePrice {
            actions: Form::Grid,
            levels: 21,
            start: 1.0,
            size: 1.0,
            slope: 0.5,
            gain: 1.0,
            loss: 0.2,
            memory: 0.8,
            high: 2.0,
            discount: 0.95,
            horizon: 300,
            values: Memo::default(),
            best_fixed: Memo::default(),
        }
    }
}

/// An episode: the reference, and what was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    reference: f32,
    steps: u32,
    posted: f32,
    demanded: f32,
    swung: f32,
}

impl Env for ReferencePrice {
    type State = State;
    type Action = Number;
    const METRICS: &'static [&'static str] = &["mean_price", "mean_demand", "swing"];
    const POLICIES: &'static [&'static str] = &["myopic", "fixed-P", "best-fixed", "oracle"];

    fn validate(&self) -> Result<()> {
        between("levels", self.levels, 2, 101)?;
        between("high", self.high, 0.1, 10.0)?;
        if !(0.0..=self.high).contains(&self.start) {
            return Err(parameter("start", self.start, "between 0 and `high`"));
        }
        between("size", self.size, 0.1, 10.0)?;
        between("slope", self.slope, 0.01, 10.0)?;
        between("gain", self.gain, 0.0, 10.0)?;
        between("loss", self.loss, 0.0, 10.0)?;
        between("memory", self.memory, 0.0, 0.99)?;
        if !(self.discount > 0.0 && self.discount <= 0.99) {
            return Err(parameter("discount", self.discount, "above 0 and at most 0.99"));
        }
        between("horizon", self.horizon, 1, 10_000)
    }

    fn action_space(&self) -> Number {
        Number { form: self.actions, low: 0.0, high: self.high, levels: self.levels }
    }

    fn observation(&self) -> Vec<Field> {
        // Rounding may carry a reference that equals the highest price a little beyond it.
        vec![Field { name: "reference", len: 1, low: -1.0, high: 1.000_001 }]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        self.discount
    }

    fn reset(&self, _: &Rng) -> State {
        State { reference: self.start, steps: 0, posted: 0.0, demanded: 0.0, swung: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, price: Elem<'_, Self>, _: &Rng) -> Outcome {
        let demand = self.demand(state.reference, price);
        state.steps += 1;
        state.posted += price;
        state.demanded += demand;
        state.swung += (price - state.reference).abs();
        state.reference = self.memory * state.reference + (1.0 - self.memory) * price;
        Outcome { reward: price * demand, terminated: false }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = 2.0 * state.reference / self.high - 1.0;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let totals = [state.posted, state.demanded, state.swung];
        out.iter_mut().zip(totals).for_each(|(mean, total)| *mean = f64::from(total) / f64::from(state.steps));
    }

    fn expected_reward(&self, state: &State, price: Elem<'_, Self>) -> f64 {
        f64::from(price * self.demand(state.reference, price))
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        let reference = f64::from(state.reference);
        let price = match policy.name {
            "oracle" => self.curve().best(reference, self.values()).1 as f32,
            "best-fixed" => self.best_fixed() as f32,
            "fixed-P" => policy.value.expect("the pattern has a number"),
            _ => self.curve().best(reference, &[0.0; POINTS]).1 as f32,
        };
        self.action_space().write(price, action);
    }

    fn optimum(&self) -> Optimum {
        let (curve, values) = (self.curve(), self.values());
        let start = f64::from(self.start);
        let upper = curve.interpolated(values, start) + curve.slack();
        let lower = curve.follow(start, |reference| curve.best(reference, values).1);
        let myopic = curve.follow(start, |reference| curve.best(reference, &[0.0; POINTS]).1);
        let largest = values.iter().fold(0.0, |largest, &value| if value > largest { value } else { largest });
        let close = upper - lower < 1e-9 * upper;
        Optimum {
            lower,
            upper: if close { lower } else { upper },
            // Beyond the step limit, the rounding of the world, and the end of the iteration.
            tolerance: largest * (powi64(self.discount, self.horizon) + 1e-6),
            method: "value iteration on references, its greedy policy played",
            random: curve.interpolated(&curve.random(), start),
            random_se: 0.0,
            others: vec![("myopic", myopic), ("best-fixed", curve.follow(start, |_| self.best_fixed()))],
        }
    }
}

impl ReferencePrice {
    #[inline]
    fn demand(&self, reference: f32, price: f32) -> f32 {
        let feeling = if price < reference { self.gain } else { self.loss };
        let demand = self.size - self.slope * price + feeling * (reference - price);
        if demand > 0.0 { demand } else { 0.0 }
    }

    fn curve(&self) -> Curve {
        Curve {
            prices: self.action_space(),
            size: f64::from(self.size),
            slope: f64::from(self.slope),
            gain: f64::from(self.gain),
            loss: f64::from(self.loss),
            memory: f64::from(self.memory),
            high: f64::from(self.high),
            discount: self.discount,
        }
    }

    /// The best value at each of the references.
    fn values(&self) -> &[f64] {
        self.values.get(|| self.curve().solve())
    }

    fn best_fixed(&self) -> f64 {
        *self.best_fixed.get(|| {
            let (curve, start) = (self.curve(), f64::from(self.start));
            let fixed = |price| curve.follow(start, |_| price);
            self.action_space().best(fixed, || highest(fixed, 0.0, f64::from(self.high)))
        })
    }
}

/// The world in f64, with values kept at equally spaced references.
struct Curve {
    prices: Number,
    size: f64,
    slope: f64,
    gain: f64,
    loss: f64,
    memory: f64,
    high: f64,
    discount: f64,
}

impl Curve {
    fn point(&self, i: usize) -> f64 {
        self.high * i as f64 / (POINTS - 1) as f64
    }

    /// The cell of `reference`: the point at its left.
    fn cell(&self, reference: f64) -> usize {
        let i = (reference / self.high * (POINTS - 1) as f64) as usize;
        if i > POINTS - 2 { POINTS - 2 } else { i }
    }

    fn interpolated(&self, values: &[f64], reference: f64) -> f64 {
        let i = self.cell(reference);
        let [left, right] = [i, i + 1].map(|i| self.point(i));
        values[i] + (values[i + 1] - values[i]) * ((reference - left) / (right - left))
    }

    fn reward(&self, reference: f64, price: f64) -> f64 {
        let feeling = if price < reference { self.gain } else { self.loss };
        let demand = self.size - self.slope * price + feeling * (reference - price);
        if demand > 0.0 { price * demand } else { 0.0 }
    }

    fn after(&self, reference: f64, price: f64) -> f64 {
        self.memory * reference + (1.0 - self.memory) * price
    }

    /// The best price at `reference` and what it is worth, when references are worth `values` afterwards.
    fn best(&self, reference: f64, values: &[f64]) -> (f64, f64) {
        let worth = |price: f64| {
            self.reward(reference, price) + self.discount * self.interpolated(values, self.after(reference, price))
        };
        let price = self.prices.best(worth, || self.peak(reference, values, worth));
        (worth(price), price)
    }

    /// The best price of the interval: the best of the peaks of all pieces between the prices where the form of the
    /// right-hand side changes.
    fn peak(&self, reference: f64, values: &[f64], worth: impl Fn(f64) -> f64) -> f64 {
        let keep = 1.0 - self.memory;
        let first = self.cell(self.after(reference, 0.0));
        let last = self.cell(self.after(reference, self.high));
        let feelings = [self.gain, self.loss];
        let sold_out = feelings.map(|feeling| (self.size + feeling * reference) / (self.slope + feeling));
        let mut best = (worth(0.0), 0.0);
        for cell in first..=last {
            let ends = [cell, cell + 1].map(|i| self.prices.within((self.point(i) - self.memory * reference) / keep));
            let inside = [reference, sold_out[0], sold_out[1]].into_iter().filter(|p| ends[0] < *p && *p < ends[1]);
            let rise = (values[cell + 1] - values[cell]) / (self.point(cell + 1) - self.point(cell));
            // The parabola's peak for either feeling counts where it lies in the cell.
            let peaks = feelings.map(|feeling| {
                (self.size + feeling * reference + self.discount * keep * rise) / (2.0 * (self.slope + feeling))
            });
            let peaks = peaks.into_iter().filter(|p| ends[0] < *p && *p < ends[1]);
            for price in ends.into_iter().chain(inside).chain(peaks) {
                let value = worth(price);
                if value > best.0 {
                    best = (value, price);
                }
            }
        }
        best.1
    }

    /// Best values: improvements of the policy, each followed by sweeps without choice.
    fn solve(&self) -> Vec<f64> {
        let mut values = vec![0.0; POINTS];
        loop {
            let best: Vec<(f64, f64)> = (0..POINTS).map(|i| self.best(self.point(i), &values)).collect();
            let (mut change, mut largest) = (0.0, 0.0);
            for ((better, _), value) in best.iter().zip(&values) {
                let distance = (better - value).abs();
                change = if distance > change { distance } else { change };
                largest = if *better > largest { *better } else { largest };
            }
            values = best.iter().map(|(value, _)| *value).collect();
            if change <= SETTLED * largest {
                return values;
            }
            for _ in 0..SWEEPS {
                let again = |(i, (_, price)): (usize, &(f64, f64))| {
                    let reference = self.point(i);
                    let later = self.interpolated(&values, self.after(reference, *price));
                    self.reward(reference, *price) + self.discount * later
                };
                values = best.iter().enumerate().map(again).collect();
            }
        }
    }

    /// How far the solution may lie below the best value: not at all where that is convex, else what straight lines
    /// can miss of a function with Lipschitz constant high · max(gain, loss) / (1 − γα) at every step.
    fn slack(&self) -> f64 {
        if self.gain >= self.loss {
            return 0.0;
        }
        let lipschitz = self.high * self.loss / (1.0 - self.discount * self.memory);
        self.discount * lipschitz * self.point(1) / 2.0 / (1.0 - self.discount)
    }

    /// Discounted value of asking for `price(reference)` for ever.
    fn follow(&self, start: f64, price: impl Fn(f64) -> f64) -> f64 {
        let (mut reference, mut weight, mut value) = (start, 1.0, 0.0);
        while weight > 1e-16 {
            let price = price(reference);
            value += weight * self.reward(reference, price);
            weight *= self.discount;
            reference = self.after(reference, price);
        }
        value
    }

    /// Values of uniformly random prices.
    fn random(&self) -> Vec<f64> {
        let rewards: Vec<f64> = (0..POINTS)
            .map(|i| {
                let reward = |price| [self.reward(self.point(i), price)];
                self.prices.mean(reward, || uniform_mean(reward, 0.0, self.high))[0]
            })
            .collect();
        let mut values = vec![0.0; POINTS];
        loop {
            // Areas under the values up to each reference, for means over the interval.
            let width = self.point(1);
            let mut areas = vec![0.0; POINTS];
            for i in 1..POINTS {
                areas[i] = areas[i - 1] + 0.5 * width * (values[i - 1] + values[i]);
            }
            let area = |reference: f64| {
                let i = self.cell(reference);
                let beyond = reference - self.point(i);
                areas[i] + 0.5 * beyond * (values[i] + self.interpolated(&values, reference))
            };
            let next: Vec<f64> = (0..POINTS)
                .map(|i| {
                    let after = |price| self.after(self.point(i), price);
                    let [later] = self.prices.mean(
                        |price| [self.interpolated(&values, after(price))],
                        || [(area(after(self.high)) - area(after(0.0))) / (after(self.high) - after(0.0))],
                    );
                    rewards[i] + self.discount * later
                })
                .collect();
            let distances = values.iter().zip(&next).map(|(old, new)| (old - new).abs() / (1.0 + new));
            let settled = distances.max_by(f64::total_cmp).expect("references") < 1e-12;
            values = next;
            if settled {
                return values;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    fn interval() -> ReferencePrice {
        ReferencePrice { actions: Form::Continuous, ..ReferencePrice::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let digits = |value: f64| (value * 100.0).round() / 100.0;
        let optimum = ReferencePrice::default().optimum();
        assert_eq!([optimum.lower, optimum.upper, optimum.random].map(digits), [11.06, 11.06, 7.0]);
        assert!(optimum.is_exact() && (optimum.lower - 11.0634).abs() < 1e-4);
        assert_eq!(optimum.others.iter().map(|(_, value)| digits(*value)).collect::<Vec<_>>(), [9.89, 10.28]);
        let optimum = interval().optimum();
        assert_eq!(digits(optimum.others[0].1), 9.89);
        assert!(optimum.upper - optimum.lower < 1e-3, "{optimum:?}");
    }

    /// Where gains and losses weigh the same and no bound binds, the problem is linear-quadratic: V = A r² + B r + C by
    /// its Riccati recursion.
    #[test]
    fn without_asymmetry_the_value_is_a_parabola() {
        let env = ReferencePrice { gain: 0.3, loss: 0.3, ..interval() };
        let curve = env.curve();
        let (alpha, gamma, eta) = (curve.memory, curve.discount, curve.gain);
        let keep = 1.0 - alpha;
        let [mut a, mut b, mut c] = [0.0; 3];
        for _ in 0..2000 {
            let h = -(curve.slope + eta) + gamma * a * keep * keep;
            let l0 = curve.size + gamma * b * keep;
            let l1 = eta + 2.0 * gamma * a * alpha * keep;
            (a, b, c) = (
                gamma * a * alpha * alpha - l1 * l1 / (4.0 * h),
                gamma * b * alpha - l0 * l1 / (2.0 * h),
                gamma * c - l0 * l0 / (4.0 * h),
            );
        }
        let expected = a + b + c;
        let optimum = env.optimum();
        assert!(
            (optimum.lower - expected).abs() < 1e-4 && (optimum.upper - expected).abs() < 1e-4,
            "{expected} {optimum:?}"
        );
    }

    /// Choosing the next reference among the points instead of a price needs no line between points: a lower bound by
    /// another road, and a close one.
    #[test]
    fn going_from_point_to_point_comes_close_from_below() {
        let env = interval();
        let (curve, upper) = (env.curve(), env.optimum().upper);
        let mut values = vec![0.0; POINTS];
        for _ in 0..150 {
            values = (0..POINTS)
                .map(|i| {
                    let price =
                        |next: usize| (curve.point(next) - curve.memory * curve.point(i)) / (1.0 - curve.memory);
                    let nexts = (0..POINTS).filter(|&next| (0.0..=curve.high).contains(&price(next)));
                    let worth = |next| curve.reward(curve.point(i), price(next)) + curve.discount * values[next];
                    nexts.map(worth).max_by(f64::total_cmp).expect("staying is possible")
                })
                .collect();
        }
        let lower = curve.interpolated(&values, 1.0);
        assert!(lower < upper && upper - lower < 0.04, "{lower} {upper}");
    }

    #[test]
    fn losses_leave_bounds_and_a_constant_price_that_is_nearly_best() {
        let optimum = ReferencePrice { gain: 0.2, loss: 1.0, ..interval() }.optimum();
        assert!(optimum.lower < optimum.upper);
        let fixed = optimum.others[1].1;
        assert!(fixed <= optimum.lower + 1e-9 && fixed > 0.999 * optimum.lower, "{optimum:?}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        for env in [ReferencePrice::default(), interval()] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                let episodes = if policy == "random" { 4000 } else { 2 };
                play(&env, policy, episodes).agrees_with(value, 2.0 * optimum.tolerance);
            }
        }
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: ReferencePrice| env.validate().expect_err("not admissible").to_string();
        assert!(named(ReferencePrice { levels: 1, ..ReferencePrice::default() }).contains("levels"));
        assert!(named(ReferencePrice { start: 2.5, ..ReferencePrice::default() }).contains("start"));
        assert!(named(ReferencePrice { size: 0.0, ..ReferencePrice::default() }).contains("size"));
        assert!(named(ReferencePrice { slope: 0.0, ..ReferencePrice::default() }).contains("slope"));
        assert!(named(ReferencePrice { gain: -1.0, ..ReferencePrice::default() }).contains("gain"));
        assert!(named(ReferencePrice { loss: f32::NAN, ..ReferencePrice::default() }).contains("loss"));
        assert!(named(ReferencePrice { memory: 1.0, ..ReferencePrice::default() }).contains("memory"));
        assert!(named(ReferencePrice { high: 0.0, ..ReferencePrice::default() }).contains("high"));
        assert!(named(ReferencePrice { discount: 1.0, ..ReferencePrice::default() }).contains("discount"));
        assert!(named(ReferencePrice { horizon: 0, ..ReferencePrice::default() }).contains("horizon"));
    }
}
