//! The few statistics that a report states, each with its interval.
//!
//! Means over seeds carry Student's t interval, which stays honest with few seeds; aggregates over worlds carry the
//! stratified bootstrap of Agarwal et al. (2021), "Deep reinforcement learning at the edge of the statistical
//! precipice". Random indices come from the caller, so that a report is a function of its inputs.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Arithmetic mean, summed in order; `None` without values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard deviation with n - 1 below; `None` for fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
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
    let student = StudentsT::new(0.0, 1.0, n - 1.0).expect("n - 1 is at least 1");
    let half_width = student.inverse_cdf(0.975) * sd / n.sqrt();
    Some(Interval { low: mean - half_width, high: mean + half_width })
}

/// Interquartile mean over all runs of all tasks: the mean of what is left after a quarter of the values, rounded
/// down, is cut at each end; `None` without values.
pub fn interquartile_mean<'a>(tasks: impl IntoIterator<Item = &'a Vec<f64>>) -> Option<f64> {
    let pooled = sorted(&tasks.into_iter().flatten().copied().collect::<Vec<f64>>());
    let cut = pooled.len() / 4;
    mean(&pooled[cut..pooled.len() - cut])
}

/// Percentile interval of [`interquartile_mean`] by the stratified bootstrap: each resample draws, within each task, as
/// many runs as there are, with replacement. `draw(n)` gives a uniform index below n. `None` unless every task has at
/// least two runs.
pub fn interquartile_mean_interval(
    tasks: &[Vec<f64>],
    resamples: usize,
    draw: &mut dyn FnMut(u32) -> u32,
) -> Option<Interval> {
    if tasks.is_empty() || tasks.iter().any(|runs| runs.len() < 2) {
        return None;
    }
    let mut resample = || -> Vec<Vec<f64>> {
        let again = |runs: &Vec<f64>| runs.iter().map(|_| runs[draw(runs.len() as u32) as usize]).collect();
        tasks.iter().map(again).collect()
    };
    let replicates: Option<Vec<f64>> = (0..resamples).map(|_| interquartile_mean(&resample())).collect();
    let replicates = sorted(&replicates?);
    Some(Interval { low: quantile(&replicates, 0.025)?, high: quantile(&replicates, 0.975)? })
}

/// Quantile of sorted values by linear interpolation between ranks (type 7 of Hyndman and Fan).
fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let rank = probability * sorted.len().checked_sub(1)? as f64;
    let below = sorted[rank.floor() as usize];
    let above = sorted[rank.ceil() as usize];
    Some(below + (above - below) * rank.fract())
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    //! Expected numbers are scipy 1.17.1's; the expression stands beside each.
    use super::*;

    const SEEDS: [f64; 5] = [7.01, 6.93, 7.08, 6.55, 7.0];

    fn tasks() -> Vec<Vec<f64>> {
        vec![vec![0.97, 0.99, 0.95, 0.93, 1.0], vec![0.4, 0.5, 0.45, 0.38, 0.91], vec![0.7, 0.0, 0.75, 0.66]]
    }

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

    /// One run says nothing about spread, and no interval may pretend so.
    #[test]
    fn one_value_has_no_interval() {
        assert_eq!(sd(&[3.0]), None);
        assert_eq!(t_interval(&[3.0]), None);
        assert_eq!(interquartile_mean_interval(&[vec![1.0, 2.0], vec![3.0]], 10, &mut |_| 0), None);
    }

    /// `scipy.stats.trim_mean(numpy.concatenate(tasks), 0.25)` over 14, 4 and 3 values (3, 1 and none cut).
    #[test]
    fn interquartile_mean_agrees_with_scipy() {
        assert_close(interquartile_mean(&tasks()).unwrap(), 0.73125);
        assert_close(interquartile_mean(&[tasks()[0][..4].to_vec()]).unwrap(), 0.96);
        assert_close(interquartile_mean(&[tasks()[0][..3].to_vec()]).unwrap(), 0.97);
    }

    /// `numpy.percentile(replicates, [2.5, 97.5])` over 1000 replicates
    /// `trim_mean(numpy.concatenate([[task[draw(len(task))] for _ in task] for task in tasks]), 0.25)` with the same
    /// congruential generator (Knuth's MMIX constants, state 1, `draw(n) = (state >> 33) % n`).
    #[test]
    fn bootstrap_agrees_with_numpy() {
        let mut state = 1u64;
        let mut draw = |n: u32| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % u64::from(n)) as u32
        };
        let interval = interquartile_mean_interval(&tasks(), 1000, &mut draw).unwrap();
        assert_close(interval.low, 0.62375);
        assert_close(interval.high, 0.83628125);
    }
}
