//! # Chocolate or kale: what engages most today costs the satisfaction that tomorrow lives on
//!
//! At each of `horizon` steps you show chocolate or kale. Chocolate engages more for the moment; shown often, it wears
//! down the user's satisfaction, which multiplies everything. The best rule shows chocolate about every fifth time while
//! there is a future, and nothing else at the end. (With RecSim's own numbers, `memory` 0.7, `sensitivity` 0.01,
//! `kale` 4, satisfaction hardly moves and chocolate is always best.)
//!
//! The user's state is a net exposure x, with b = 1 for chocolate and 0 for kale:
//!
//! - Satisfaction: z = σ(`sensitivity` · x), σ the logistic function, before the step changes x.
//! - Engagement: ln e is normal with mean z · `choc` for chocolate, z · `kale` for kale, and standard deviation 1; so
//!   E(e) = exp(that mean + 1/2).
//! - Then x becomes `memory` · x + 1 − 2b + noise, noise normal with standard deviation `noise`.
//!
//! | | |
//! |---|---|
//! | Action | `Discrete(2)`: 0 kale, 1 chocolate. Mixtures gain nothing: in all cases tried the best share of chocolate was 0 or 1 in every state |
//! | Observation, `observation = "full"` | `exposure`: 2 (1 − `memory`) x (1 number, at most 2 + 13 `noise` in size); `time_left`: share of the steps that are left (1 in [0, 1]) |
//! | Observation, `observation = "hidden"` | `last`: ln of the last reward over 5, 0 at first (1 number in [−1.5, 3.5]); `time_left` |
//! | Reward | engagement e; its expectation with `reward = "expected"`, which removes the heavy noise and nothing else |
//! | Start | x uniform on ±1/2 over 1 − `memory` |
//! | End | terminated after `horizon` steps |
//! | Discount | 1 |
//! | Parameters | `observation` (`full` or `hidden`, default full), `reward` (`sampled` or `expected`, default sampled), `memory` (0 to 0.95, default 0.9), `sensitivity` (0 to 2, default 0.1), `choc` (0 to 10, default 5), `kale` (0 to 10, default 3), `noise` (0 to 0.2, default 0.05), `horizon` (1 to 1000, default 60) |
//! | Metrics | `choc_rate`: share of steps that showed chocolate; `satisfaction`: mean of z before the steps |
//! | Costs | `chocolate`: steps that showed chocolate (harm) |
//! | Reference policies | `random`; `myopic`: the larger expectation now, always chocolate if `choc` > `kale`; `open-loop`: the oracle's actions for an x that starts at 0 without noise, played without looking; `oracle`: optimal in the true state |
//! | Optimum, full | numeric, 1075: backwards over a grid of x, nine-point Gauss–Hermite for the noise; the tolerance, 1e-5 of the value, is far above the change when the grid is twice as fine (2e-7). Random 854, myopic 481, open-loop 1074: looking at x gains a thousandth, knowing when to show chocolate gains a quarter |
//! | Optimum, hidden | bounds: above, the optimum of who sees x; below, `open-loop`, which needs no eyes. `oracle` sees x, which no agent does |
//! | Learning | moderate with `reward = "expected"`; the sampled reward has a standard deviation above its mean, so scale it down (by 20) or clip errors |
//! | Source | the long-term satisfaction world of RecSim (Ie et al. 2019) with other numbers |
//!
//! History: v1, first version.
use crate::{
    env::{Elem, Env, Field, Optimum, Outcome, Reference},
    error::{Result, between},
    math::{exp, exp64, sigmoid, sigmoid64},
    oracle::Memo,
    rng::{Purpose, Rng},
    space::{Discrete, RowMut},
};
use serde::{Deserialize, Serialize};

/// Grid points per unit of x.
const FINENESS: f64 = 200.0;
/// Nodes and weights of ∫ f(t) e^(−t²) dt, from the middle outwards (Abramowitz, Stegun 1964, table 25.10).
const HERMITE: [(f64, f64); 5] = [
    (0.0, 0.720_235_215_606_050_9),
    (0.723_551_018_752_837_6, 0.432_651_559_002_555_8),
    (1.468_553_289_216_668, 0.088_474_527_394_376_58),
    (2.266_580_584_531_843, 0.004_943_624_275_536_947),
    (3.190_993_201_781_528, 3.960_697_726_326_438e-5),
];

/// What the agent sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Observation {
    /// The net exposure.
    Full,
    /// The last engagement.
    Hidden,
}

/// What the agent earns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reward {
    /// Engagement as it happens.
    Sampled,
    /// Its expectation in the state.
    Expected,
}

