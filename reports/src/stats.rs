//! Statistics of runs, each with its interval.
//!
//! Scores are held task by task: `tasks[m]` holds the runs of task m, and tasks may have different numbers of runs.
//! Means over seeds carry Student's t interval, which stays honest with few seeds; aggregates over tasks carry the
//! stratified bootstrap of Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical
//! precipice". Random indices come from the caller by address ([`Draw`]), so that every figure is a function of its
//! inputs and of a seed, with any number of threads.

mod aggregate;
mod bootstrap;
mod coverage;
mod difference;
mod effect;
mod holm;
mod improvement;
mod power;
mod profile;
mod ranks;

pub use aggregate::{AGGREGATES, aggregates, interquartile_mean, optimality_gap};
pub use bootstrap::{Address, Draw, percentile_intervals, resampled, stream_of};
pub use coverage::{Coverage, SEEDS_FOR_A_CLAIM, coverage, warning};
pub use difference::{Equivalence, Permutation, Test, equivalence, paired_t, permutation, sign_flip, welch};
pub use effect::{hedges_g, hedges_g_interval};
pub use holm::holm;
pub use improvement::Improvement;
pub use power::{detectable_effect, power, runs_for};
pub use profile::profile;
pub use ranks::{MannWhitney, cliffs_delta, mann_whitney, smallest_p};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A figure as it is printed: never without the number of runs behind it and the method of its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The figure.
    pub point: f64,
    /// Lower end of its 95 % interval; absent where a task has one run only.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Runs behind it, those that failed among them.
    pub n: usize,
    /// How the interval was found.
    pub method: String,
    /// Replicates behind the interval.
    pub resamples: u32,
}

impl Estimate {
    /// A figure with its percentile interval by the stratified bootstrap, if it has one.
    pub fn bootstrap(point: f64, interval: Option<Interval>, n: usize, resamples: u32) -> Self {
        let (low, high) = (interval.map(|ends| ends.low), interval.map(|ends| ends.high));
        let method = if interval.is_some() { "stratified bootstrap, percentile" } else { "none" };
        let resamples = if interval.is_some() { resamples } else { 0 };
        Self { point, low, high, n, method: method.into(), resamples }
    }

    /// The same with twelve significant digits.
    pub fn rounded(self) -> Self {
        let (low, high) = (self.low.map(rounded), self.high.map(rounded));
        Self { point: rounded(self.point), low, high, ..self }
    }
}

/// Arithmetic mean, summed in order; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Variance with n - 1 below; `None` for fewer than two values.
pub fn variance(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    // Equal values have no spread at all, whatever their mean rounds to.
    if values.iter().all(|value| *value == values[0]) {
        return Some(0.0);
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some(squares / (values.len() - 1) as f64)
}

/// Standard deviation with n - 1 below; `None` for fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    variance(values).map(f64::sqrt)
}

/// Middle value, or the mean of the two in the middle; `None` without values.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let upper = sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(if sorted.len() % 2 == 1 { lower } else { 0.5 * (lower + upper) })
}

/// Student's t interval for the mean of independent values; `None` for fewer than two values, which say nothing about
/// their own spread.
pub fn t_interval(values: &[f64]) -> Option<Interval> {
    let (mean, sd) = (mean(values)?, sd(values)?);
    let n = values.len() as f64;
    let half_width = student(n - 1.0).inverse_cdf(0.975) * sd / n.sqrt();
    Some(Interval { low: mean - half_width, high: mean + half_width })
}

/// Quantile of sorted values by linear interpolation between ranks (type 7 of Hyndman and Fan); `None` without values.
pub fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let rank = probability * sorted.len().checked_sub(1)? as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    Some(below + (above - below) * rank.fract())
}

/// The values in rising order.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// Twelve significant digits: what lies beyond may depend on the platform's own logarithm inside a quantile.
pub fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().expect("a formatted float is a float")
}

/// Student's t distribution with so many degrees of freedom, above 0.
fn student(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("the degrees of freedom are positive")
}

#[cfg(test)]
mod tests {
    //! Expected numbers are scipy 1.17.1's; the expression stands beside each.
    use super::*;

    const SEEDS: [f64; 5] = [7.01, 6.93, 7.08, 6.55, 7.0];

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-11 * expected.abs(), "{found} is not {expected}");
    }

    /// `numpy.mean(x)`, `numpy.std(x, ddof=1)`, `numpy.median(x)`, and the median of an even number of values.
    #[test]
    fn moments_and_median_agree_with_numpy() {
        assert_close(mean(&SEEDS).unwrap(), 6.914);
        assert_close(sd(&SEEDS).unwrap(), 0.210_309_296_038_002_14);
        assert_close(median(&SEEDS).unwrap(), 7.0);
        assert_close(median(&SEEDS[..4]).unwrap(), 6.97);
    }

    /// `scipy.stats.t.interval(0.95, 4, loc=numpy.mean(x), scale=scipy.stats.sem(x))`, and the quantile
    /// `scipy.stats.t.ppf(0.975, 1)`: the half-width of the interval of -1 and 1.
    #[test]
    fn t_interval_agrees_with_scipy() {
        let interval = t_interval(&SEEDS).unwrap();
        assert_close(interval.low, 6.652_866_518_622_035);
        assert_close(interval.high, 7.175_133_481_377_965);
        assert_close(t_interval(&[-1.0, 1.0]).unwrap().high, 12.706_204_736_174_694);
    }

    /// One run says nothing about spread, and no interval may pretend so; a third of 0.1 has no spread either.
    #[test]
    fn one_value_has_no_interval() {
        assert_eq!(sd(&[3.0]), None);
        assert_eq!(t_interval(&[3.0]), None);
        assert_eq!(sd(&[0.1; 3]), Some(0.0));
    }
}
