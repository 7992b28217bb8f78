//! Logs of trajectories. With ρ_t = π_e(a_t)/π_b(a_t), w_t = ρ_0 ⋯ ρ_t (w_{-1} = 1), a model's values q̂ and
//! v̂_t = Σ_a π_e(a) q̂_t(a):
//!
//! | estimator | value of a trajectory, of which the mean is taken |
//! |---|---|
//! | `tis` | w_{T-1} Σ_t γ^t r_t |
//! | `pdis` | Σ_t γ^t w_t r_t (Precup et al. 2000) |
//! | `wis`, `pdwis` | the same with each weight divided by its mean over trajectories at that step |
//! | `dm` | v̂_0 |
//! | `dr` | Σ_t γ^t (w_t (r_t - q̂_t) + w_{t-1} v̂_t) (Jiang and Li 2016; Thomas and Brunskill 2016) |
//! | `sndr` | the same with normalised weights |
//! | `fqe` | v̂_0 of a table of values fitted to the log, by step and state (Le et al. 2019); without a model `dm`, `dr` and `sndr` take its values too |
//!
//! A trajectory that is over keeps its weight: it still counts in the means of later steps. Products of weights are
//! kept with an exponent of their own, so that long horizons neither overflow nor vanish before they are normalised.

mod fitted;
mod steps;
mod weight;

use std::collections::BTreeMap;

use self::fitted::Table;
pub use self::steps::Step;
use self::steps::{Model, Steps};
use self::weight::{Weight, times};
use super::diagnostics::{Diagnostics, Effective};
use super::{Counts, Evaluation, Options, SCHEMA, Terms, ratio};
use crate::stats::{Draw, Estimate};

/// Terms of a trajectory as a whole; those from the fifth on read the model.
const FIXED: usize = 6;
/// Terms of each of its steps; the second and the third read the model.
const PER_STEP: usize = 4;

/// What the method of an interval ends with where each resample fitted its own table.
const ANEW: &str = ", the table fitted anew";

/// A log of trajectories.
#[derive(Debug, Clone, Default)]
pub struct Trajectories {
    steps: Steps,
    /// Whether the log has a model's values.
    modelled: bool,
    /// Whether the log has states and probabilities of all actions to fit values to.
    fitted: bool,
    /// Sum over steps of the evaluation policy's probability of each action; empty if the log has none.
    wanted: Vec<f64>,
    /// How often each action was logged.
    logged: Vec<u64>,
}

impl Trajectories {
    /// An empty log; `actions` is 0 if steps bring no probabilities of all actions.
    pub fn new(actions: usize, modelled: bool, stateful: bool) -> Self {
        let (wanted, logged) = (vec![0.0; actions], vec![0; actions]);
        Self { steps: Steps::default(), modelled, fitted: stateful && actions > 0, wanted, logged }
    }

    /// Adds a trajectory with its steps in order, at least one.
    pub fn push(&mut self, steps: &[Step]) {
        steps.iter().for_each(|step| self.add(step));
        self.steps.end([self.steps.len()]);
    }

    /// Adds a step of a trajectory that [`arrange`](Self::arrange) says.
    pub(super) fn add(&mut self, step: &Step) {
        self.wanted.iter_mut().zip(step.policy).for_each(|(sum, probability)| *sum += probability);
        self.logged.iter_mut().skip(step.action).take(1).for_each(|count| *count += 1);
        self.steps.add(step, self.fitted);
    }

    /// Brings the steps that were added into an order, unless they have it, and says where in it trajectories end.
    pub(super) fn arrange(&mut self, order: Option<&[usize]>, ends: impl IntoIterator<Item = usize>) {
        order.into_iter().for_each(|order| self.steps.reorder(order));
        self.steps.end(ends);
    }