/// Parameters of the world.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChocKaleHard {
    /// What the agent sees.
    pub observation: Observation,
    /// What the agent earns.
    pub reward: Reward,
    /// How much of the exposure stays from step to step.
    pub memory: f32,
    /// How much the exposure moves the satisfaction.
    pub sensitivity: f32,
    /// Mean log engagement of chocolate at full satisfaction.
    pub choc: f32,
    /// Mean log engagement of kale at full satisfaction.
    pub kale: f32,
    /// Standard deviation of the exposure's noise.
    pub noise: f32,
    /// Number of steps.
    pub horizon: u32,
    #[serde(skip)]
    oracle: Memo<Oracle>,
}

impl Default for ChocKaleHard {
    fn default() -> Self {
        ChocKaleHard {
            observation: Observation::Full,
            reward: Reward::Sampled,
            memory: 0.9,
            sensitivity: 0.1,
            choc: 5.0,
            kale: 3.0,
            noise: 0.05,
            horizon: 60,
            oracle: Memo::default(),
        }
    }
}

/// An episode: the exposure and what was shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    exposure: f32,
    steps: u32,
    choc: u32,
    satisfaction: f32,
    last: f32,
}

impl Env for ChocKaleHard {
    type State = State;
    type Action = Discrete;
    const METRICS: &'static [&'static str] = &["choc_rate", "satisfaction"];
    const COSTS: &'static [&'static str] = &["chocolate"];
    const POLICIES: &'static [&'static str] = &["myopic", "open-loop", "oracle"];

    fn validate(&self) -> Result<()> {
        between("memory", self.memory, 0.0, 0.95)?;
        between("sensitivity", self.sensitivity, 0.0, 2.0)?;
        between("choc", self.choc, 0.0, 10.0)?;
        between("kale", self.kale, 0.0, 10.0)?;
        between("noise", self.noise, 0.0, 0.2)?;
        between("horizon", self.horizon, 1, 1000)
    }

    fn action_space(&self) -> Discrete {
        Discrete(2)
    }

    fn observation(&self) -> Vec<Field> {
        let first = match self.observation {
            // No normal draw is beyond 6.4 standard deviations, and memory never adds to more than 1/(1 − memory).
            Observation::Full => {
                let most = 2.0 + 13.0 * self.noise;
                Field { name: "exposure", len: 1, low: -most, high: most }
            }
            Observation::Hidden => Field { name: "last", len: 1, low: -1.5, high: 3.5 },
        };
        vec![first, Field { name: "time_left", len: 1, low: 0.0, high: 1.0 }]
    }

    fn horizon(&self) -> u32 {
        self.horizon
    }

    fn discount(&self) -> f64 {
        1.0
    }

    fn reset(&self, rng: &Rng) -> State {
        let exposure = (rng.stream(Purpose::RESET).uniform() - 0.5) / (1.0 - self.memory);
        State { exposure, steps: 0, choc: 0, satisfaction: 0.0, last: 0.0 }
    }

    #[inline]
    fn step(&self, state: &mut State, action: Elem<'_, Self>, rng: &Rng) -> Outcome {
        let mut draws = rng.stream(Purpose::STEP);
        let satisfaction = sigmoid(self.sensitivity * state.exposure);
        let mean = satisfaction * self.appeal(action);
        let spread = draws.normal();
        state.last = match self.reward {
            Reward::Sampled => mean + spread,
            Reward::Expected => mean + 0.5,
        };
        state.steps += 1;
        state.choc += action;
        state.satisfaction += satisfaction;
        let shown = 1.0 - 2.0 * action as f32;
        state.exposure = self.memory * state.exposure + shown + self.noise * draws.normal();
        Outcome { reward: exp(state.last), terminated: state.steps == self.horizon }
    }

    #[inline]
    fn observe(&self, state: &State, row: &mut [f32]) {
        row[0] = match self.observation {
            Observation::Full => 2.0 * (1.0 - self.memory) * state.exposure,
            Observation::Hidden => state.last / 5.0,
        };
        row[1] = (self.horizon - state.steps) as f32 / self.horizon as f32;
    }

    fn metrics(&self, state: &State, out: &mut [f64]) {
        let steps = f64::from(state.steps);
        out[0] = f64::from(state.choc) / steps;
        out[1] = f64::from(state.satisfaction) / steps;
    }

    fn costs(&self, state: &State, out: &mut [f64]) {
        out[0] = f64::from(state.choc);
    }

    fn expected_reward(&self, state: &State, action: Elem<'_, Self>) -> f64 {
        self.engagement(f64::from(state.exposure), action)
    }

    fn reference(&self, policy: &Reference, state: &State, action: RowMut<'_>) {
        // Nothing follows the last step: any action will do.
        let step = if state.steps < self.horizon { state.steps } else { self.horizon - 1 } as usize;
        action.items[0] = u32::from(match policy.name {
            "oracle" => {
                let grid = self.grid();
                self.oracle().choc[step * grid.points + grid.nearest(f64::from(state.exposure))]
            }
            "open-loop" => self.oracle().open_loop[step],
            _ => self.choc > self.kale,
        });
    }

    fn optimum(&self) -> Optimum {
        let oracle = self.oracle();
        let myopic = self.value(|_, _, values| values[usize::from(self.choc > self.kale)]);
        let open_loop = self.value(|step, _, values| values[usize::from(oracle.open_loop[step])]);
        let mut others = vec![("myopic", myopic), ("open-loop", open_loop)];
        let lower = match self.observation {
            Observation::Full => oracle.value,
            Observation::Hidden => {
                others.push(("oracle", oracle.value));
                open_loop
            }
        };
        Optimum {
            lower,
            upper: oracle.value,
            tolerance: 1e-5 * oracle.value,
            method: "backwards over time and a grid of exposures",
            random: self.value(|_, _, [kale, choc]| 0.5 * (kale + choc)),
            random_se: 0.0,
            others,
        }
    }
}

