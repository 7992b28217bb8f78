//! Anybody's scores compared: the figures of `mercato stats`.

mod figures;
mod scores;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use scores::{Scores, Selection};

use crate::stats::{self, Draw, Equivalence, Estimate, Interval, MannWhitney, Permutation, Test};

/// Number of the layout of [`Comparison`].
pub const SCHEMA: u32 = 1;

/// What is asked beside the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Replicates of every bootstrap.
    pub resamples: u32,
    /// Seed of the random indices, for the record.
    pub seed: u64,
    /// Whether runs of the same name are pairs, such as runs on the same seed of a world.
    pub paired: bool,
    /// Margin within which a difference counts as none, in units of the score; no test of equivalence without it.
    pub margin: Option<f64>,
}

/// All figures of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// Replicates of every bootstrap.
    pub resamples: u32,
    /// Seed of the random indices.
    pub seed: u64,
    /// What a careful reader must know first.
    pub warnings: Vec<String>,
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// Aggregates by algorithm, at the last evaluation point.
    pub algorithms: BTreeMap<String, Algorithm>,
    /// Performance profiles at the last evaluation point.
    pub profiles: Profiles,
    /// Probability that a run of x is better than one of y, for every pair.
    pub improvement: Vec<Pair>,
    /// Tests of every pair on every task.
    pub tests: Vec<Tests>,
    /// Aggregates along the learning curve, by algorithm; empty without evaluation points.
    pub curves: BTreeMap<String, Vec<CurvePoint>>,
}

/// One algorithm over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Algorithm {
    /// Interquartile mean over all runs.
    pub iqm: Estimate,
    /// Mean of the tasks' means.
    pub mean: Estimate,
    /// Median of the tasks' means.
    pub median: Estimate,
    /// How far scores fall short of 1 on average, those above 1 counting as 1.
    pub optimality_gap: Estimate,
    /// Fewest runs on a task.
    pub fewest_runs: usize,
    /// Runs, task by task, without a score at one evaluation point or more, where they count with the floor.
    pub failed: usize,
    /// Mean and spread on each task.
    pub tasks: BTreeMap<String, Task>,
}

/// One algorithm on one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Runs.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, n - 1 below; absent for one run.
    pub sd: Option<f64>,
    /// Median.
    pub median: f64,
    /// Smallest score.
    pub min: f64,
    /// Largest score.
    pub max: f64,
    /// 95 % interval of the mean by Student's t; absent for one run.
    pub interval: Option<Interval>,
}

/// Performance profiles: share of runs strictly above each threshold, tasks weighing equally.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profiles {
    /// Thresholds, rising.
    pub thresholds: Vec<f64>,
    /// For each algorithm an estimate at each threshold; bands hold at each threshold by itself.
    pub algorithms: BTreeMap<String, Vec<Estimate>>,
}

/// Probability of improvement of x over y.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// One algorithm.
    pub x: String,
    /// The other.
    pub y: String,
    /// P(X > Y) + P(X = Y) / 2, averaged over tasks.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// Tests of x against y on one task. A test that cannot be made is absent: one run, or no spread at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tests {
    /// One algorithm.
    pub x: String,
    /// The other.
    pub y: String,
    /// The task.
    pub task: String,
    /// Runs of x and of y.
    pub n: [usize; 2],
    /// Welch's t test of the difference of means.
    pub welch: Option<Adjusted<Test>>,
    /// Mann–Whitney test.
    pub mann_whitney: Option<Adjusted<MannWhitney>>,
    /// Permutation test of the difference of means.
    pub permutation: Option<Adjusted<Permutation>>,
    /// Paired t test, where runs of the same name are pairs.
    pub paired_t: Option<Adjusted<Test>>,
    /// Permutation within pairs.
    pub sign_flip: Option<Adjusted<Permutation>>,
    /// Two one-sided tests of a difference within the margin.
    pub equivalence: Option<Adjusted<Equivalence>>,
    /// Hedges' g.
    pub hedges_g: Option<f64>,
    /// Its 95 % interval, for normal scores of equal spread.
    pub hedges_g_interval: Option<Interval>,
    /// Cliff's delta.
    pub cliffs_delta: Option<f64>,
    /// What so many runs can find, and what they could find of the effect that was found; absent for fewer than two runs on a
    /// side.
    pub power: Option<Power>,
}