    /// Estimates the value of the evaluation policy with every estimator that the log allows.
    pub fn evaluate(&self, options: &Options, draw: Draw) -> Evaluation {
        let scales = self.scales();
        let table = self.fitted.then(|| Table::new(&self.steps, self.wanted.len(), options.settings.gamma, &scales));
        let mut estimates = BTreeMap::new();
        if let Some(table) = &table {
            estimates = self.estimated(&table.model(), Some(table), &scales, options, draw);
            estimates.insert("fqe", estimates["dm"].clone());
        }
        if self.modelled || table.is_none() {
            estimates.extend(self.estimated(&self.steps.model, None, &scales, options, draw));
        }
        if !self.modelled && table.is_none() {
            estimates.retain(|name, _| !["dm", "dr", "sndr"].contains(name));
        }
        let logged = estimates.remove("logged").expect("it is always estimated");
        let diagnostics = self.diagnostics();
        let mut alarms = diagnostics.alarms();
        let broken: Vec<&str> =
            estimates.iter().filter(|(_, estimate)| !estimate.point.is_finite()).map(|(name, _)| *name).collect();
        if !broken.is_empty() {
            alarms.push(format!("weights beyond the range of numbers leave no estimate by {}", broken.join(", ")));
            estimates.retain(|_, estimate| estimate.point.is_finite());
        }
        let beside = |(_, estimate): &(&&'static str, &Estimate)| {
            let ends = estimate.low.zip(estimate.high).filter(|_| estimate.method.ends_with(ANEW));
            ends.is_some_and(|(low, high)| estimate.point < low || high < estimate.point)
        };
        let beside: Vec<&str> = estimates.iter().filter(beside).map(|(name, _)| *name).collect();
        if !beside.is_empty() {
            alarms.push(format!(
                "estimates beside their own intervals ({}): states are seen so seldom that tables fitted to resamples lack \
                 actions that the log has; trust neither",
                beside.join(", ")
            ));
        }
        Evaluation {
            schema: SCHEMA,
            kind: "trajectory".into(),
            settings: options.settings,
            resamples: options.resamples,
            seed: options.seed,
            logged,
            estimates: estimates.into_iter().map(|(name, estimate)| (name.into(), estimate)).collect(),
            diagnostics,
            alarms,
        }
    }

    /// Products of the ratios of a trajectory, step by step and, when it is over, as they were.
    fn weights(&self, places: std::ops::Range<usize>) -> impl Iterator<Item = Weight> {
        let mut weight = Weight::ONE;
        let ratios = self.steps.ratio[places].iter().copied().map(Some).chain(std::iter::repeat(None));
        ratios.map(move |ratio| {
            weight = ratio.map_or(weight, |ratio| weight.times(ratio));
            weight
        })
    }

    /// At each step the largest exponent of a weight, which normalised weights are divided by first.
    fn scales(&self) -> Vec<i64> {
        let mut scales = vec![i64::MIN; self.steps.horizon()];
        for places in self.steps.each() {
            for (scale, weight) in scales.iter_mut().zip(self.weights(places)) {
                *scale = if *scale > weight.exponent { *scale } else { weight.exponent };
            }
        }
        scales
    }