/// The optimal policy.
#[derive(Debug)]
struct Oracle {
    value: f64,
    /// Whether to show chocolate, steps × grid points.
    choc: Vec<bool>,
    /// Whether to show chocolate when nothing is seen.
    open_loop: Vec<bool>,
}

/// Equally spaced exposures, wide enough that what happens outside never counts.
#[derive(Clone, Copy)]
struct Grid {
    low: f64,
    points: usize,
}

impl Grid {
    fn at(self, point: usize) -> f64 {
        self.low + point as f64 / FINENESS
    }

    fn nearest(self, x: f64) -> usize {
        let place = (x - self.low) * FINENESS + 0.5;
        if place < 0.0 { 0 } else { (place as usize).min(self.points - 1) }
    }

    /// `values` at x, linear between points and constant beyond the ends.
    fn between(self, values: &[f64], x: f64) -> f64 {
        let place = (x - self.low) * FINENESS;
        if place <= 0.0 {
            return values[0];
        }
        let point = place as usize;
        if point + 1 >= self.points {
            return values[self.points - 1];
        }
        let share = place - point as f64;
        values[point] + share * (values[point + 1] - values[point])
    }
}

impl ChocKaleHard {
    #[inline]
    fn appeal(&self, action: u32) -> f32 {
        if action == 1 { self.choc } else { self.kale }
    }

    /// Expected engagement at `exposure`.
    fn engagement(&self, exposure: f64, action: u32) -> f64 {
        let satisfaction = sigmoid64(f64::from(self.sensitivity) * exposure);
        exp64(satisfaction * f64::from(self.appeal(action)) + 0.5)
    }

    fn grid(&self) -> Grid {
        let half = 1.0 / (1.0 - f64::from(self.memory)) + 16.0 * f64::from(self.noise);
        let steps = (half * FINENESS).ceil();
        Grid { low: -steps / FINENESS, points: 2 * steps as usize + 1 }
    }

    /// Value from the start of choosing by `choose`, which gets the step, the grid point and the values of kale and of
    /// chocolate there, and answers with the value of its choice; asked backwards from the last step.
    fn value(&self, mut choose: impl FnMut(usize, usize, [f64; 2]) -> f64) -> f64 {
        let grid = self.grid();
        let (memory, noise) = (f64::from(self.memory), f64::from(self.noise));
        let exposures: Vec<f64> = (0..grid.points).map(|point| grid.at(point)).collect();
        let now: Vec<[f64; 2]> = exposures.iter().map(|&x| [0, 1].map(|action| self.engagement(x, action))).collect();
        // Σ weights = √π, and the nodes are standard deviations over √2.
        let total = HERMITE.iter().fold(-HERMITE[0].1, |sum, (_, weight)| sum + 2.0 * weight);
        let nodes = HERMITE.map(|(node, weight)| (noise * node * 2.0f64.sqrt(), weight / total));
        let mut value = vec![0.0; grid.points];
        let mut later = vec![0.0; grid.points];
        for step in (0..self.horizon as usize).rev() {
            for (later, &x) in later.iter_mut().zip(&exposures) {
                *later = nodes[0].1 * grid.between(&value, x);
                for (node, weight) in &nodes[1..] {
                    *later += weight * (grid.between(&value, x - node) + grid.between(&value, x + node));
                }
            }
            for (point, &x) in exposures.iter().enumerate() {
                let [kale, choc] = [1.0, -1.0].map(|shown| grid.between(&later, memory * x + shown));
                value[point] = choose(step, point, [now[point][0] + kale, now[point][1] + choc]);
            }
        }
        let starts = 2000;
        let start = |i: u32| ((f64::from(i) + 0.5) / f64::from(starts) - 0.5) / (1.0 - memory);
        (0..starts).fold(0.0, |sum, i| sum + grid.between(&value, start(i))) / f64::from(starts)
    }

