//! Tests of the difference between two means: with spreads of their own (Welch 1947), for pairs, by permutation, and
//! for equivalence (Schuirmann 1987). All p values are two-sided.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::ContinuousCDF;

use super::{Address, Draw, Interval, mean, student, variance};

/// A test by Student's t distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Test {
    /// Difference of the means, first minus second.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: Interval,
    /// The statistic t.
    pub t: f64,
    /// Degrees of freedom.
    pub freedom: f64,
    /// Probability of a t at least as far from 0 if the means were equal.
    pub p: f64,
}

/// A test by permutation of who is who.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Permutation {
    /// Twice the smaller one-sided share of arrangements with a difference at least as large, at most 1.
    pub p: f64,
    /// Arrangements looked at.
    pub arrangements: u32,
    /// Whether they are all there are; otherwise they were drawn, and the data's own counts as one more.
    pub exact: bool,
}

/// Two one-sided tests of a difference within a margin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Equivalence {
    /// The margin, in units of the score.
    pub margin: f64,
    /// Larger of the two one-sided p values: small where the difference is within the margin.
    pub p: f64,
    /// 90 % interval of the difference, which lies within the margin exactly where p is below 0.05.
    pub interval: Interval,
}

/// Most arrangements that are enumerated; beyond, as many as [`drawn_of`] says are drawn.
const ENUMERATED: u64 = 20_000;

/// Arrangements drawn of so many values: 10,000, fewer above 200,000 values, so that millions take minutes, not hours.
fn drawn_of(values: usize) -> u32 {
    const MOVED: usize = 2_000_000_000;
    (MOVED / values).clamp(200, 10_000) as u32
}

/// Welch's t test; `None` for fewer than two values on a side, or where neither side has any spread.
pub fn welch(x: &[f64], y: &[f64]) -> Option<Test> {
    let (difference, error, freedom) = unequal(x, y)?;
    Some(test(difference, error, freedom))
}

/// Student's t test of the mean difference of pairs; `None` for fewer than two pairs, sides of unequal length, or
/// differences without spread.
pub fn paired_t(x: &[f64], y: &[f64]) -> Option<Test> {
    let differences = paired(x, y)?;
    let n = differences.len() as f64;
    let error = (variance(&differences)? / n).sqrt();
    (error > 0.0).then(|| test(mean(&differences).unwrap_or(0.0), error, n - 1.0))
}

/// Two one-sided Welch tests of |mean x - mean y| < margin; `None` as for [`welch`], and unless the margin is above 0.
pub fn equivalence(x: &[f64], y: &[f64], margin: f64) -> Option<Equivalence> {
    let (difference, error, freedom) = unequal(x, y)?;
    if margin.is_nan() || margin <= 0.0 {
        return None;
    }
    let student = student(freedom);
    let (above, below) = (student.sf((difference + margin) / error), student.cdf((difference - margin) / error));
    let half_width = student.inverse_cdf(0.95) * error;
    let interval = Interval { low: difference - half_width, high: difference + half_width };
    Some(Equivalence { margin, p: if above > below { above } else { below }, interval })
}

/// Permutation test of the difference of means: which values are whose is rearranged. `None` for an empty side.
pub fn permutation(x: &[f64], y: &[f64], stream: u32, draw: Draw) -> Option<Permutation> {
    if x.is_empty() || y.is_empty() {
        return None;
    }
    // With all values given, the sum of the first side decides the difference of the means.
    let all = [x, y].concat();
    let slack = slack(&all);
    let observed: f64 = x.iter().sum();
    let side = |sum: f64| [sum <= observed + slack, sum >= observed - slack];
    if combinations(all.len() as u64, x.len() as u64) <= ENUMERATED {
        let mut counts = [0; 3];
        subsets(&all, x.len(), 0.0, &mut |sum| tally(&mut counts, side(sum)));
        return Some(Permutation { p: two_sided(counts), arrangements: counts[2], exact: true });
    }
    let arrangement = |replicate: u32| {
        let mut keys = vec![0; all.len()];
        draw(Address { stream, replicate, stratum: 0 }, u32::MAX, &mut keys);
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.select_nth_unstable_by_key(x.len() - 1, |at| (keys[*at], *at));
        side(order[..x.len()].iter().map(|at| all[*at]).sum())
    };
    Some(drawn(all.len(), arrangement))
}

