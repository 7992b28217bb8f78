//! Off-policy evaluation: what a policy would have earned, from what another one did.
//!
//! A log of single decisions ([`bandit`]) or of trajectories ([`trajectory`]) holds actions that the logging policy took
//! and how likely they were; the evaluation policy's probabilities say how to weigh them. Every estimator here is a
//! function of sums over rounds, so an interval resamples whole rounds and computes weights, sums and *then* ratios anew:
//! the uncertainty of a normaliser is part of it. Where values are fitted to the log itself, each resample fits its own.

pub mod bandit;
mod diagnostics;
mod log;
pub mod trajectory;

pub use diagnostics::{Diagnostics, Effective};
pub use log::read_csv;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::{Address, Draw, Estimate, percentile_intervals, stream_of};

/// Number of the layout of [`Evaluation`].
pub const SCHEMA: u32 = 1;

/// Settings of the estimators that have one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

/// Most blocks that terms are kept in.
const MOST_BLOCKS: usize = 1 << 17;

/// Sums of terms of rounds, or trajectories, which the estimators are functions of. A long log is kept in blocks of
/// neighbouring rounds, so that it needs no memory of its length: rounds are independent, so blocks are, and resampling
/// them tells as much.
pub(crate) struct Terms {
    /// Numbers of each round.
    width: usize,
    /// Rounds in a block; the last one may have fewer.
    per_block: usize,
    /// Rounds in all.
    rounds: usize,
    /// Blocks by terms.
    sums: Vec<f64>,
}

impl Terms {
    pub(crate) fn new(width: usize) -> Self {
        Self { width, per_block: 1, rounds: 0, sums: Vec::new() }
    }

    pub(crate) fn push(&mut self, terms: &[f64]) {
        assert_eq!(terms.len(), self.width, "every round has the same terms");
        if self.rounds.is_multiple_of(self.per_block) {
            if self.blocks() == MOST_BLOCKS {
                self.halve();
            }
            self.sums.extend(std::iter::repeat_n(0.0, self.width));
        }
        let from = self.sums.len() - self.width;
        self.sums[from..].iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        self.rounds += 1;
    }

    /// Joins each block with its neighbour; there is an even number of whole ones.
    fn halve(&mut self) {
        let pairs = self.sums.chunks_exact(2 * self.width);
        let joined = pairs.flat_map(|pair| (0..self.width).map(|at| pair[at] + pair[self.width + at]));
        self.sums = joined.collect();
        self.per_block *= 2;
    }

    fn blocks(&self) -> usize {
        self.sums.len() / self.width
    }

    /// Rounds in a block.
    fn rounds_in(&self, block: usize) -> usize {
        let before = block * self.per_block;
        if self.rounds - before < self.per_block { self.rounds - before } else { self.per_block }
    }

    /// Means over the rounds of these blocks.
    fn means(&self, blocks: impl Iterator<Item = usize>) -> Vec<f64> {
        let (mut sums, mut rounds) = (vec![0.0; self.width], 0);
        for block in blocks {
            let of_block = &self.sums[block * self.width..(block + 1) * self.width];
            sums.iter_mut().zip(of_block).for_each(|(sum, term)| *sum += term);
            rounds += self.rounds_in(block);
        }
        sums.iter().map(|sum| sum / rounds as f64).collect()
    }

    /// Estimates that are functions of the means of the terms, with percentile intervals that resample rounds.
    pub(crate) fn estimates(
        &self,
        functions: impl Fn(&[f64]) -> Vec<f64> + Sync + Send,
        options: &Options,
        draw: Draw,
    ) -> Vec<Estimate> {
        self.estimates_anew(functions, |_, _| {}, options, draw)
    }