    fn oracle(&self) -> &Oracle {
        self.oracle.get(|| {
            let grid = self.grid();
            let mut choc = vec![false; self.horizon as usize * grid.points];
            let value = self.value(|step, point, [kale, chocolate]| {
                choc[step * grid.points + point] = chocolate > kale;
                if chocolate > kale { chocolate } else { kale }
            });
            let mut exposure = 0.0;
            let steps = choc.chunks(grid.points).map(|choc| {
                let shown = choc[grid.nearest(exposure)];
                exposure = f64::from(self.memory) * exposure + if shown { -1.0 } else { 1.0 };
                shown
            });
            let open_loop = steps.collect();
            Oracle { value, choc, open_loop }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::played::play;

    /// RecSim's parameters.
    fn recsim() -> ChocKaleHard {
        ChocKaleHard { memory: 0.7, sensitivity: 0.01, kale: 4.0, ..ChocKaleHard::default() }
    }

    #[test]
    fn optimum_is_the_published_one() {
        let optimum = ChocKaleHard::default().optimum();
        assert_eq!([optimum.lower, optimum.random, optimum.others[0].1].map(f64::round), [1075.0, 854.0, 481.0]);
        // Playing blindly costs little: noise and start matter less than the count of chocolates.
        let blind = optimum.others[1].1;
        assert!(blind < optimum.lower && blind > 0.99 * optimum.lower, "{blind}");
    }

    #[test]
    fn chocolate_is_always_best_with_recsims_numbers() {
        let optimum = recsim().optimum();
        assert!((optimum.lower - optimum.others[0].1).abs() < 1e-9 * optimum.lower, "{optimum:?}");
    }

    /// One step: the mean over the start of the larger expectation, by Simpson's rule.
    #[test]
    fn a_single_step_is_worth_the_mean_of_chocolate() {
        let env = ChocKaleHard { horizon: 1, ..ChocKaleHard::default() };
        let n = 1000;
        let height = |i: u32| env.engagement(10.0 * (f64::from(i) / f64::from(n) - 0.5), 1);
        let weight = |i: u32| if i == 0 || i == n { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
        let mean = (0..=n).map(|i| weight(i) * height(i)).sum::<f64>() / f64::from(3 * n);
        assert!((env.optimum().lower - mean).abs() < 1e-6 * mean, "{mean}");
    }

    #[test]
    fn episodes_are_worth_what_the_equations_say() {
        let expected = ChocKaleHard { reward: Reward::Expected, ..ChocKaleHard::default() };
        for env in [ChocKaleHard::default(), expected, ChocKaleHard { horizon: 7, ..recsim() }] {
            let optimum = env.optimum();
            let anchors = [("oracle", optimum.lower), ("random", optimum.random)];
            for (policy, value) in optimum.others.iter().copied().chain(anchors) {
                play(&env, policy, 2000).agrees_with(value, optimum.tolerance);
            }
        }
    }

    #[test]
    fn hidden_bounds_are_blind_play_and_full_sight() {
        let env = ChocKaleHard { observation: Observation::Hidden, horizon: 20, ..ChocKaleHard::default() };
        let full = ChocKaleHard { observation: Observation::Full, ..env.clone() }.optimum();
        let hidden = env.optimum();
        assert_eq!((hidden.upper, hidden.lower), (full.upper, full.others[1].1));
        play(&env, "open-loop", 2000).agrees_with(hidden.lower, hidden.tolerance);
    }

    #[test]
    fn parameters_outside_are_named() {
        let named = |env: ChocKaleHard| env.validate().expect_err("not admissible").to_string();
        assert!(named(ChocKaleHard { memory: 0.96, ..Default::default() }).contains("memory"));
        assert!(named(ChocKaleHard { sensitivity: -0.1, ..Default::default() }).contains("sensitivity"));
        assert!(named(ChocKaleHard { choc: 11.0, ..Default::default() }).contains("choc"));
        assert!(named(ChocKaleHard { noise: f32::NAN, ..Default::default() }).contains("noise"));
        assert!(named(ChocKaleHard { horizon: 0, ..Default::default() }).contains("horizon"));
    }
}
