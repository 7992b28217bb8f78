//! A table of values, fitted backwards by step and state (Le et al. 2019): the mean of the reward and of what follows
//! under the evaluation policy. Actions that a state never shows have value 0.
//!
//! The table is part of what was estimated from the log, so a resample of trajectories fits its own.

use super::steps::{Model, Steps, expectation};
use super::weight::{Weight, times};
use super::{FIXED, PER_STEP};

/// Steps that all trajectories take at one time, and the states they take them in.
struct Moment {
    /// Trajectory and its row of the table, by trajectory.
    visits: Vec<(u32, u32)>,
    /// Rows of the table.
    states: usize,
}

/// What a table is fitted to.
pub(super) struct Table<'a> {
    steps: &'a Steps,
    actions: usize,
    gamma: f64,
    moments: Vec<Moment>,
    /// Of each step the weight, as it is and divided by the scale of its time.
    weights: Vec<[f64; 2]>,
}

impl<'a> Table<'a> {
    /// For steps with states and the probabilities of so many actions; `scales` are the exponents by which weights are
    /// divided at each time.
    pub(super) fn new(steps: &'a Steps, actions: usize, gamma: f64, scales: &[i64]) -> Self {
        let mut weights = Vec::with_capacity(steps.len());
        for places in steps.each() {
            let mut weight = Weight::ONE;
            for (step, scale) in places.zip(scales) {
                weight = weight.times(steps.ratio[step]);
                weights.push([weight.over(0), weight.over(*scale)]);
            }
        }
        let moment = |at: usize| {
            let there = steps.each().enumerate().filter(|(_, places)| at < places.len());
            let there: Vec<(u32, u32)> =
                there.map(|(trajectory, places)| (trajectory as u32, steps.state[places.start + at])).collect();
            let mut states: Vec<u32> = there.iter().map(|(_, state)| *state).collect();
            states.sort_unstable();
            states.dedup();
            let row = |state: u32| states.binary_search(&state).expect("it is among them") as u32;
            let visits = there.iter().map(|(trajectory, state)| (*trajectory, row(*state))).collect();
            Moment { visits, states: states.len() }
        };
        let moments = (0..scales.len()).map(moment).collect();
        Table { steps, actions, gamma, moments, weights }
    }

    /// Fits the table to each trajectory as often as `count` says, and tells of every step that counts its time, its place,
    /// how often it counts, q̂ and v̂: from the last time to the first.
    fn fit(&self, count: impl Fn(usize) -> f64, mut tell: impl FnMut(usize, usize, f64, [f64; 2])) {
        let mut expected = vec![0.0; self.steps.trajectories()];
        let (mut sums, mut values) = (Vec::new(), Vec::new());
        for (at, moment) in self.moments.iter().enumerate().rev() {
            sums.clear();
            sums.resize(moment.states * self.actions, (0.0, 0.0));
            let visits = || {
                let visits = moment.visits.iter().map(|(trajectory, row)| (*trajectory as usize, *row as usize));
                visits.map(|(trajectory, row)| (trajectory, row, count(trajectory))).filter(|visit| visit.2 > 0.0)
            };
            for (trajectory, row, count) in visits() {
                let places = self.steps.of(trajectory);
                let step = places.start + at;
                let next = if step + 1 < places.end { expected[trajectory] } else { 0.0 };
                let (sum, counts) = &mut sums[row * self.actions + self.steps.action[step] as usize];
                *sum = *sum + count * self.steps.reward[step] + count * (self.gamma * next);
                *counts += count;
            }
            values.clear();
            values.extend(sums.iter().map(|(sum, counts)| if *counts > 0.0 { sum / counts } else { 0.0 }));
            for (trajectory, row, count) in visits() {
                let step = self.steps.of(trajectory).start + at;
                let values = &values[row * self.actions..(row + 1) * self.actions];
                let policy = &self.steps.policy[step * self.actions..(step + 1) * self.actions];
                expected[trajectory] = expectation(policy, values);
                tell(at, step, count, [values[self.steps.action[step] as usize], expected[trajectory]]);
            }
        }
    }

