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
//! A table that is fitted to a resample lacks actions that the log has, which count as 0: its value lies from that of the
//! log's table as this one lies from the truth. The interval of `fqe` is therefore the basic one, the errors of resamples
//! taken from the estimate (Davison and Hinkley 1997; for FQE Hao et al. 2021), all others are percentile intervals.
//!
//! A trajectory that is over keeps its weight: it still counts in the means of later steps. Products of weights are
//! kept with an exponent of their own, so that long horizons neither overflow nor vanish before they are normalised.

mod alarms;
mod fitted;
mod steps;
#[cfg(test)]
mod tests;
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
        alarms.extend(alarms::beyond_numbers(&mut estimates));
        alarms.extend(alarms::beside_their_intervals(&estimates));
        alarms.extend(table.as_ref().and_then(|table| alarms::unseen(table, self.modelled)));
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
        for (name, estimate) in estimates.iter_mut().filter(|(name, _)| ["dm", "dr", "sndr"].contains(name)) {
            if let Some((low, high)) = estimate.low.zip(estimate.high) {
                if *name == "dm" {
                    let twice = 2.0 * estimate.point;
                    (estimate.low, estimate.high) = (Some(twice - high), Some(twice - low));
                    estimate.method = estimate.method.replace("percentile", "basic");
                }
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