    /// The same where terms depend on what was fitted to all rounds: `anew` is told how often each round counts in a
    /// resample, and puts the means of such terms, fitted to these, in their places.
    pub(crate) fn estimates_anew(
        &self,
        functions: impl Fn(&[f64]) -> Vec<f64> + Sync + Send,
        anew: impl Fn(&Counts, &mut [f64]) + Sync + Send,
        options: &Options,
        draw: Draw,
    ) -> Vec<Estimate> {
        /// Indices of one address.
        const DRAWN: usize = 4096;
        let blocks = self.blocks();
        let points = functions(&self.means(0..blocks));
        let stream = stream_of("off-policy evaluation");
        let replicate = |replicate: u32| {
            let mut drawn = vec![0; blocks];
            for (stratum, indices) in (0..).zip(drawn.chunks_mut(DRAWN)) {
                draw(Address { stream, replicate, stratum }, blocks as u32, indices);
            }
            let mut means = self.means(drawn.iter().map(|block| *block as usize));
            let mut counts = Counts { of_blocks: vec![0.0; blocks], per_block: self.per_block };
            drawn.iter().for_each(|block| counts.of_blocks[*block as usize] += 1.0);
            anew(&counts, &mut means);
            functions(&means)
        };
        let intervals = percentile_intervals(if self.rounds < 2 { 0 } else { options.resamples }, replicate);
        let method = match self.per_block {
            1 => "bootstrap of whole rounds, percentile".to_string(),
            rounds => format!("bootstrap of blocks of {rounds} rounds, percentile"),
        };
        let estimate = |(at, point)| {
            let mut estimate = Estimate::bootstrap(point, intervals.get(at).copied(), self.rounds, options.resamples);
            if estimate.low.is_some() {
                estimate.method = method.clone();
            }
            estimate
        };
        points.into_iter().enumerate().map(estimate).collect()
    }
}

/// How often each round counts in a resample.
pub(crate) struct Counts {
    of_blocks: Vec<f64>,
    per_block: usize,
}

impl Counts {
    pub(crate) fn of(&self, round: usize) -> f64 {
        self.of_blocks[round / self.per_block]
    }
}

/// a / b; 0 where both are 0, because nothing was weighed.
pub(crate) fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw;

    /// A log longer than the blocks keeps its sums, gives the means of all rounds, and its interval is as wide as theory
    /// says: ±1.96 standard errors of the mean of a uniform number.
    #[test]
    fn long_logs_are_kept_in_blocks() {
        let rounds = 5 * MOST_BLOCKS / 2 + 7;
        let mut terms = Terms::new(2);
        // Splitmix64: neighbours must be independent, or their blocks are not as wide as theory says.
        let number = |round: usize| {
            let mut z = (round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..rounds).for_each(|round| terms.push(&[1.0, number(round)]));
        assert_eq!((terms.per_block, terms.rounds), (4, rounds));
        assert_eq!(terms.blocks(), rounds.div_ceil(4));
        assert_eq!(terms.means(0..terms.blocks())[0], 1.0);
        let options = Options { settings: Settings::default(), resamples: 400, seed: 0 };
        let found = &terms.estimates(|means| vec![means[1]], &options, &draw)[0];
        let mean = (0..rounds).map(number).sum::<f64>() / rounds as f64;
        assert!((found.point - mean).abs() < 1e-12, "{found:?}");
        assert_eq!((found.n, found.method.as_str()), (rounds, "bootstrap of blocks of 4 rounds, percentile"));
        let width = found.high.unwrap() - found.low.unwrap();
        let expected = 2.0 * 1.96 * (1.0 / 12.0 / rounds as f64).sqrt();
        assert!((width / expected - 1.0).abs() < 0.3, "{width} against {expected}");
    }

    /// A log that fits is resampled round by round.
    #[test]
    fn short_logs_are_resampled_by_rounds() {
        let mut terms = Terms::new(1);
        (0..MOST_BLOCKS).for_each(|round| terms.push(&[round as f64]));
        assert_eq!((terms.per_block, terms.blocks()), (1, MOST_BLOCKS));
        terms.push(&[0.0]);
        assert_eq!((terms.per_block, terms.blocks(), terms.rounds_in(MOST_BLOCKS / 2)), (2, MOST_BLOCKS / 2 + 1, 1));
    }
}