    /// Share of the evaluation policy's probability, over all steps, on actions that their state never shows at their time.
    pub(super) fn unseen(&self) -> f64 {
        let (mut seen, mut unseen) = (Vec::new(), 0.0);
        for (at, moment) in self.moments.iter().enumerate() {
            seen.clear();
            seen.resize(moment.states * self.actions, false);
            let visits = || {
                let visits = moment.visits.iter();
                visits.map(|(trajectory, row)| (self.steps.of(*trajectory as usize).start + at, *row as usize))
            };
            visits().for_each(|(step, row)| seen[row * self.actions + self.steps.action[step] as usize] = true);
            for (step, row) in visits() {
                let policy = &self.steps.policy[step * self.actions..(step + 1) * self.actions];
                let seen = &seen[row * self.actions..(row + 1) * self.actions];
                unseen += policy.iter().zip(seen).filter(|(_, seen)| !**seen).map(|(share, _)| share).sum::<f64>();
            }
        }
        unseen / self.steps.len() as f64
    }

    /// The table fitted to the log itself, as a model.
    pub(super) fn model(&self) -> Model {
        let mut model = Model { value: vec![0.0; self.steps.len()], expected: vec![0.0; self.steps.len()] };
        self.fit(
            |_| 1.0,
            |_, step, _, [value, expected]| {
                (model.value[step], model.expected[step]) = (value, expected);
            },
        );
        model
    }