/// Permutation test of the mean difference of pairs: which side of a pair is which is rearranged. `None` without
/// pairs or for sides of unequal length.
pub fn sign_flip(x: &[f64], y: &[f64], stream: u32, draw: Draw) -> Option<Permutation> {
    let differences = paired(x, y).filter(|differences| !differences.is_empty())?;
    let slack = slack(&differences);
    let observed: f64 = differences.iter().sum();
    let side = |sum: f64| [sum <= observed + slack, sum >= observed - slack];
    let signed = |flips: &dyn Fn(usize) -> bool| -> f64 {
        differences.iter().enumerate().map(|(at, value)| if flips(at) { -value } else { *value }).sum()
    };
    if differences.len() < 64 && 1 << differences.len() <= ENUMERATED {
        let mut counts = [0; 3];
        (0..1u64 << differences.len()).for_each(|bits| tally(&mut counts, side(signed(&|at| bits >> at & 1 == 1))));
        return Some(Permutation { p: two_sided(counts), arrangements: counts[2], exact: true });
    }
    let arrangement = |replicate: u32| {
        let mut flips = vec![0; differences.len()];
        draw(Address { stream, replicate, stratum: 0 }, 2, &mut flips);
        side(signed(&|at| flips[at] == 1))
    };
    Some(drawn(differences.len(), arrangement))
}

/// Difference of means, its standard error, and the degrees of freedom of Welch and Satterthwaite.
fn unequal(x: &[f64], y: &[f64]) -> Option<(f64, f64, f64)> {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let (of_x, of_y) = (variance(x)? / n, variance(y)? / m);
    let square = of_x + of_y;
    let freedom = square * square / (of_x * of_x / (n - 1.0) + of_y * of_y / (m - 1.0));
    (square > 0.0 && freedom.is_finite())
        .then(|| (mean(x).unwrap_or(0.0) - mean(y).unwrap_or(0.0), square.sqrt(), freedom))
}

fn test(difference: f64, error: f64, freedom: f64) -> Test {
    let student = student(freedom);
    let (t, half_width) = (difference / error, student.inverse_cdf(0.975) * error);
    let interval = Interval { low: difference - half_width, high: difference + half_width };
    Test { difference, interval, t, freedom, p: 2.0 * student.sf(t.abs()) }
}

fn paired(x: &[f64], y: &[f64]) -> Option<Vec<f64>> {
    (x.len() == y.len()).then(|| x.iter().zip(y).map(|(x, y)| x - y).collect())
}

/// Sums of the same values in another order differ by rounding; so much still counts as equal.
fn slack(values: &[f64]) -> f64 {
    1e-13 * values.iter().map(|value| value.abs()).sum::<f64>()
}

/// n over k, or the largest number if it is larger.
fn combinations(n: u64, k: u64) -> u64 {
    (0..k).try_fold(1u64, |product, at| Some(product.checked_mul(n - at)? / (at + 1))).unwrap_or(u64::MAX)
}

/// Tells the sum of each choice of `left` values to `visit`.
fn subsets(values: &[f64], left: usize, sum: f64, visit: &mut impl FnMut(f64)) {
    if left == 0 {
        return visit(sum);
    }
    for at in 0..=values.len() - left {
        subsets(&values[at + 1..], left - 1, sum + values[at], visit);
    }
}

/// Counts below, above, all.
fn tally(counts: &mut [u32; 3], [below, above]: [bool; 2]) {
    *counts = [counts[0] + u32::from(below), counts[1] + u32::from(above), counts[2] + 1];
}

fn two_sided([below, above, all]: [u32; 3]) -> f64 {
    let smaller = if below < above { below } else { above };
    let p = 2.0 * f64::from(smaller) / f64::from(all);
    if p < 1.0 { p } else { 1.0 }
}

fn drawn(values: usize, arrangement: impl Fn(u32) -> [bool; 2] + Sync + Send) -> Permutation {
    let arrangements = drawn_of(values);
    let sides: Vec<[bool; 2]> = (0..arrangements).into_par_iter().map(arrangement).collect();
    // The arrangement of the data is one of those possible.
    let mut counts = [1; 3];
    sides.into_iter().for_each(|side| tally(&mut counts, side));
    Permutation { p: two_sided(counts), arrangements, exact: false }
}

