//! How often intervals from few runs hold the truth.

/// Fewest seeds on which a claim should rest; below, intervals are too narrow.
pub const SEEDS_FOR_A_CLAIM: usize = 10;

/// Runs for each task, and the share of nominal 95 % percentile intervals of the interquartile mean over six tasks that
/// held it, for normal scores (`cargo run --release --example coverage`).
const MEASURED: [(usize, f64); 6] = [(2, 0.79), (3, 0.85), (5, 0.92), (10, 0.93), (20, 0.94), (50, 0.95)];

/// Measured coverage of a nominal 95 % interval by the stratified bootstrap with so many runs in each task: that of the
/// nearest number below that was measured. `None` for a single run, which has no interval.
pub fn coverage(runs: usize) -> Option<f64> {
    MEASURED.iter().rev().find(|(measured, _)| *measured <= runs).map(|(_, coverage)| *coverage)
}

/// What a reader must be told about intervals from so many runs, if anything.
pub fn warning(runs: usize) -> Option<String> {
    let claim = format!("a claim should rest on at least {SEEDS_FOR_A_CLAIM}");
    match coverage(runs) {
        _ if runs >= SEEDS_FOR_A_CLAIM => None,
        None => Some(format!("1 run says nothing about its own spread, so there are no intervals; {claim}")),
        Some(coverage) => Some(format!(
            "{runs} runs: a nominal 95 % bootstrap interval covers about {:.0} % (measured); {claim}",
            100.0 * coverage
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fewer runs, the louder; none at ten.
    #[test]
    fn few_runs_are_warned_about() {
        assert!(warning(1).unwrap().contains("no intervals"));
        assert!(warning(4).unwrap().contains("covers about 85 %"));
        assert_eq!(warning(10), None);
        assert_eq!([1, 2, 7, 1000].map(coverage), [None, Some(0.79), Some(0.92), Some(0.95)]);
    }
}
