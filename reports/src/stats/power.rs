//! How many runs a claim needs, before they are spent, and what those that were spent could find: power of the two-sided
//! two-sample t test.
//!
//! Under an effect d (difference of means over the common standard deviation) t has the noncentral t distribution with
//! noncentrality d √(n m / (n + m)) and n + m - 2 degrees of freedom (Cohen 1988).

use statrs::distribution::{Chi, Continuous, ContinuousCDF, Normal};

use super::student;

/// Most runs that [`runs_for`] looks for.
const MOST_RUNS: u32 = 1_000_000;

/// Probability that the test with so many runs on each side finds an effect of `effect` standard deviations at level
/// `alpha`; `None` for fewer than two runs on a side.
pub fn power(effect: f64, [n, m]: [u32; 2], alpha: f64) -> Option<f64> {
    if n < 2 || m < 2 {
        return None;
    }
    let freedom = u64::from(n) + u64::from(m) - 2;
    let (n, m) = (f64::from(n), f64::from(m));
    let shift = effect * (n * m / (n + m)).sqrt();
    let limit = student(freedom as f64).inverse_cdf(1.0 - alpha / 2.0);
    let noncentral = NoncentralT::new(freedom);
    Some(1.0 - noncentral.cdf(limit, shift) + noncentral.cdf(-limit, shift))
}

/// Fewest runs a side with at least this power; `None` beyond a million.
pub fn runs_for(effect: f64, wanted: f64, alpha: f64) -> Option<u32> {
    let enough = |n: u32| power(effect, [n, n], alpha).is_some_and(|power| power >= wanted);
    let (mut few, mut many) = (1, 2);
    while !enough(many) {
        if many >= MOST_RUNS {
            return None;
        }
        (few, many) = (many, many * 2);
    }
    while many - few > 1 {
        let middle = few + (many - few) / 2;
        if enough(middle) { many = middle } else { few = middle }
    }
    Some(many)
}

/// Smallest effect that so many runs on each side find with this power; `None` for fewer than two runs on a side.
pub fn detectable_effect(runs: [u32; 2], wanted: f64, alpha: f64) -> Option<f64> {
    let power = |effect| power(effect, runs, alpha);
    power(0.0)?;
    let mut high = 1.0;
    while power(high)? < wanted && high < 1e6 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if power(middle)? < wanted { low = middle } else { high = middle }
    }
    Some(high)
}

/// The noncentral t distribution with so many degrees of freedom: Φ(t s - shift), averaged over s = χ/√freedom by
/// Simpson's rule.
pub(super) struct NoncentralT {
    /// s and its share.
    nodes: Vec<(f64, f64)>,
}

impl NoncentralT {
    /// For at least 2 degrees of freedom.
    pub(super) fn new(freedom: u64) -> Self {
        /// Even. The error falls with the fourth power of the width: it is below 1e-9 for every number of degrees.
        const PIECES: u32 = 600;
        /// The standard deviation of χ is below 0.71 for any number of degrees of freedom, so this is far out.
        const REACH: f64 = 5.5;
        let chi = Chi::new(freedom).expect("at least one degree of freedom");
        let root = (freedom as f64).sqrt();
        let low = if root > REACH { root - REACH } else { 0.0 };
        let width = (root + REACH - low) / f64::from(PIECES);
        let node = |piece: u32| {
            let value = low + width * f64::from(piece);
            let weight = match piece {
                0 | PIECES => 1.0,
                odd if odd % 2 == 1 => 4.0,
                _ => 2.0,
            };
            (value / root, weight * chi.pdf(value) * width / 3.0)
        };
        Self { nodes: (0..=PIECES).map(node).collect() }
    }

    /// P(T ≤ t) under this noncentrality.
    pub(super) fn cdf(&self, t: f64, shift: f64) -> f64 {
        let normal = Normal::standard();
        self.nodes.iter().map(|(s, share)| share * normal.cdf(t * s - shift)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.nct.cdf(t, df, nc)`.
    #[test]
    fn noncentral_t_agrees_with_scipy() {
        let expected = [
            (2.1, 2, 0.0, 0.914_725_065_405_016_3),
            (2.0, 8, 1.5, 0.651_853_872_894_671),
            (-2.0, 8, 1.5, 0.000_906_196_624_844_009_2),
            (2.0, 198, 3.0, 0.159_259_774_882_508_8),
            (12.0, 5, 10.0, 0.624_867_186_753_624_5),
            (1.97, 2000, 2.8, 0.203_313_540_354_623_37),
        ];
        for (t, freedom, shift, expected) in expected {
            let found = NoncentralT::new(freedom).cdf(t, shift);
            assert!((found - expected).abs() < 1e-9, "{t} {freedom} {shift}: {found} is not {expected}");
        }
    }

    /// Runs a side of the published tables (Cohen 1988, table 2.4.1; `statsmodels.stats.power.TTestIndPower`) for 80
    /// and 90 %.
    #[test]
    fn runs_agree_with_the_tables() {
        for (effect, eighty, ninety) in [(0.5, 64, 86), (0.8, 26, 34), (1.0, 17, 23), (1.5, 9, 11), (2.0, 6, 7)] {
            assert_eq!([0.8, 0.9].map(|wanted| runs_for(effect, wanted, 0.05)), [Some(eighty), Some(ninety)]);
        }
        assert_eq!(runs_for(0.0, 0.8, 0.05), None);
    }

    /// The detectable effect has the power that was asked for, and no effect is found at the level itself.
    #[test]
    fn the_detectable_effect_inverts_the_power() {
        for runs in [[10, 10], [3, 40]] {
            let effect = detectable_effect(runs, 0.8, 0.05).unwrap();
            assert!((power(effect, runs, 0.05).unwrap() - 0.8).abs() < 1e-9);
            assert!((power(0.0, runs, 0.05).unwrap() - 0.05).abs() < 1e-9);
        }
        assert_eq!(detectable_effect([1, 9], 0.8, 0.05), None);
    }

    /// `statsmodels.stats.power.TTestIndPower().power(effect, n, alpha, ratio=m / n)`.
    #[test]
    fn unequal_sides_agree_with_statsmodels() {
        let expected = [
            (0.8, [5, 20], 0.05, 0.335_077_695_169_129_1),
            (-1.5, [12, 4], 0.05 / 15.0, 0.235_030_234_602_647_7),
            (2.0, [3, 2], 0.01, 0.090_409_349_059_446_32),
            (0.3, [300, 200], 0.05, 0.906_587_116_295_223_2),
        ];
        for (effect, runs, alpha, expected) in expected {
            let found = power(effect, runs, alpha).unwrap();
            assert!((found - expected).abs() < 1e-9, "{effect} {runs:?} {alpha}: {found} is not {expected}");
        }
    }
}
