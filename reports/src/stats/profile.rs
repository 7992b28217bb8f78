//! Performance profiles (Dolan and Moré 2002; as score distributions, Agarwal et al. 2021): the share of runs above a
//! threshold, over all thresholds.

use super::{Draw, Interval, percentile_intervals, resampled};

/// Share of runs strictly above each threshold, averaged over tasks, with its percentile interval at each threshold by
/// itself; no interval where a task has one run only.
pub fn profile(
    tasks: &[Vec<f64>],
    thresholds: &[f64],
    stream: u32,
    resamples: u32,
    draw: Draw,
) -> Vec<(f64, Option<Interval>)> {
    // How many thresholds each run lies above: they rise.
    let passed = |score: &f64| thresholds.partition_point(|threshold| score > threshold);
    let passed: Vec<Vec<usize>> = tasks.iter().map(|runs| runs.iter().map(passed).collect()).collect();
    let everyone: Vec<Vec<u32>> = tasks.iter().map(|runs| (0..runs.len() as u32).collect()).collect();
    let points = shares(&passed, &everyone, thresholds.len());
    let known = tasks.iter().all(|runs| runs.len() >= 2);
    let intervals = percentile_intervals(if known { resamples } else { 0 }, |replicate| {
        shares(&passed, &resampled(tasks, stream, replicate, draw), thresholds.len())
    });
    points.into_iter().enumerate().map(|(at, point)| (point, intervals.get(at).copied())).collect()
}

fn shares(passed: &[Vec<usize>], indices: &[Vec<u32>], thresholds: usize) -> Vec<f64> {
    let mut shares = vec![0.0; thresholds];
    for (passed, indices) in passed.iter().zip(indices) {
        let mut counts = vec![0u32; thresholds + 1];
        indices.iter().for_each(|at| counts[passed[*at as usize]] += 1);
        let mut above = 0;
        for at in (0..thresholds).rev() {
            above += counts[at + 1];
            shares[at] += f64::from(above) / indices.len() as f64;
        }
    }
    shares.iter().map(|share| share / passed.len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw;

    /// Counted by hand; a run that equals a threshold is not above it.
    #[test]
    fn shares_are_strictly_above() {
        let tasks = [vec![0.0, 0.5, 1.0, 0.5], vec![0.2, 0.9]];
        let points: Vec<f64> = profile(&tasks, &[-1.0, 0.0, 0.5, 1.0], 0, 0, &draw).iter().map(|at| at.0).collect();
        assert_eq!(points, [1.0, 0.875, 0.375, 0.0]);
    }

    /// Bands hold their point and stay within 0 and 1.
    #[test]
    fn bands_hold_their_points() {
        let tasks = [vec![0.1, 0.5, 0.8, 0.4, 0.6], vec![0.2, 0.9, 0.3]];
        for (point, band) in profile(&tasks, &[0.15, 0.35, 0.7], 3, 500, &draw) {
            let Interval { low, high } = band.unwrap();
            assert!(0.0 <= low && low <= point && point <= high && high <= 1.0, "{low} {point} {high}");
        }
    }
}
