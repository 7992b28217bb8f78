//! Tests and effects by ranks: Mann–Whitney (Mann and Whitney 1947) and Cliff's delta (Cliff 1993).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

/// The Mann–Whitney test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MannWhitney {
    /// Pairs that the first side wins; ties count a half.
    pub u: f64,
    /// Two-sided p value.
    pub p: f64,
    /// Whether p is from the exact distribution, given the ties; otherwise from the normal approximation with
    /// corrections for ties and continuity.
    pub exact: bool,
}

/// Most values on both sides for which the exact distribution is computed.
const MOST_EXACT: usize = 60;

/// Two-sided Mann–Whitney test; `None` for an empty side.
pub fn mann_whitney(x: &[f64], y: &[f64]) -> Option<MannWhitney> {
    if x.is_empty() || y.is_empty() {
        return None;
    }
    let doubled = doubled_ranks(&[x, y].concat());
    let smallest = x.len() * (x.len() + 1);
    let observed: usize = doubled[..x.len()].iter().sum();
    let u = (observed - smallest) as f64 / 2.0;
    if doubled.len() > MOST_EXACT {
        return Some(MannWhitney { u, p: approximate(u, x.len() as f64, &doubled), exact: false });
    }
    let counts = arrangements(&doubled, x.len());
    let all: f64 = counts.iter().sum();
    let (below, above): (f64, f64) = (counts[..=observed].iter().sum(), counts[observed..].iter().sum());
    let p = 2.0 * if below < above { below } else { above } / all;
    Some(MannWhitney { u, p: if p < 1.0 { p } else { 1.0 }, exact: true })
}

/// Smallest two-sided p that so many runs against so many can reach in a test by ranks or by permutation, without ties:
/// 2 over the number of arrangements.
pub fn smallest_p(n: usize, m: usize) -> f64 {
    let p = (0..m).fold(2.0, |p, at| p * (at + 1) as f64 / (n + at + 1) as f64);
    if p < 1.0 { p } else { 1.0 }
}

/// Cliff's delta, P(X > Y) - P(X < Y), from -1 to 1; `None` for an empty side.
pub fn cliffs_delta(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs = x.len() as f64 * y.len() as f64;
    let beyond = |low: &[f64], high: &[f64]| -> usize {
        low.iter().map(|low| high.iter().filter(|high| *high > low).count()).sum()
    };
    (pairs > 0.0).then(|| (beyond(y, x) as f64 - beyond(x, y) as f64) / pairs)
}

/// Twice the midrank of each value, from 2: whole numbers.
fn doubled_ranks(values: &[f64]) -> Vec<usize> {
    let below = |value: f64| values.iter().filter(|other| **other < value).count();
    let equal = |value: f64| values.iter().filter(|other| **other == value).count();
    values.iter().map(|value| 2 * below(*value) + equal(*value) + 1).collect()
}

/// How many choices of `size` ranks have each sum, by adding one rank after another.
fn arrangements(ranks: &[usize], size: usize) -> Vec<f64> {
    let total: usize = ranks.iter().sum();
    let mut counts = vec![vec![0.0; total + 1]; size + 1];
    counts[0][0] = 1.0;
    for rank in ranks {
        for taken in (1..=size).rev() {
            for sum in (*rank..=total).rev() {
                counts[taken][sum] += counts[taken - 1][sum - rank];
            }
        }
    }
    counts.swap_remove(size)
}

fn approximate(u: f64, n: f64, doubled: &[usize]) -> f64 {
    let all = doubled.len() as f64;
    let pairs = n * (all - n);
    let mut ranks = doubled.to_vec();
    ranks.sort_unstable();
    let cubes = ranks.chunk_by(|a, b| a == b).map(|ties| (ties.len() as f64) * (ties.len() * ties.len() - 1) as f64);
    let variance = pairs / 12.0 * ((all + 1.0) - cubes.sum::<f64>() / (all * (all - 1.0)));
    let distance = (u - pairs / 2.0).abs() - 0.5;
    if variance <= 0.0 || distance <= 0.0 {
        return 1.0;
    }
    2.0 * Normal::standard().sf(distance / variance.sqrt())
}

#[cfg(test)]
mod tests {
    //! Expected numbers are scipy 1.17.1's; the expression stands beside each.
    use super::*;

    const X: [f64; 5] = [7.01, 6.93, 7.08, 6.55, 7.0];
    const Y: [f64; 4] = [6.2, 6.9, 6.4, 6.6];

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-10 * expected.abs(), "{found} is not {expected}");
    }

    /// `scipy.stats.mannwhitneyu(x, y, method="exact")`, and the published floors: 3 against 3 gives 0.1 at best, 4
    /// against 4 gives 2/70, 5 against 5 gives 2/252.
    #[test]
    fn exact_p_agrees_with_scipy_and_with_the_floor() {
        let found = mann_whitney(&X, &Y).unwrap();
        assert_eq!((found.u, found.exact), (18.0, true));
        assert_close(found.p, 0.063_492_063_492_063_49);
        for (n, floor) in [(3, 0.1), (4, 2.0 / 70.0), (5, 2.0 / 252.0)] {
            let low: Vec<f64> = (0..n).map(f64::from).collect();
            let high: Vec<f64> = (0..n).map(|at| f64::from(at + n)).collect();
            assert_close(mann_whitney(&low, &high).unwrap().p, floor);
            assert_close(smallest_p(low.len(), high.len()), floor);
        }
    }

    /// With ties the distribution is that of the midranks, counted by hand: of the 6 choices of two among the doubled
    /// ranks 2, 5, 5, 8 the sums are 7, 7, 10, 10, 13, 13, so (1, 2) against (2, 3) has p = 2 · 2/6.
    #[test]
    fn ties_are_enumerated() {
        assert_close(mann_whitney(&[1.0, 2.0], &[2.0, 3.0]).unwrap().p, 2.0 / 3.0);
        assert_eq!(mann_whitney(&[1.0; 3], &[1.0; 4]).unwrap().p, 1.0);
    }

    /// `scipy.stats.mannwhitneyu(x, y, method="asymptotic").pvalue` with ties, for x = i²mod 31, y = i²mod 29 + 5,
    /// i = 0..40.
    #[test]
    fn the_approximation_agrees_with_scipy() {
        let x: Vec<f64> = (0..40).map(|at| f64::from(at * at % 31)).collect();
        let y: Vec<f64> = (0..40).map(|at| f64::from(at * at % 29 + 5)).collect();
        let found = mann_whitney(&x, &y).unwrap();
        assert!(!found.exact);
        assert_close(found.p, 0.000_625_333_399_495_857);
    }

    /// Cliff's delta is 2 U/(n m) - 1.
    #[test]
    fn delta_follows_u() {
        assert_close(cliffs_delta(&X, &Y).unwrap(), 2.0 * 18.0 / 20.0 - 1.0);
        assert_eq!(cliffs_delta(&Y, &Y), Some(0.0));
        assert_eq!(cliffs_delta(&[], &Y), None);
    }
}
