//! How many runs a claim needs, before they are spent: power of the two-sided two-sample t test with equal numbers.
//!
//! Under an effect d (difference of means over the common standard deviation) t has the noncentral t distribution with
//! noncentrality d √(n/2) and 2 n - 2 degrees of freedom (Cohen 1988).

use statrs::distribution::{Chi, Continuous, ContinuousCDF, Normal};

use super::student;

/// Most runs that [`runs_for`] looks for.
const MOST_RUNS: u32 = 1_000_000;

/// Probability that the test with `n` runs a side finds an effect of `effect` standard deviations at level `alpha`;
/// `None` for fewer than two runs.
pub fn power(effect: f64, n: u32, alpha: f64) -> Option<f64> {
    if n < 2 {
        return None;
    }
    let freedom = 2 * (u64::from(n) - 1);
    let shift = effect * (f64::from(n) / 2.0).sqrt();
    let limit = student(freedom as f64).inverse_cdf(1.0 - alpha / 2.0);
    let noncentral = NoncentralT::new(freedom);
    Some(1.0 - noncentral.cdf(limit, shift) + noncentral.cdf(-limit, shift))
}

/// Fewest runs a side with at least this power; `None` beyond a million.
pub fn runs_for(effect: f64, wanted: f64, alpha: f64) -> Option<u32> {
    let enough = |n: u32| power(effect, n, alpha).is_some_and(|power| power >= wanted);
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

/// Smallest effect that `n` runs a side find with this power; `None` for fewer than two runs.
pub fn detectable_effect(n: u32, wanted: f64, alpha: f64) -> Option<f64> {
    power(0.0, n, alpha)?;
    let mut high = 1.0;
    while power(high, n, alpha)? < wanted && high < 1e6 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if power(middle, n, alpha)? < wanted { low = middle } else { high = middle }
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
        let effect = detectable_effect(10, 0.8, 0.05).unwrap();
        assert!((power(effect, 10, 0.05).unwrap() - 0.8).abs() < 1e-9);
        assert!((power(0.0, 10, 0.05).unwrap() - 0.05).abs() < 1e-9);
        assert_eq!(detectable_effect(1, 0.8, 0.05), None);
    }
}
