//! The stratified bootstrap: each replicate draws, within each task, as many runs as there are, with replacement.
//!
//! A replicate knows its own random indices by address, so replicates may be computed in any order on any thread.

use rayon::prelude::*;

use super::{Interval, quantile};

/// Where random numbers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// What they are for, such as [`stream_of`] the name of an algorithm.
    pub stream: u32,
    /// Number of the replicate.
    pub replicate: u32,
    /// Number of the task, or whatever is drawn by itself.
    pub stratum: u32,
}

/// A source of random numbers: fills the slice with uniform indices below the number, a function of the address and of
/// a seed that the caller chose.
pub type Draw<'a> = &'a (dyn Fn(Address, u32, &mut [u32]) + Sync);

/// A stream by its name (FNV-1a), so that the draws for one name do not depend on which others there are.
pub fn stream_of(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Indices of the runs of one replicate, task by task.
pub fn resampled(tasks: &[Vec<f64>], stream: u32, replicate: u32, draw: Draw) -> Vec<Vec<u32>> {
    let indices = |(stratum, runs): (u32, &Vec<f64>)| {
        let mut indices = vec![0; runs.len()];
        draw(Address { stream, replicate, stratum }, runs.len() as u32, &mut indices);
        indices
    };
    (0..).zip(tasks).map(indices).collect()
}

/// Percentile intervals of several statistics at once: 2.5 and 97.5 % of the replicates, type 7. `replicate(b)` gives
/// the statistics of replicate b, as many for each b. Empty without replicates.
pub fn percentile_intervals(resamples: u32, replicate: impl Fn(u32) -> Vec<f64> + Sync + Send) -> Vec<Interval> {
    let replicates: Vec<Vec<f64>> = (0..resamples).into_par_iter().map(replicate).collect();
    let count = replicates.first().map_or(0, Vec::len);
    let interval = |statistic: usize| {
        let mut values: Vec<f64> = replicates.iter().map(|replicate| replicate[statistic]).collect();
        values.sort_by(f64::total_cmp);
        let at = |probability| quantile(&values, probability).expect("there are replicates");
        Interval { low: at(0.025), high: at(0.975) }
    };
    (0..count).into_par_iter().map(interval).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answer of FNV-1a for `foobar` (Fowler, Noll, Vo).
    #[test]
    fn streams_are_fnv() {
        assert_eq!(stream_of("foobar"), 0xbf9c_f968);
    }

    /// With one thread or several the intervals are the same, and the percentiles are `numpy.percentile`'s: of 0..=100
    /// they are 2.5 and 97.5.
    #[test]
    fn threads_change_nothing() {
        let replicate = |b: u32| vec![f64::from(b * 37 % 101), f64::from(b % 2)];
        let several = percentile_intervals(101, replicate);
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(several, alone.install(|| percentile_intervals(101, replicate)));
        assert_eq!(several[0], Interval { low: 2.5, high: 97.5 });
        assert_eq!(percentile_intervals(0, replicate), []);
    }
}