#[cfg(test)]
mod tests {
    //! Expected numbers are scipy 1.17.1's and statsmodels 0.15.0's; the expression stands beside each.
    use super::*;
    use crate::sample::draw;

    const X: [f64; 5] = [7.01, 6.93, 7.08, 6.55, 7.0];
    const Y: [f64; 4] = [6.2, 6.9, 6.4, 6.6];

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-10 * expected.abs(), "{found} is not {expected}");
    }

    /// `r = scipy.stats.ttest_ind(x, y, equal_var=False)`: r.statistic, r.df, r.pvalue, r.confidence_interval().
    #[test]
    fn welch_agrees_with_scipy() {
        let found = welch(&X, &Y).unwrap();
        assert_close(found.t, 2.204_482_059_241_759);
        assert_close(found.freedom, 5.235_106_582_218_079);
        assert_close(found.p, 0.076_223_313_627_619_49);
        assert_close(found.interval.low, -0.058_542_276_374_233_65);
        assert_close(found.interval.high, 0.836_542_276_374_232_3);
    }

    /// `scipy.stats.ttest_rel(x[:4], y)` and
    /// `statsmodels.stats.weightstats.ttost_ind(x, y, -0.9, 0.9, usevar="unequal")[0]`.
    #[test]
    fn pairs_and_equivalence_agree_with_scipy_and_statsmodels() {
        let pairs = paired_t(&X[..4], &Y).unwrap();
        assert_close(pairs.t, 1.669_197_659_889_874_8);
        assert_close(pairs.p, 0.193_670_472_976_836_8);
        let within = equivalence(&X, &Y, 0.9).unwrap();
        assert_close(within.p, 0.016_086_070_296_426_214);
        assert_eq!(within.p < 0.05, within.interval.low > -0.9 && within.interval.high < 0.9);
        assert_eq!(equivalence(&X, &Y, 0.0), None);
    }

    /// By hand: 3 against 3 has 20 arrangements, of which the most extreme on either side are 1 and 1: p = 0.1, the
    /// smallest that three runs can reach. Three pairs have 8: p = 0.25.
    #[test]
    fn three_runs_cannot_reach_a_twentieth() {
        let (high, low) = ([7.0, 8.0, 9.0], [1.0, 2.0, 3.0]);
        let found = permutation(&high, &low, 0, &draw).unwrap();
        assert_eq!(found, Permutation { p: 0.1, arrangements: 20, exact: true });
        assert_eq!(sign_flip(&high, &low, 0, &draw).unwrap().p, 0.25);
        assert_eq!(permutation(&high, &high, 0, &draw).unwrap().p, 1.0);
    }

    /// `scipy.stats.permutation_test((x, y), lambda a, b: a.mean() - b.mean(), permutation_type="independent",
    /// n_resamples=numpy.inf).pvalue`, and with 12 a side the drawn test agrees with the t test it approximates.
    #[test]
    fn permutations_agree_with_scipy_and_drawn_ones_with_welch() {
        assert_close(permutation(&X, &Y, 0, &draw).unwrap().p, 0.063_492_063_492_063_49);
        let x: Vec<f64> = (0..12).map(|at| f64::from(at * at % 13)).collect();
        let y: Vec<f64> = x.iter().map(|value| value + 2.5).collect();
        let found = permutation(&x, &y, 9, &draw).unwrap();
        assert_eq!(found.arrangements, 10_000);
        assert_eq!([200_000, 400_000, 10_000_000].map(drawn_of), [10_000, 5_000, 200]);
        assert!(!found.exact && (found.p - welch(&x, &y).unwrap().p).abs() < 0.02, "{found:?}");
    }

    /// Without spread there is no t; one value has no test; a constant side against a varying one has.
    #[test]
    fn degenerate_sides() {
        assert_eq!(welch(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(welch(&[1.0], &Y), None);
        assert_eq!(paired_t(&[2.0, 3.0], &[1.0, 2.0]), None);
        assert_eq!(paired_t(&X, &Y), None);
        assert_eq!(welch(&[7.0, 7.0], &Y).unwrap().freedom, 3.0);
    }
}
