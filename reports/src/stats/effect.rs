//! Size of a difference in units of the spread: Hedges' g (Hedges 1981).

use super::{Interval, mean, power::NoncentralT, variance};

/// Hedges' g: difference of means over the pooled standard deviation, corrected for its bias in small samples; `None`
/// for fewer than two values on a side or without spread.
pub fn hedges_g(x: &[f64], y: &[f64]) -> Option<f64> {
    let (difference, spread, freedom) = pooled(x, y)?;
    Some(correction(freedom) * difference / spread)
}

/// 95 % interval of Hedges' g for normal values of equal spread: the effects under which the t that was found is at
/// its 97.5 and 2.5 % quantile. `None` as for [`hedges_g`].
pub fn hedges_g_interval(x: &[f64], y: &[f64]) -> Option<Interval> {
    let (difference, spread, freedom) = pooled(x, y)?;
    let scale = (1.0 / x.len() as f64 + 1.0 / y.len() as f64).sqrt();
    let t = difference / spread / scale;
    let noncentral = NoncentralT::new(freedom);
    // P(T ≤ t) falls as the shift grows.
    let shift = |probability: f64| {
        let reach = 10.0 + 2.0 * t.abs();
        let (mut low, mut high) = (t - reach, t + reach);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if noncentral.cdf(t, middle) > probability { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    };
    let unit = correction(freedom) * scale;
    Some(Interval { low: unit * shift(0.975), high: unit * shift(0.025) })
}

/// Difference of means, pooled standard deviation, degrees of freedom.
fn pooled(x: &[f64], y: &[f64]) -> Option<(f64, f64, u64)> {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let squares = variance(x)? * (n - 1.0) + variance(y)? * (m - 1.0);
    let spread = (squares / (n + m - 2.0)).sqrt();
    (spread > 0.0).then(|| (mean(x).unwrap_or(0.0) - mean(y).unwrap_or(0.0), spread, (x.len() + y.len() - 2) as u64))
}

/// Γ(ν/2) / (√(ν/2) Γ((ν - 1)/2)) for ν ≥ 2, from Γ(1)/Γ(1/2) or Γ(3/2)/Γ(1) by Γ(x + 1) = x Γ(x).
fn correction(freedom: u64) -> f64 {
    let target = freedom as f64 / 2.0;
    let root = std::f64::consts::PI.sqrt();
    let (mut half, mut ratio) = if freedom.is_multiple_of(2) { (1.0, 1.0 / root) } else { (1.5, root / 2.0) };
    while half < target {
        ratio *= half / (half - 0.5);
        half += 1.0;
    }
    ratio / target.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: [f64; 5] = [7.01, 6.93, 7.08, 6.55, 7.0];
    const Y: [f64; 4] = [6.2, 6.9, 6.4, 6.6];

    /// By numpy and scipy: the pooled d times `exp(gammaln(3.5) - gammaln(3)) / sqrt(3.5)`, and the interval by
    /// `scipy.optimize.brentq` over `scipy.stats.nct.cdf`.
    #[test]
    fn g_and_its_interval_agree_with_scipy() {
        let found = hedges_g(&X, &Y).unwrap();
        assert!((found - 1.371_241_708_022_222_8).abs() < 1e-10, "{found}");
        let interval = hedges_g_interval(&X, &Y).unwrap();
        assert!(
            (interval.low + 0.027_181_547_585_042_737).abs() < 1e-8
                && (interval.high - 2.700_312_787_207_194_4).abs() < 1e-8,
            "{interval:?}"
        );
    }

    /// Hedges' published approximation 1 - 3/(4 ν - 1) is close from ν = 10 on; without spread there is no g.
    #[test]
    fn the_correction_is_near_its_approximation() {
        for freedom in [10, 11, 100, 1001] {
            let approximation = 1.0 - 3.0 / (4.0 * freedom as f64 - 1.0);
            assert!((correction(freedom) - approximation).abs() < 5e-4, "{freedom}");
        }
        assert_eq!(hedges_g(&[1.0, 1.0], &[2.0, 2.0]), None);
        assert_eq!(hedges_g(&[1.0], &Y), None);
    }
}
