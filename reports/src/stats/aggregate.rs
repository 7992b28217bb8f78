//! One number for many tasks (Agarwal et al. 2021, section 4; the definitions of their library rliable).
//!
//! With unequal numbers of runs, mean, median and optimality gap weigh tasks equally, the interquartile mean weighs runs
//! equally. With equal numbers both are rliable's.

use super::{Draw, Interval, mean, median, percentile_intervals, resampled, sorted};

/// Names of the statistics that [`aggregates`] computes, in its order.
pub const AGGREGATES: [&str; 4] = ["iqm", "mean", "median", "optimality_gap"];

/// Interquartile mean over all runs of all tasks: the mean of what is left after a quarter of the values, rounded
/// down, is cut at each end; `None` without values.
pub fn interquartile_mean<'a>(tasks: impl IntoIterator<Item = &'a Vec<f64>>) -> Option<f64> {
    let pooled = sorted(&tasks.into_iter().flatten().copied().collect::<Vec<f64>>());
    let cut = pooled.len() / 4;
    mean(&pooled[cut..pooled.len() - cut])
}

/// How far scores fall short of 1 on average, those above 1 counting as 1: the smaller the better.
pub fn optimality_gap(tasks: &[Vec<f64>]) -> Option<f64> {
    let capped = |score: &f64| if *score < 1.0 { *score } else { 1.0 };
    let of_task = |runs: &Vec<f64>| mean(&runs.iter().map(capped).collect::<Vec<f64>>());
    let tasks: Option<Vec<f64>> = tasks.iter().map(of_task).collect();
    Some(1.0 - mean(&tasks?)?)
}

/// The four statistics of [`AGGREGATES`] with their percentile intervals; a resample draws runs of each task anew.
/// `None` without runs in some task; no interval where a task has one run only, or without resamples.
pub fn aggregates(tasks: &[Vec<f64>], stream: u32, resamples: u32, draw: Draw) -> Option<[(f64, Option<Interval>); 4]> {
    let points = statistics(tasks)?;
    let replicate = |replicate: u32| {
        let indices = resampled(tasks, stream, replicate, draw);
        let again = |(runs, indices): (&Vec<f64>, &Vec<u32>)| indices.iter().map(|at| runs[*at as usize]).collect();
        let resample: Vec<Vec<f64>> = tasks.iter().zip(&indices).map(again).collect();
        statistics(&resample).expect("a resample has as many runs").to_vec()
    };
    let known = tasks.iter().all(|runs| runs.len() >= 2);
    let intervals = percentile_intervals(if known { resamples } else { 0 }, replicate);
    let mut at = 0;
    Some(points.map(|point| {
        at += 1;
        (point, intervals.get(at - 1).copied())
    }))
}

fn statistics(tasks: &[Vec<f64>]) -> Option<[f64; 4]> {
    let means: Option<Vec<f64>> = tasks.iter().map(|runs| mean(runs)).collect();
    let means = means?;
    Some([interquartile_mean(tasks)?, mean(&means)?, median(&means)?, optimality_gap(tasks)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw;

    fn tasks() -> Vec<Vec<f64>> {
        vec![vec![0.97, 0.99, 0.95, 0.93, 1.0], vec![0.4, 0.5, 0.45, 0.38, 0.91], vec![0.7, 0.0, 0.75, 0.66]]
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-11 * expected.abs(), "{found} is not {expected}");
    }

    /// `scipy.stats.trim_mean(numpy.concatenate(tasks), 0.25)` over 14, 4 and 3 values (3, 1 and none cut).
    #[test]
    fn interquartile_mean_agrees_with_scipy() {
        assert_close(interquartile_mean(&tasks()).unwrap(), 0.73125);
        assert_close(interquartile_mean(&[tasks()[0][..4].to_vec()]).unwrap(), 0.96);
        assert_close(interquartile_mean(&[tasks()[0][..3].to_vec()]).unwrap(), 0.97);
    }

    /// By hand: task means 1.5, 0.5 and 0.2, of which 1.5 = (1 + 2)/2 counts as 1 in the gap.
    #[test]
    fn mean_median_and_gap_by_hand() {
        let tasks = [vec![1.0, 2.0], vec![0.5; 3], vec![0.2, 0.2]];
        let [_, mean, median, gap] = statistics(&tasks).unwrap();
        assert_close(mean, 2.2 / 3.0);
        assert_eq!(median, 0.5);
        assert_close(gap, 1.0 - 1.7 / 3.0);
    }

    /// The interval holds the point and lies within the scores; one run in one task leaves all without an interval.
    #[test]
    fn intervals_need_two_runs_in_every_task() {
        for (point, interval) in aggregates(&tasks(), 7, 2000, &draw).unwrap() {
            let Interval { low, high } = interval.unwrap();
            assert!(0.0 < low && low < point && point < high && high < 1.0, "{low} {point} {high}");
        }
        let one = [vec![0.5, 0.6], vec![0.7]];
        assert!(aggregates(&one, 7, 2000, &draw).unwrap().iter().all(|(_, interval)| interval.is_none()));
        assert!(aggregates(&[vec![0.5], vec![]], 7, 10, &draw).is_none());
    }

    /// The mean of two runs 0 and 1 of one task is resampled as 0, 1/2, 1 with probabilities 1/4, 1/2, 1/4, so the 95 %
    /// interval is everything; constant runs leave a point.
    #[test]
    fn the_distribution_of_resamples_is_known() {
        let [_, (_, wide), ..] = aggregates(&[vec![0.0, 1.0]], 1, 1000, &draw).unwrap();
        assert_eq!(wide, Some(Interval { low: 0.0, high: 1.0 }));
        let [_, (_, point), ..] = aggregates(&[vec![0.25; 4]], 1, 1000, &draw).unwrap();
        assert_eq!(point, Some(Interval { low: 0.25, high: 0.25 }));
    }
}
