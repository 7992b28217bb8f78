//! Elementary functions with one definition: additions, subtractions, multiplications, divisions and square roots of
//! IEEE numbers in a fixed order, so that every machine gives the same bits.
//!
//! No function of the platform's library is called and nothing is fused. A name without suffix takes and gives `f32`,
//! the suffix `64` means `f64`.

use std::f64::consts::LOG2_E;

/// e^x.
#[inline]
pub fn exp(x: f32) -> f32 {
    exp64(f64::from(x)) as f32
}

/// e^x.
#[inline]
pub fn exp64(x: f64) -> f64 {
    if !(x < 710.0) {
        return if x.is_nan() { x } else { f64::INFINITY };
    }
    if x < -746.0 {
        return 0.0;
    }
    let shifted = x * LOG2_E + 6755399441055744.0;
    let k = shifted - 6755399441055744.0;
    let r = (x - k * 6.93147180369123816490e-1) - k * 1.90821492927058770002e-10;
    let mut sum = 1.0 / 6227020800.0;
    for inverse in [
        1.0 / 479001600.0,
        1.0 / 39916800.0,
        1.0 / 3628800.0,
        1.0 / 362880.0,
        1.0 / 40320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + inverse;
    }
    let half = (k as i64) >> 1;
    let rest = k as i64 - half;
    sum * f64::from_bits(((half + 1023) as u64) << 52) * f64::from_bits(((rest + 1023) as u64) << 52)
}

/// Natural logarithm; −∞ at 0, NaN below.
#[inline]
pub fn ln(x: f32) -> f32 {
    ln64(f64::from(x)) as f32
}

/// Natural logarithm; −∞ at 0, NaN below.
#[inline]
pub fn ln64(x: f64) -> f64 {
    if !(x > 0.0) {
        return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    if x == f64::INFINITY {
        return x;
    }
    let (x, bias) = if x < f64::MIN_POSITIVE { (x * 18014398509481984.0, 1077) } else { (x, 1023) };
    let bits = x.to_bits();
    let mut k = (bits >> 52) as i64 - bias;
    let mut m = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
    if m > std::f64::consts::SQRT_2 {
        m *= 0.5;
        k += 1;
    }
    let f = m - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut sum = 0.0;
    let mut odd = 23.0;
    while odd > 1.0 {
        sum = (sum + 2.0 / odd) * z;
        odd -= 2.0;
    }
    let half = 0.5 * f * f;
    let k = k as f64;
    k * 6.93147180369123816490e-1 - ((half - (s * (half + sum) + k * 1.90821492927058770002e-10)) - f)
}

/// ln(1 + x).
#[inline]
pub fn log1p(x: f32) -> f32 {
    log1p64(f64::from(x)) as f32
}

/// ln(1 + x).
#[inline]
pub fn log1p64(x: f64) -> f64 {
    let u = 1.0 + x;
    if u == 1.0 {
        x
    } else if u == f64::INFINITY {
        u
    } else {
        ln64(u) * (x / (u - 1.0))
    }
}

/// x^y.
#[inline]
pub fn pow(x: f32, y: f32) -> f32 {
    pow64(f64::from(x), f64::from(y)) as f32
}

/// x^y.
#[inline]
pub fn pow64(x: f64, y: f64) -> f64 {
    if y == 0.0 || x == 1.0 { 1.0 } else { exp64(y * ln64(x)) }
}

/// x^n by repeated squaring.
#[inline]
pub fn powi64(x: f64, n: u32) -> f64 {
    let (mut power, mut square, mut left) = (1.0, x, n);
    while left > 0 {
        if left & 1 == 1 {
            power *= square;
        }
        square *= square;
        left >>= 1;
    }
    power
}

fn quadrant(x: f64) -> (f64, f64, i64) {
    let k = (x * std::f64::consts::FRAC_2_PI + 6755399441055744.0) - 6755399441055744.0;
    let r = ((x - k * 1.57079632673412561417e0) - k * 6.07710050630396597660e-11) - k * 2.02226624879595063154e-21;
    let z = r * r;
    let (mut sine, mut cosine, mut n) = (0.0, 0.0, 20.0);
    while n > 0.0 {
        sine = 1.0 - sine * z / (n * (n + 1.0));
        cosine = 1.0 - cosine * z / (n * (n - 1.0));
        n -= 2.0;
    }
    (sine * r, cosine, k as i64 & 3)
}

/// Sine of x radians.
#[inline]
pub fn sin(x: f32) -> f32 {
    sin64(f64::from(x)) as f32
}

/// Sine of x radians.
#[inline]
pub fn sin64(x: f64) -> f64 {
    let (sine, cosine, quarter) = quadrant(x);
    match quarter {
        0 => sine,
        1 => cosine,
        2 => -sine,
        _ => -cosine,
    }
}

/// Cosine of x radians.
#[inline]
pub fn cos(x: f32) -> f32 {
    cos64(f64::from(x)) as f32
}

/// Cosine of x radians.
#[inline]
pub fn cos64(x: f64) -> f64 {
    let (sine, cosine, quarter) = quadrant(x);
    match quarter {
        0 => cosine,
        1 => -sine,
        2 => -cosine,
        _ => sine,
    }
}

/// 1/(1 + e^−x).
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    sigmoid64(f64::from(x)) as f32
}

