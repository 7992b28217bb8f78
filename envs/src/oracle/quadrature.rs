//! Means over a uniform draw, by Simpson's rule.

/// Even number of parts of the interval.
const PARTS: u32 = 4096;

/// The mean of every component of `f` over a uniform draw from [`low`, `high`], for functions with four bounded
/// derivatives: the error is h^4/180 times the largest fourth derivative, h the 4096th part of the interval.
pub fn uniform_mean<const N: usize>(f: impl Fn(f64) -> [f64; N], low: f64, high: f64) -> [f64; N] {
    mean_of_parts(PARTS, f, low, high)
}

/// As [`uniform_mean`] over two independent draws, with `parts` (even) parts of each interval.
pub fn uniform_mean_2(parts: u32, f: impl Fn(f64, f64) -> f64, [a, b]: [[f64; 2]; 2]) -> f64 {
    let inner = |x: f64| mean_of_parts(parts, |y| [f(x, y)], b[0], b[1]);
    mean_of_parts(parts, inner, a[0], a[1])[0]
}

/// As [`uniform_mean`], with `parts` (even) parts of the interval.
pub fn mean_of_parts<const N: usize>(parts: u32, f: impl Fn(f64) -> [f64; N], low: f64, high: f64) -> [f64; N] {
    let mut mean = [0.0; N];
    for part in 0..=parts {
        let share = match part {
            0 => 1.0,
            last if last == parts => 1.0,
            _ => f64::from(2 + 2 * (part % 2)),
        } / f64::from(3 * parts);
        let value = f(low + (high - low) * f64::from(part) / f64::from(parts));
        mean.iter_mut().zip(value).for_each(|(sum, value)| *sum += share * value);
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::exp64;

    /// Cubic polynomials are exact, and so, to rounding, is anything as smooth as the exponential function.
    #[test]
    fn means_of_smooth_functions_are_exact() {
        let [cubic, growth] = uniform_mean(|x| [4.0 * x * x * x, exp64(x)], 0.0, 2.0);
        assert!((cubic - 8.0).abs() < 1e-12 && (growth - (exp64(2.0) - 1.0) / 2.0).abs() < 1e-12);
        let product = uniform_mean_2(64, |x, y| exp64(x) * y * y, [[0.0, 1.0], [0.0, 3.0]]);
        assert!((product - 3.0 * (exp64(1.0) - 1.0)).abs() < 1e-8);
    }
}