    /// Fits the table to each trajectory as often as `count` says, and puts the means over these trajectories of all terms
    /// that read the model in the place of those that a model fitted to the whole log gave.
    pub(super) fn fit_anew(&self, count: impl Fn(usize) -> f64, means: &mut [f64]) {
        let rounds: f64 = (0..self.steps.trajectories()).map(&count).sum();
        let mut discounts = Vec::with_capacity(self.moments.len());
        let mut discount = 1.0;
        for _ in &self.moments {
            discounts.push(discount);
            discount *= self.gamma;
        }
        let (fixed, by_step) = means.split_at_mut(FIXED);
        fixed[4..].fill(0.0);
        by_step.chunks_exact_mut(PER_STEP).for_each(|terms| terms[1..3].fill(0.0));
        self.fit(&count, |at, step, count, [value, expected]| {
            let share = count / rounds * discounts[at];
            let [weight, scaled] = self.weights[step];
            let [before, scaled_before] = if at == 0 { [1.0; 2] } else { self.weights[step - 1] };
            let residual = self.steps.reward[step] - value;
            if at == 0 {
                fixed[4] += share * expected;
            }
            fixed[5] += share * (times(weight, residual) + times(before, expected));
            by_step[at * PER_STEP + 1] += share * scaled * residual;
            by_step[at * PER_STEP + 2] += share * scaled_before * expected;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Step, Trajectories};
    use crate::ope::{Options, Settings};
    use crate::sample::draw;
    use crate::stats::{self, Estimate};

    const OPTIONS: Options = Options {
        settings: Settings { gamma: 0.9, clip: 10.0, switch: 10.0, shrink: 100.0, sub_gaussian: 0.1 },
        resamples: 100,
        seed: 0,
    };

    /// By state; both actions are logged half of the time.
    static POLICY: [[f64; 2]; 2] = [[0.25, 0.75], [0.5, 0.5]];

    /// A log of trajectories of unequal length whose rewards vary, by number: two states, two actions.
    fn varied(numbers: impl Iterator<Item = usize>) -> Trajectories {
        let mut log = Trajectories::new(2, false, true);
        for number in numbers {
            let step = |at: usize| {
                let (state, action) = ((number / 3 + at) % 2, (number / 2 + at * at) % 2);
                let reward = (state + action) as f64 + (number * 7 % 5) as f64 / 4.0;
                let ratio = POLICY[state][action] / 0.5;
                Step { action, reward, ratio, policy: &POLICY[state], values: &[], state: state as u32 }
            };
            log.push(&(0..1 + number % 3).map(step).collect::<Vec<_>>());
        }
        log
    }

    /// A resample has the values of a table fitted to it: with one replicate the ends of the interval are what a log of
    /// the trajectories drawn, each as often as it was, gives by itself, or for a basic interval as far on the other side.
    #[test]
    fn resamples_fit_their_own_table() {
        let once = Options { resamples: 1, ..OPTIONS };
        let found = varied(0..30).evaluate(&once, &draw).estimates;
        let mut drawn = [0; 30];
        let stream = stats::stream_of("off-policy evaluation");
        draw(stats::Address { stream, replicate: 0, stratum: 0 }, 30, &mut drawn);
        let resample = varied(drawn.iter().map(|number| *number as usize)).evaluate(&once, &draw).estimates;
        for (name, estimate) in &found {
            let (mut low, own) = (estimate.low.unwrap(), resample[name].point);
            let basic = estimate.method.contains(", basic");
            assert_eq!(basic, ["dm", "fqe"].contains(&name.as_str()), "{name}: {}", estimate.method);
            let equal = estimate.high == estimate.low;
            if basic {
                low = 2.0 * estimate.point - low;
            }
            assert!((low - own).abs() < 1e-12 && equal, "{name}: {low} is not {own}");
            assert!((estimate.point - own).abs() > 1e-4, "{name} is another number in the resample");
            let refitted = ["dm", "dr", "fqe", "sndr"].contains(&name.as_str());
            assert_eq!(estimate.method.ends_with(", the table fitted anew"), refitted, "{name}: {}", estimate.method);
        }
    }

    /// With one state, one action and one step a fitted table is the mean reward, and its interval that of a mean, for the
    /// basic one turned about the estimate; held fixed it would have none at all.
    #[test]
    fn a_table_of_one_cell_is_a_mean() {
        let mut log = Trajectories::new(1, false, true);
        for at in 0..50 {
            let reward = f64::from(at * at % 17);
            log.push(&[Step { action: 0, reward, ratio: 1.0, policy: &[1.0], values: &[], state: 0 }]);
        }
        let found = log.evaluate(&OPTIONS, &draw);
        let ends = |estimate: &Estimate| [estimate.low.unwrap(), estimate.high.unwrap()];
        assert!(ends(&found.logged)[1] - ends(&found.logged)[0] > 1.0);
        for name in ["dm", "dr", "fqe", "sndr"] {
            let [low, high] = ends(&found.estimates[name]);
            let [mut of_low, mut of_high] = ends(&found.logged);
            if ["dm", "fqe"].contains(&name) {
                let twice = 2.0 * found.logged.point;
                [of_low, of_high] = [twice - of_high, twice - of_low];
            }
            assert!((low - of_low).abs() < 1e-12 && (high - of_high).abs() < 1e-12, "{name}: {low} to {high}");
        }
        assert_eq!(found.alarms, Vec::<String>::new());
    }

    /// Where a state shows each of its actions once, a resample often lacks one, which then counts as 0: the alarm says
    /// that the interval does not hold its own estimate.
    #[test]
    fn a_thin_table_raises_the_alarm() {
        let mut log = Trajectories::new(2, false, true);
        for number in 0..200 {
            let (state, action) = (number / 2, number as usize % 2);
            log.push(&[Step { action, reward: 1.0, ratio: 1.0, policy: &[0.5, 0.5], values: &[], state }]);
        }
        let found = log.evaluate(&OPTIONS, &draw);
        assert_eq!(found.estimates["fqe"].point, 1.0);
        let expected = "estimates beside their own intervals (dm, dr, fqe, sndr): states are seen so seldom";
        assert!(found.alarms[0].starts_with(expected), "{:?}", found.alarms);
        assert_eq!(found.alarms.len(), 1, "every action is seen: {:?}", found.alarms);
    }

    /// An action that a state shows at another time, or another state at that time, is not seen. By hand: of the two
    /// steps in state 7 at time 1, half of the probability is on action 1.
    #[test]
    fn actions_that_the_table_lacks_raise_the_alarm() {
        let step = |state: u32, action: usize| Step {
            action,
            reward: 1.0,
            ratio: 1.0,
            policy: &[0.5, 0.5],
            values: &[],
            state,
        };
        let mut log = Trajectories::new(2, false, true);
        for action in [0, 1] {
            log.push(&[step(7, action), step(7, 0)]);
            log.push(&[step(7, action), step(8, action)]);
        }
        let found = log.evaluate(&OPTIONS, &draw);
        let expected = "12.5 % of the evaluation policy's probability is on actions that their state never shows";
        assert!(found.alarms.iter().any(|alarm| alarm.starts_with(expected)), "{:?}", found.alarms);
        assert_eq!(found.estimates["fqe"].point, 1.0 + 0.9 * 0.75);
    }
}
