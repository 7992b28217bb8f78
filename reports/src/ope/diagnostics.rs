//! How far a log carries: effective sample size, largest weights, mean weights, support.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats;

/// How far a log carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Diagnostics {
    /// Rounds or trajectories.
    pub rounds: usize,
    /// Importance weights of the whole log: of each round, or of each trajectory at its end.
    pub weights: Effective,
    /// Share of the evaluation policy's probability on actions that the log never shows.
    pub unsupported: f64,
}

/// A set of importance weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effective {
    /// Effective sample size (Σ w)² / Σ w² (Kong 1992).
    pub size: f64,
    /// Largest weight.
    pub largest: f64,
    /// Share of the largest weight in the sum of all.
    pub largest_share: f64,
    /// Mean weight, which is 1 up to chance where the logged probabilities are right and all actions are supported.
    pub mean: f64,
    /// Standard error of the mean weight; absent for one round.
    pub mean_se: Option<f64>,
}

impl Effective {
    /// Of weights that are at least 0.
    pub fn of(weights: &[f64]) -> Self {
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|weight| weight * weight).sum();
        let largest = weights.iter().fold(0.0, |largest, weight| if *weight > largest { *weight } else { largest });
        Effective {
            size: super::ratio(sum * sum, squares),
            largest,
            largest_share: super::ratio(largest, sum),
            mean: stats::mean(weights).unwrap_or(0.0),
            mean_se: stats::sd(weights).map(|sd| sd / (weights.len() as f64).sqrt()),
        }
    }
}

/// Below this effective sample size, or this share of the rounds, weighted estimates are not to be trusted.
const LEAST_SIZE: f64 = 30.0;
const LEAST_SHARE: f64 = 0.1;
/// Above this share of all weight, one round decides.
const LARGEST_SHARE: f64 = 0.1;
/// Standard errors that the mean weight may lie from 1.
const ERRORS: f64 = 4.0;
/// Probability on actions without support that is noticed.
pub(in crate::ope) const UNSUPPORTED: f64 = 1e-3;

impl Diagnostics {
    /// What a careful reader must know first.
    pub fn alarms(&self) -> Vec<String> {
        let mut alarms = Vec::new();
        let Effective { size, largest, largest_share, mean, mean_se } = self.weights;
        let differ = size < LEAST_SHARE * self.rounds as f64;
        if size < LEAST_SIZE || differ {
            let why = if differ { "the policies differ so much that" } else { "the log is so short that" };
            let rounds = self.rounds;
            alarms.push(format!("effective sample size {size:.1} of {rounds}: {why} few rounds carry the estimates"));
        }
        if largest_share > LARGEST_SHARE {
            let share = 100.0 * largest_share;
            alarms.push(format!("largest weight {largest:.3}: one round carries {share:.0} % of all weight"));
        }
        if mean_se.is_some_and(|error| (mean - 1.0).abs() > ERRORS * error + 1e-9) {
            alarms.push(format!(
                "mean weight {mean:.4} instead of 1: the logged probabilities are wrong, or the evaluation policy takes \
                 actions that the logging policy does not"
            ));
        }
        if self.unsupported > UNSUPPORTED {
            let share = 100.0 * self.unsupported;
            alarms.push(format!(
                "{share:.1} % of the evaluation policy's probability is on actions that the log never shows: no weight \
                 can tell what they earn"
            ));
        }
        alarms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(weights: &[f64], unsupported: f64) -> Vec<String> {
        Diagnostics { rounds: weights.len(), weights: Effective::of(weights), unsupported }.alarms()
    }

    /// By hand: (1 + 3)²/(1 + 9) and 3/4.
    #[test]
    fn effective_size_by_hand() {
        let found = Effective::of(&[1.0, 3.0]);
        assert_eq!((found.size, found.largest, found.largest_share, found.mean), (1.6, 3.0, 0.75, 2.0));
        assert_eq!(Effective::of(&[0.0, 0.0]).size, 0.0);
    }

    /// Each alarm by itself, and none where policies are equal.
    #[test]
    fn each_fault_has_its_alarm() {
        assert_eq!(alarms(&[1.0; 100], 0.0), Vec::<String>::new());
        let mut heavy = vec![0.5; 1000];
        heavy[7] = 500.0;
        let found = alarms(&heavy, 0.0);
        assert!(
            found[0].contains("the policies differ so much") && found[1].contains("50 % of all weight"),
            "{found:?}"
        );
        assert!(alarms(&[1.0; 20], 0.0)[0].contains("20.0 of 20: the log is so short"));
        let wrong: Vec<f64> = (0..1000).map(|at| if at % 2 == 0 { 0.4 } else { 0.6 }).collect();
        assert!(alarms(&wrong, 0.0)[0].starts_with("mean weight 0.5000 instead of 1"));
        assert!(alarms(&[1.0; 100], 0.25)[0].starts_with("25.0 % of the evaluation policy's probability"));
    }
}