    /// All estimates with a model; where it is a fitted table, a resample fits its own.
    fn estimated(
        &self,
        model: &Model,
        table: Option<&Table>,
        scales: &[i64],
        options: &Options,
        draw: Draw,
    ) -> BTreeMap<&'static str, Estimate> {
        let terms = self.terms(model, scales, options.settings.gamma);
        let functions = |means: &[f64]| {
            let (whole, steps) = means.split_at(FIXED);
            let (mut pdwis, mut sndr, mut mean_before) = (0.0, 0.0, 1.0);
            let mut mean_last = 1.0;
            for step in steps.chunks_exact(PER_STEP) {
                pdwis += ratio(step[0], step[3]);
                sndr += ratio(step[1], step[3]) + ratio(step[2], mean_before);
                (mean_before, mean_last) = (step[3], step[3]);
            }
            vec![whole[0], whole[1], ratio(whole[2], mean_last), whole[3], pdwis, whole[4], whole[5], sndr]
        };
        const NAMES: [&str; 8] = ["logged", "tis", "wis", "pdis", "pdwis", "dm", "dr", "sndr"];
        let Some(table) = table else {
            return NAMES.into_iter().zip(terms.estimates(functions, options, draw)).collect();
        };
        let anew = |counts: &Counts, means: &mut [f64]| table.fit_anew(|trajectory| counts.of(trajectory), means);
        let mut estimates: BTreeMap<_, _> =
            NAMES.into_iter().zip(terms.estimates_anew(functions, anew, options, draw)).collect();
        for (_, estimate) in estimates.iter_mut().filter(|(name, _)| ["dm", "dr", "sndr"].contains(name)) {
            if estimate.low.is_some() {
                estimate.method += ANEW;
            }
        }
        estimates
    }

    fn terms(&self, model: &Model, scales: &[i64], gamma: f64) -> Terms {
        let horizon = scales.len();
        let mut terms = Terms::new(FIXED + PER_STEP * horizon);
        let mut row = Vec::with_capacity(FIXED + PER_STEP * horizon);
        for places in self.steps.each() {
            let (mut discount, mut earned, mut pdis, mut dr) = (1.0, 0.0, 0.0, 0.0);
            let (mut before, mut scaled_before) = (Weight::ONE, 1.0);
            row.clear();
            row.extend([0.0; FIXED]);
            for (at, weight) in self.weights(places.clone()).take(horizon).enumerate() {
                let scaled = weight.over(scales[at]);
                if at < places.len() {
                    let step = places.start + at;
                    let (reward, expected) = (self.steps.reward[step], model.expected(step));
                    let residual = reward - model.value(step);
                    earned += discount * reward;
                    pdis += discount * times(weight.over(0), reward);
                    dr += discount * (times(weight.over(0), residual) + times(before.over(0), expected));
                    row.extend([
                        discount * scaled * reward,
                        discount * scaled * residual,
                        discount * scaled_before * expected,
                        scaled,
                    ]);
                } else {
                    row.extend([0.0, 0.0, 0.0, scaled]);
                }
                discount *= gamma;
                (before, scaled_before) = (weight, scaled);
            }
            row[..FIXED].copy_from_slice(&[
                earned,
                times(before.over(0), earned),
                scaled_before * earned,
                pdis,
                model.expected(places.start),
                dr,
            ]);
            terms.push(&row);
        }
        terms
    }

    fn diagnostics(&self) -> Diagnostics {
        let last = |places: std::ops::Range<usize>| {
            self.steps.ratio[places].iter().fold(Weight::ONE, |weight, ratio| weight.times(*ratio)).over(0)
        };
        let last: Vec<f64> = self.steps.each().map(last).collect();
        let unseen = self.wanted.iter().zip(&self.logged).filter(|(_, logged)| **logged == 0);
        Diagnostics {
            rounds: self.steps.trajectories(),
            weights: Effective::of(&last),
            unsupported: unseen.fold(0.0, |sum, (wanted, _)| sum + wanted) / self.steps.len() as f64,
        }
    }

    /// Number of trajectories.
    pub fn len(&self) -> usize {
        self.steps.trajectories()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.steps.trajectories() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ope::Settings;
    use crate::sample::draw;

    const GAMMA: f64 = 0.9;

    fn options() -> Options {
        Options { settings: Settings { gamma: GAMMA, ..Settings::default() }, resamples: 100, seed: 0 }
    }

    /// A two-state world: action 1 pays 1 in state 1 and leads there with 3/4, action 0 pays 1/2 in state 0 and leads to
    /// state 1 with 1/4. Policies by state; all probabilities are quarters.
    const LEADS_TO_ONE: [f64; 2] = [0.25, 0.75];
    const BEHAVIOUR: [[f64; 2]; 2] = [[0.75, 0.25], [0.5, 0.5]];
    static POLICY: [[f64; 2]; 2] = [[0.25, 0.75], [0.0, 1.0]];

    fn reward(state: usize, action: usize) -> f64 {
        if state == action { 0.5 + 0.5 * state as f64 } else { 0.0 }
    }

    /// Value of the evaluation policy with `left` steps to go, by recursion.
    fn value(state: usize, left: usize) -> f64 {
        if left == 0 {
            return 0.0;
        }
        (0..2)
            .map(|action| {
                let one = LEADS_TO_ONE[action];
                let next = one * value(1, left - 1) + (1.0 - one) * value(0, left - 1);
                POLICY[state][action] * (reward(state, action) + GAMMA * next)
            })
            .sum()
    }

    /// Every trajectory of `steps` steps from either state, as often as it is likely.
    fn enumerated(steps: usize, model: &dyn Fn(usize, usize, usize) -> f64, stateful: bool) -> Trajectories {
        let mut log = Trajectories::new(2, !stateful, stateful);
        let values: Vec<[[f64; 2]; 2]> =
            (0..steps).map(|at| [0, 1].map(|state| [0, 1].map(|action| model(at, state, action)))).collect();
        let mut open: Vec<(usize, f64, Vec<Step>)> = vec![(0, 1.0, vec![]), (1, 1.0, vec![])];
        for values in &values {
            let mut next = Vec::new();
            for (state, likely, steps) in open {
                for action in 0..2 {
                    for (to, share) in [(1, LEADS_TO_ONE[action]), (0, 1.0 - LEADS_TO_ONE[action])] {
                        let mut steps: Vec<Step> = steps.clone();
                        steps.push(Step {
                            action,
                            reward: reward(state, action),
                            ratio: POLICY[state][action] / BEHAVIOUR[state][action],
                            policy: &POLICY[state],
                            values: if stateful { &[] } else { &values[state] },
                            state: state as u32,
                        });
                        next.push((to, likely * 4.0 * BEHAVIOUR[state][action] * 4.0 * share, steps));
                    }
                }
            }
            open = next;
        }
        for (_, likely, steps) in open {
            (0..likely as usize).for_each(|_| log.push(&steps));
        }
        log
    }

    /// Over all that can happen every estimator but the wrong model is the exact value, to rounding: whatever the model
    /// says, a doubly robust one repairs it, and normalisers are 1.
    #[test]
    fn estimators_are_exact_over_all_that_can_happen() {
        for steps in 1..=3 {
            let exact = 0.5 * (value(0, steps) + value(1, steps));
            let log = enumerated(steps, &|at, state, action| (at + 2 * state) as f64 - 0.3 * action as f64, false);
            let found = log.evaluate(&options(), &draw);
            for name in ["tis", "wis", "pdis", "pdwis", "dr", "sndr"] {
                let point = found.estimates[name].point;
                assert!((point - exact).abs() <= 1e-12 * exact, "{steps} steps, {name}: {point} is not {exact}");
            }
            assert!((found.estimates["dm"].point - exact).abs() > 0.1, "the model is wrong");
            assert!((found.diagnostics.weights.mean - 1.0).abs() < 1e-12);
            let fitted = enumerated(steps, &|_, _, _| 0.0, true).evaluate(&options(), &draw);
            for name in ["fqe", "dm", "dr", "sndr"] {
                let point = fitted.estimates[name].point;
                assert!((point - exact).abs() <= 1e-12 * exact, "{steps} steps, fitted {name}: {point} is not {exact}");
            }
        }
    }

    /// With the exact model every trajectory of the doubly robust estimator has less spread than importance sampling.
    #[test]
    fn an_exact_model_narrows_the_interval() {
        let q = |at: usize, state: usize, action: usize| {
            let one = LEADS_TO_ONE[action];
            reward(state, action) + GAMMA * (one * value(1, 2 - at) + (1.0 - one) * value(0, 2 - at))
        };
        let found = enumerated(3, &q, false).evaluate(&options(), &draw);
        let width = |name: &str| found.estimates[name].high.unwrap() - found.estimates[name].low.unwrap();
        assert!(width("dr") < 0.5 * width("pdis") && width("pdis") < width("tis"));
    }

    fn steps(ratios: &[f64], rewards: &[f64]) -> Vec<Step<'static>> {
        let step = |(ratio, reward): (&f64, &f64)| Step {
            action: 0,
            reward: *reward,
            ratio: *ratio,
            policy: &[],
            values: &[],
            state: 0,
        };
        ratios.iter().zip(rewards).map(step).collect()
    }

    /// By hand, with trajectories of unequal length: the first is over after one step and keeps its weight 2.
    #[test]
    fn a_trajectory_that_is_over_keeps_its_weight() {
        let mut log = Trajectories::new(0, false, false);
        log.push(&steps(&[2.0], &[1.0]));
        log.push(&steps(&[0.5, 4.0], &[1.0, 3.0]));
        let found = log.evaluate(&options(), &draw).estimates;
        let of = |name: &str| found[name].point;
        assert!((of("tis") - (2.0 * 1.0 + 2.0 * 3.7) / 2.0).abs() < 1e-12);
        assert!((of("wis") - (2.0 * 1.0 + 2.0 * 3.7) / 4.0).abs() < 1e-12);
        assert!((of("pdis") - (2.0 + 0.5 + 0.9 * 2.0 * 3.0) / 2.0).abs() < 1e-12);
        assert!((of("pdwis") - (2.5 / 2.5 + 0.9 * 6.0 / 4.0)).abs() < 1e-12);
        assert!(!found.contains_key("dr") && !found.contains_key("fqe"));
    }

    /// Weights of 10^±4 over 500 steps: normalised estimators stay right where plain products leave the range of
    /// doubles, which is said; weights of 0 stay 0.
    #[test]
    fn long_horizons_neither_overflow_nor_vanish() {
        let mut log = Trajectories::new(0, false, false);
        log.push(&steps(&[1e4; 500], &[1.0; 500]));
        log.push(&steps(&[2e4; 500], &[3.0; 500]));
        log.push(&steps(&[0.0; 500], &[1e9; 500]));
        let gamma = Options { settings: Settings::default(), ..options() };
        let found = log.evaluate(&gamma, &draw);
        assert!((found.estimates["wis"].point - 1500.0).abs() < 1e-9, "2^500 times as likely: {found:?}");
        assert!(found.estimates["pdwis"].point > 1495.0);
        assert!(!found.estimates.contains_key("tis"));
        assert!(found.alarms.iter().any(|alarm| alarm.contains("no estimate by pdis, tis")), "{:?}", found.alarms);
        let mut faint = Trajectories::new(0, false, false);
        faint.push(&steps(&[1e-4; 500], &[1.0; 500]));
        assert!((faint.evaluate(&gamma, &draw).estimates["wis"].point - 500.0).abs() < 1e-9);
    }
}
