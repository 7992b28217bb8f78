//! How often intervals from few runs hold the truth.

/// Fewest seeds on which a claim should rest; below, intervals are too narrow.
pub const SEEDS_FOR_A_CLAIM: usize = 10;

/// Numbers of tasks of the cases that were measured: the mean on one task, the interquartile mean over six.
const TASKS: [usize; 2] = [1, 6];

/// Runs for each task, and for each of [`TASKS`] the share of nominal 95 % percentile intervals that held the truth, for
/// normal scores (`cargo run --release --example coverage`, which checks them).
const MEASURED: [(usize, [f64; 2]); 6] = [
    (2, [0.47, 0.79]),
    (3, [0.70, 0.85]),
    (5, [0.84, 0.92]),
    (10, [0.89, 0.93]),
    (20, [0.92, 0.94]),
    (50, [0.94, 0.95]),
];

/// Measured coverage of a nominal 95 % interval by the stratified bootstrap, and the case it was measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coverage {
    /// Share of intervals that held the truth.
    pub share: f64,
    /// Runs of each task in that case.
    pub runs: usize,
    /// Tasks in that case.
    pub tasks: usize,
}

impl Coverage {
    /// The case in words, to stand behind "measured with".
    pub fn case(&self) -> String {
        match self.tasks {
            1 => format!("{} runs of one task", self.runs),
            tasks => format!("{} runs of each of {tasks} tasks", self.runs),
        }
    }
}

/// The coverage measured nearest to so many runs of each of so many tasks: with the nearest number of tasks, and the
/// nearest number of runs that is not larger. `None` for a single run, which has no interval.
pub fn coverage(runs: usize, tasks: usize) -> Option<Coverage> {
    let column = usize::from(tasks.abs_diff(TASKS[1]) < tasks.abs_diff(TASKS[0]));
    let (measured, shares) = MEASURED.iter().rev().find(|(measured, _)| *measured <= runs)?;
    Some(Coverage { share: shares[column], runs: *measured, tasks: TASKS[column] })
}

/// What a reader must be told about intervals from so many runs of each of so many tasks, if anything.
pub fn warning(runs: usize, tasks: usize) -> Option<String> {
    let claim = format!("a claim should rest on at least {SEEDS_FOR_A_CLAIM}");
    match coverage(runs, tasks) {
        _ if runs >= SEEDS_FOR_A_CLAIM => None,
        None => Some(format!("1 run says nothing about its own spread, so there are no intervals; {claim}")),
        Some(coverage) => Some(format!(
            "{runs} runs: a nominal 95 % bootstrap interval covers about {:.0} % (measured with {}); {claim}",
            100.0 * coverage.share,
            coverage.case()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fewer runs and tasks, the louder; none at ten runs. What is told is what was measured, with its case.
    #[test]
    fn few_runs_are_warned_about() {
        assert!(warning(1, 6).unwrap().contains("no intervals"));
        let expected = "4 runs: a nominal 95 % bootstrap interval covers about 85 % (measured with 3 runs of each of 6 \
                        tasks); a claim should rest on at least 10";
        assert_eq!(warning(4, 6).unwrap(), expected);
        assert!(warning(5, 1).unwrap().contains("covers about 84 % (measured with 5 runs of one task)"));
        assert_eq!(warning(10, 1), None);
    }

    /// The nearest case: runs from below, tasks from either side.
    #[test]
    fn the_nearest_case_that_was_measured_is_told() {
        let case = |runs, tasks| coverage(runs, tasks).map(|found| (found.share, found.runs, found.tasks));
        assert_eq!(
            [1, 2, 7, 1000].map(|runs| case(runs, 6)).map(|found| found.map(|found| found.0)),
            [None, Some(0.79), Some(0.92), Some(0.95)]
        );
        assert_eq!(case(9, 3), Some((0.84, 5, 1)));
        assert_eq!(case(9, 4), Some((0.92, 5, 6)));
        assert_eq!(case(9, 100), Some((0.92, 5, 6)));
    }
}
