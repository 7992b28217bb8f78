//! Probability of improvement: how often a run of X is better than one of Y, averaged over tasks (Agarwal et al. 2021,
//! section 4.3; within a task the Mann–Whitney statistic over the number of pairs).

use super::{Draw, Interval, percentile_intervals, resampled};

/// Two algorithms over the same tasks, prepared for many resamples.
#[derive(Debug, Clone)]
pub struct Improvement<'a> {
    x: &'a [Vec<f64>],
    y: &'a [Vec<f64>],
    /// For each task the runs of both in rising order of score, those of equal score together: indices into x, into y.
    order: Vec<Vec<(Vec<usize>, Vec<usize>)>>,
}

impl<'a> Improvement<'a> {
    /// Compares `x` with `y`, task by task; `None` if they have different numbers of tasks, or a task without runs.
    pub fn new(x: &'a [Vec<f64>], y: &'a [Vec<f64>]) -> Option<Self> {
        let usable = x.len() == y.len() && !x.is_empty() && x.iter().chain(y).all(|runs| !runs.is_empty());
        usable.then(|| Self { x, y, order: x.iter().zip(y).map(|(x, y)| in_order(x, y)).collect() })
    }

    /// P(X > Y) + P(X = Y) / 2.
    pub fn probability(&self) -> f64 {
        let ones = |tasks: &[Vec<f64>]| tasks.iter().map(|runs| vec![1; runs.len()]).collect::<Vec<_>>();
        self.weighted(&ones(self.x), &ones(self.y))
    }

    /// Percentile interval; both sides are resampled by themselves. `None` unless every task has two runs of each.
    pub fn interval(&self, streams: [u32; 2], resamples: u32, draw: Draw) -> Option<Interval> {
        if self.x.iter().chain(self.y).any(|runs| runs.len() < 2) {
            return None;
        }
        let counts = |tasks: &[Vec<f64>], stream, replicate| {
            let resample = resampled(tasks, stream, replicate, draw);
            let count = |(runs, indices): (&Vec<f64>, Vec<u32>)| {
                let mut counts = vec![0; runs.len()];
                indices.into_iter().for_each(|at| counts[at as usize] += 1);
                counts
            };
            tasks.iter().zip(resample).map(count).collect::<Vec<Vec<u64>>>()
        };
        let replicate = |replicate| {
            vec![self.weighted(&counts(self.x, streams[0], replicate), &counts(self.y, streams[1], replicate))]
        };
        percentile_intervals(resamples, replicate).first().copied()
    }

    /// The same with each run counted so many times. Twice the wins are whole numbers, so no rounding meets the ties.
    fn weighted(&self, x: &[Vec<u64>], y: &[Vec<u64>]) -> f64 {
        let mut sum = 0.0;
        for ((order, x), y) in self.order.iter().zip(x).zip(y) {
            let (mut doubled, mut below) = (0, 0);
            for (of_x, of_y) in order {
                let wins: u64 = of_x.iter().map(|at| x[*at]).sum();
                let equal: u64 = of_y.iter().map(|at| y[*at]).sum();
                doubled += wins * (2 * below + equal);
                below += equal;
            }
            sum += doubled as f64 / (2.0 * x.len() as f64 * y.len() as f64);
        }
        sum / self.order.len() as f64
    }
}

fn in_order(x: &[f64], y: &[f64]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let both = x.iter().map(|score| (*score, true)).enumerate();
    let mut all: Vec<(usize, (f64, bool))> = both.chain(y.iter().map(|score| (*score, false)).enumerate()).collect();
    all.sort_by(|a, b| a.1.0.total_cmp(&b.1.0));
    let split = |group: &[(usize, (f64, bool))]| {
        let side = |x| group.iter().filter(|(_, run)| run.1 == x).map(|(index, _)| *index).collect();
        (side(true), side(false))
    };
    all.chunk_by(|a, b| a.1.0 == b.1.0).map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw;

    /// Counted by hand.
    #[test]
    fn wins_and_ties_are_counted() {
        let (x, y) = ([vec![1.0, 3.0], vec![2.0]], [vec![1.0, 2.0, 4.0], vec![2.0]]);
        let improvement = Improvement::new(&x, &y).unwrap();
        // Task 1: 1 > none, 1 = 1; 3 > 1, 2. So (2 + 1/2) of 6. Task 2: 1/2.
        assert_eq!(improvement.probability(), (2.5 / 6.0 + 0.5) / 2.0);
        assert_eq!(improvement.interval([1, 2], 100, &draw), None, "one run says nothing about spread");
        assert!(Improvement::new(&x, &y[..1]).is_none());
    }

    /// X against Y and Y against X add up to 1; a clear winner wins in every resample; -0 equals 0.
    #[test]
    fn sides_and_certainty() {
        let (x, y) = ([vec![0.3, 0.9, 0.4, 0.7]], [vec![0.5, 0.2, 0.7]]);
        let one = Improvement::new(&x, &y).unwrap().probability();
        assert_eq!(one + Improvement::new(&y, &x).unwrap().probability(), 1.0);
        let (high, low) = ([vec![2.0, 3.0]], [vec![0.0, -0.0, 1.0]]);
        let certain = Improvement::new(&high, &low).unwrap();
        assert_eq!(certain.interval([1, 2], 200, &draw), Some(Interval { low: 1.0, high: 1.0 }));
        assert_eq!(Improvement::new(&[vec![0.0]], &[vec![-0.0]]).unwrap().probability(), 0.5);
    }
}
