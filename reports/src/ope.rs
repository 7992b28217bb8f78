//! Off-policy evaluation: what a policy would have earned, from what another one did.
//!
//! A log of single decisions ([`bandit`]) or of trajectories ([`trajectory`]) holds actions that the logging policy took
//! and how likely they were; the evaluation policy's probabilities say how to weigh them. Every estimator here is a
//! function of sums over rounds, so an interval resamples whole rounds and computes weights, sums and *then* ratios anew:
//! the uncertainty of a normaliser is part of it.

pub mod bandit;
mod diagnostics;
mod log;
pub mod trajectory;

pub use diagnostics::{Diagnostics, Effective};
pub use log::read_csv;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::stats::{Address, Draw, Estimate, percentile_intervals, stream_of};

/// Number of the layout of [`Evaluation`].
pub const SCHEMA: u32 = 1;

/// Settings of the estimators that have one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Discount from one step of a trajectory to the next, 0 to 1.
    pub gamma: f64,
    /// Largest weight of clipped estimators (Ionides 2008).
    pub clip: f64,
    /// Weight above which Switch-DR believes the model alone (Wang et al. 2017).
    pub switch: f64,
    /// λ of the optimistic shrinkage w λ / (w² + λ) (Su et al. 2020); 0 is the model alone.
    pub shrink: f64,
    /// λ of the sub-Gaussian weight w / (1 - λ + λ w), 0 to 1 (Metelli et al. 2021); 0 changes nothing.
    pub sub_gaussian: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { gamma: 1.0, clip: 10.0, switch: 10.0, shrink: 100.0, sub_gaussian: 0.1 }
    }
}

/// What is asked beside the log.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Settings of the estimators.
    pub settings: Settings,
    /// Replicates of the bootstrap.
    pub resamples: u32,
    /// Seed of the random indices, for the record.
    pub seed: u64,
}

/// All figures of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// `bandit` or `trajectory`.
    pub kind: String,
    /// Settings of the estimators.
    pub settings: Settings,
    /// Replicates behind each interval.
    pub resamples: u32,
    /// Seed of the random indices.
    pub seed: u64,
    /// What the logging policy earned, for comparison.
    pub logged: Estimate,
    /// Value of the evaluation policy by each estimator that the log's columns allow.
    pub estimates: BTreeMap<String, Estimate>,
    /// How far the log carries.
    pub diagnostics: Diagnostics,
    /// What a careful reader must know first.
    pub alarms: Vec<String>,
}

impl Evaluation {
    /// The evaluation as JSON, to the last bit: nothing in it depends on the platform.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("an evaluation has string keys only")
    }
}

/// A log of either kind.
#[derive(Debug, Clone)]
pub enum Log {
    /// Single decisions.
    Bandit(bandit::Bandit),
    /// Trajectories.
    Trajectories(trajectory::Trajectories),
}

impl Log {
    /// Estimates the value of the evaluation policy with every estimator that the log allows.
    pub fn evaluate(&self, options: &Options, draw: Draw) -> Evaluation {
        match self {
            Log::Bandit(log) => log.evaluate(options, draw),
            Log::Trajectories(log) => log.evaluate(options, draw),
        }
    }
}

/// Terms of rounds, or trajectories, whose sums the estimators are functions of.
pub(crate) struct Terms {
    /// Numbers of each round.
    width: usize,
    /// Rounds by terms.
    values: Vec<f64>,
}

impl Terms {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, values: Vec::new() }
    }

    pub(crate) fn push(&mut self, terms: &[f64]) {
        assert_eq!(terms.len(), self.width, "every round has the same terms");
        self.values.extend_from_slice(terms);
    }

    pub(crate) fn rounds(&self) -> usize {
        self.values.len() / self.width
    }

    fn round(&self, at: usize) -> &[f64] {
        &self.values[at * self.width..(at + 1) * self.width]
    }

    /// Means over the rounds of these indices.
    fn means(&self, rounds: impl Iterator<Item = usize>) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        for round in rounds {
            sums.iter_mut().zip(self.round(round)).for_each(|(sum, term)| *sum += term);
        }
        sums.iter().map(|sum| sum / self.rounds() as f64).collect()
    }

    /// Estimates that are functions of the means of the terms, with percentile intervals that resample rounds.
    pub(crate) fn estimates(
        &self,
        functions: impl Fn(&[f64]) -> Vec<f64> + Sync + Send,
        options: &Options,
        draw: Draw,
    ) -> Vec<Estimate> {
        /// Indices drawn at once: a resample of a long log needs no memory of its length.
        const DRAWN: usize = 4096;
        let rounds = self.rounds();
        let points = functions(&self.means(0..rounds));
        let stream = stream_of("off-policy evaluation");
        let replicate = |replicate: u32| {
            let drawn = (0..).zip((0..rounds).step_by(DRAWN)).flat_map(|(stratum, from)| {
                let mut indices = vec![0; if rounds - from < DRAWN { rounds - from } else { DRAWN }];
                draw(Address { stream, replicate, stratum }, rounds as u32, &mut indices);
                indices.into_iter().map(|at| at as usize)
            });
            functions(&self.means(drawn))
        };
        let intervals = percentile_intervals(if rounds < 2 { 0 } else { options.resamples }, replicate);
        let estimate = |(at, point)| {
            let mut estimate = Estimate::bootstrap(point, intervals.get(at).copied(), rounds, options.resamples);
            if estimate.low.is_some() {
                estimate.method = "bootstrap of whole rounds, percentile".into();
            }
            estimate
        };
        points.into_iter().enumerate().map(estimate).collect()
    }
}

/// a / b; 0 where both are 0, because nothing was weighed.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
