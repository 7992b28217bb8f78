//! ln x = k·ln 2 + ln(1 + f) with x = 2^k·(1 + f) and 1 + f in [√½, √2): with s = f/(2 + f),
//! ln(1 + f) = 2·artanh s = f − f²/2 + s·(f²/2 + R(s²)), R a minimax polynomial (the arrangement of Sun's fdlibm,
//! which keeps f, the exact part, apart).

use super::bits::{exponent_and_mantissa, exponent_and_mantissa64};
use super::exponential::{LN_2_HIGH, LN_2_HIGH_64, LN_2_LOW, LN_2_LOW_64};

/// (2·artanh s − 2s)/s³ as a polynomial in s².
const ARTANH: [f32; 4] = [0.666_666_6, 0.400_009_72, 0.284_987_96, 0.242_786_82];
const ARTANH_64: [f64; 7] = [
    0.666_666_666_666_673_5,
    0.399_999_999_994_093_36,
    0.285_714_287_436_924_7,
    0.222_221_984_281_931_88,
    0.181_835_724_023_443_2,
    0.153_138_308_276_532_83,
    0.147_982_730_320_505_57,
];

/// Natural logarithm; −∞ at ±0, NaN below 0.
#[inline]
pub fn ln(x: f32) -> f32 {
    if x > 0.0 && x < f32::INFINITY {
        let (k, m) = exponent_and_mantissa(x);
        ln_of_parts(k, m - 1.0, 0.0)
    } else {
        outside(x.into()) as f32
    }
}

/// Natural logarithm; −∞ at ±0, NaN below 0.
#[inline]
pub fn ln64(x: f64) -> f64 {
    if x > 0.0 && x < f64::INFINITY {
        let (k, m) = exponent_and_mantissa64(x);
        ln_of_parts64(k, m - 1.0, 0.0)
    } else {
        outside(x)
    }
}

/// ln(1 + x), exact to the last digits where x is small; −∞ at −1, NaN below.
#[inline]
pub fn log1p(x: f32) -> f32 {
    if x > -0.292 && x < 0.414 {
        return if x == 0.0 { x } else { ln_of_parts(0.0, x, 0.0) };
    }
    let sum = 1.0 + x;
    if sum > 0.0 && sum < f32::INFINITY {
        let lost = if x < 1.0 { x - (sum - 1.0) } else { 1.0 - (sum - x) };
        let (k, m) = exponent_and_mantissa(sum);
        ln_of_parts(k, m - 1.0, lost / sum)
    } else {
        outside(sum.into()) as f32
    }
}

/// ln(1 + x), exact to the last digits where x is small; −∞ at −1, NaN below.
#[inline]
pub fn log1p64(x: f64) -> f64 {
    if x > -0.292 && x < 0.414 {
        return if x == 0.0 { x } else { ln_of_parts64(0.0, x, 0.0) };
    }
    let sum = 1.0 + x;
    if sum > 0.0 && sum < f64::INFINITY {
        let lost = if x < 1.0 { x - (sum - 1.0) } else { 1.0 - (sum - x) };
        let (k, m) = exponent_and_mantissa64(sum);
        ln_of_parts64(k, m - 1.0, lost / sum)
    } else {
        outside(sum)
    }
}

/// The logarithm where it is no finite number.
#[cold]
fn outside(x: f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x > 0.0 {
        x
    } else {
        f64::NAN
    }
}

/// k·ln 2 + ln(1 + f) + correction.
#[inline]
fn ln_of_parts(k: f32, f: f32, correction: f32) -> f32 {
    let s = f / (2.0 + f);
    let z = s * s;
    let rest = z * ((ARTANH[0] + z * ARTANH[1]) + z * z * (ARTANH[2] + z * ARTANH[3]));
    let half_square = 0.5 * f * f;
    k * LN_2_HIGH - ((half_square - (s * (half_square + rest) + (k * LN_2_LOW + correction))) - f)
}

/// k·ln 2 + ln(1 + f) + correction.
#[inline]
fn ln_of_parts64(k: f64, f: f64, correction: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let c = ARTANH_64;
    let rest = z * (((c[0] + z * c[1]) + w * (c[2] + z * c[3])) + w * w * ((c[4] + z * c[5]) + w * c[6]));
    let half_square = 0.5 * f * f;
    k * LN_2_HIGH_64 - ((half_square - (s * (half_square + rest) + (k * LN_2_LOW_64 + correction))) - f)
}