/// Power of the two-sided t test of so many runs for normal scores of equal spread.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Power {
    /// Level: 0.05 over the number of Welch's tests, which Holm's method asks of the first.
    pub alpha: f64,
    /// Smallest difference, in standard deviations over runs, that passes with a probability of [`Power::WANTED`].
    pub detectable: f64,
    /// Power achieved: the probability to pass if the true effect were the Hedges' g that was found. Post hoc: it follows
    /// from the p value, and shows neither that there is a difference nor that there is none.
    pub achieved: Option<f64>,
}

impl Power {
    /// The probability of the smallest detectable difference.
    pub const WANTED: f64 = 0.8;
}

/// A test with its p value adjusted by Holm's method for all tests of its kind in the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adjusted<T> {
    /// The test, with its raw p.
    #[serde(flatten)]
    pub test: T,
    /// Adjusted p.
    pub p_holm: f64,
    /// Tests in the family.
    pub family: usize,
}

/// One point of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// The evaluation point.
    pub eval_point: f64,
    /// Interquartile mean over all runs. Whole runs are resampled, the same at every point; the band holds at each
    /// point by itself.
    pub iqm: Estimate,
    /// Mean of the tasks' means.
    pub mean: Estimate,
}

impl Tests {
    /// Every test of x against y on one task, with raw p values; [`adjust`] comes when all are known. `paired` says that
    /// the scores of both sides at one place are a pair.
    pub(crate) fn of(
        names: [&str; 2],
        task: &str,
        [x, y]: [&[f64]; 2],
        paired: bool,
        margin: Option<f64>,
        draw: Draw,
    ) -> Self {
        let stream = stats::stream_of(&format!("{}\n{}\n{task}", names[0], names[1]));
        let pairs = paired.then_some(());
        Tests {
            x: names[0].into(),
            y: names[1].into(),
            task: task.into(),
            n: [x.len(), y.len()],
            welch: stats::welch(x, y).map(Adjusted::raw),
            mann_whitney: stats::mann_whitney(x, y).map(Adjusted::raw),
            permutation: stats::permutation(x, y, stream, draw).map(Adjusted::raw),
            paired_t: pairs.and_then(|()| stats::paired_t(x, y)).map(Adjusted::raw),
            sign_flip: pairs.and_then(|()| stats::sign_flip(x, y, stream, draw)).map(Adjusted::raw),
            equivalence: margin.and_then(|margin| stats::equivalence(x, y, margin)).map(Adjusted::raw),
            hedges_g: stats::hedges_g(x, y),
            hedges_g_interval: stats::hedges_g_interval(x, y),
            cliffs_delta: stats::cliffs_delta(x, y),
            power: None,
        }
    }
}

impl<T> Adjusted<T> {
    /// A test before the others of its family are known.
    fn raw(test: T) -> Self {
        Self { test, p_holm: f64::NAN, family: 0 }
    }
}

/// Adjusts the p values of each kind of test for all tests of that kind, and says what power that leaves.
pub(crate) fn adjust(tests: &mut [Tests]) {
    adjust_kind(tests, |tests| tests.welch.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.mann_whitney.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.permutation.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.paired_t.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.sign_flip.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.equivalence.as_mut(), |test| test.p);
    let family = tests.iter().filter(|tests| tests.welch.is_some()).count();
    let alpha = 0.05 / if family == 0 { 1.0 } else { family as f64 };
    // Most comparisons have the same numbers of runs everywhere.
    let mut known: BTreeMap<[u32; 2], Option<f64>> = BTreeMap::new();
    for tests in tests {
        let runs = tests.n.map(|runs| runs as u32);
        let detectable = *known.entry(runs).or_insert_with(|| stats::detectable_effect(runs, Power::WANTED, alpha));
        let achieved = tests.hedges_g.and_then(|g| stats::power(g, runs, alpha));
        tests.power = detectable.map(|detectable| Power { alpha, detectable, achieved });
    }
}

fn adjust_kind<T>(tests: &mut [Tests], of: impl Fn(&mut Tests) -> Option<&mut Adjusted<T>>, p: impl Fn(&T) -> f64) {
    let raw: Vec<f64> = tests.iter_mut().filter_map(|tests| of(tests).map(|adjusted| p(&adjusted.test))).collect();
    for (adjusted, p_holm) in tests.iter_mut().filter_map(of).zip(stats::holm(&raw)) {
        (adjusted.p_holm, adjusted.family) = (p_holm, raw.len());
    }
}

impl Comparison {
    /// The comparison as JSON with 12 significant digits.
    pub fn to_value(&self) -> serde_json::Value {
        crate::number::rounded_json(serde_json::to_value(self).expect("a comparison has string keys only"))
    }
}