/// 1/(1 + e^−x).
#[inline]
pub fn sigmoid64(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + exp64(-x))
    } else {
        let e = exp64(x);
        e / (1.0 + e)
    }
}

/// ln(1 + e^x).
#[inline]
pub fn softplus(x: f32) -> f32 {
    softplus64(f64::from(x)) as f32
}

/// ln(1 + e^x).
#[inline]
pub fn softplus64(x: f64) -> f64 {
    if x > 0.0 { x + log1p64(exp64(-x)) } else { log1p64(exp64(x)) }
}

/// Hyperbolic tangent.
#[inline]
pub fn tanh(x: f32) -> f32 {
    tanh64(f64::from(x)) as f32
}

/// Hyperbolic tangent.
#[inline]
pub fn tanh64(x: f64) -> f64 {
    let a = x.abs();
    if a < 1e-3 {
        let z = x * x;
        return x * (1.0 - z * (1.0 / 3.0 - z * (2.0 / 15.0)));
    }
    let t = 1.0 - 2.0 / (exp64(2.0 * a) + 1.0);
    if x < 0.0 { -t } else { t }
}

/// The z with Φ(z) = p for p in (0, 1); ∓∞ at 0 and 1, NaN outside.
#[inline]
pub fn normal_quantile(p: f32) -> f32 {
    normal_quantile64(f64::from(p)) as f32
}

/// The z with Φ(z) = p for p in (0, 1); ∓∞ at 0 and 1, NaN outside (Wichura 1988, algorithm AS 241).
pub fn normal_quantile64(p: f64) -> f64 {
    fn ratio(x: f64, numerator: [f64; 8], denominator: [f64; 8]) -> f64 {
        let horner = |c: [f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
        horner(numerator) / horner(denominator)
    }
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(
            0.180625 - q * q,
            [
                3.3871328727963666080e0,
                1.3314166789178437745e2,
                1.9715909503065514427e3,
                1.3731693765509461125e4,
                4.5921953931549871457e4,
                6.7265770927008700853e4,
                3.3430575583588128105e4,
                2.5090809287301226727e3,
            ],
            [
                1.0,
                4.2313330701600911252e1,
                6.8718700749205790830e2,
                5.3941960214247511077e3,
                2.1213794301586595867e4,
                3.9307895800092710610e4,
                2.8729085735721942674e4,
                5.2264952788528545610e3,
            ],
        );
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    if !(tail > 0.0) {
        return if tail == 0.0 { if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY } } else { f64::NAN };
    }
    let r = (-ln64(tail)).sqrt();
    let z = if r <= 5.0 {
        ratio(
            r - 1.6,
            [
                1.42343711074968357734e0,
                4.63033784615654529590e0,
                5.76949722146069140550e0,
                3.64784832476320460504e0,
                1.27045825245236838258e0,
                2.41780725177450611770e-1,
                2.27238449892691845833e-2,
                7.74545014278341407640e-4,
            ],
            [
                1.0,
                2.05319162663775882187e0,
                1.67638483018380384940e0,
                6.89767334985100004550e-1,
                1.48103976427480074590e-1,
                1.51986665636164571966e-2,
                5.47593808499534494600e-4,
                1.05075007164441684324e-9,
            ],
        )
    } else {
        ratio(
            r - 5.0,
            [
                6.65790464350110377720e0,
                5.46378491116411436990e0,
                1.78482653991729133580e0,
                2.96560571828504891230e-1,
                2.65321895265761230930e-2,
                1.24266094738807843860e-3,
                2.71155556874348757815e-5,
                2.01033439929228813265e-7,
            ],
            [
                1.0,
                5.99832206555887937690e-1,
                1.36929880922735805310e-1,
                1.48753612908506148525e-2,
                7.86869131145613259100e-4,
                1.84631831751005468180e-5,
                1.42151175831644588870e-7,
                2.04426310338993978564e-15,
            ],
        )
    };
    if q < 0.0 { -z } else { z }
}

/// W(e^y), the w > 0 with w + ln w = y (Lambert's function without overflow).
#[inline]
pub fn lambert_w_exp(y: f32) -> f32 {
    lambert_w_exp64(f64::from(y)) as f32
}

/// W(e^y), the w > 0 with w + ln w = y (Lambert's function without overflow), by Newton's method.
pub fn lambert_w_exp64(y: f64) -> f64 {
    if !(y > -700.0 && y < 1e300) {
        return if y < 0.0 { exp64(y) } else { y };
    }
    let mut w = if y > 1.5 {
        y - ln64(y)
    } else {
        let e = exp64(y);
        e / (1.0 + e)
    };
    for _ in 0..6 {
        w -= (w + ln64(w) - y) / (1.0 + 1.0 / w);
    }
    w
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Free points of each function.
    #[test]
    fn known_points() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(ln(1.0), 0.0);
        assert!((lambert_w_exp64(1.0) - 1.0).abs() < 1e-15);
        assert!((normal_quantile64(0.975) - 1.959963984540054).abs() < 1e-15);
        assert!((tanh64(0.5) - 0.46211715726000975).abs() < 1e-15);
        assert!((sin64(1.0) - 0.8414709848078965).abs() < 1e-15);
        assert!((cos64(4.0) + 0.6536436208636119).abs() < 1e-15);
    }
}
