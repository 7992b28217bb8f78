//! x^y = e^(y·ln x). In f64 the logarithm and its product with y are carried as sums of two numbers, because an error
//! of one part in 2^53 in an exponent of 700 would be an error of 700 units in the result.

use super::bits::exponent_and_mantissa64;
use super::exponential::{LN_2_HIGH_64, LN_2_LOW_64, exp_of_sum, exp64};
use super::logarithm::ln64;

/// x^y with the special cases of IEEE 754 `pow`: 1 for y = ±0 or x = 1, NaN for a negative x and a y that is no
/// integer.
#[inline]
pub fn pow(x: f32, y: f32) -> f32 {
    let (base, exponent) = (f64::from(x), f64::from(y));
    if x > 0.0 && x < f32::INFINITY && exponent.abs() < f64::INFINITY {
        return exp64(exponent * ln64(base)) as f32;
    }
    power_of_special(base, exponent, |magnitude| exp64(exponent * ln64(magnitude))) as f32
}

/// x^y with the special cases of IEEE 754 `pow`: 1 for y = ±0 or x = 1, NaN for a negative x and a y that is no
/// integer.
#[inline]
pub fn pow64(x: f64, y: f64) -> f64 {
    if x > 0.0 && x < f64::INFINITY && y.abs() < f64::INFINITY {
        return power_of_positive(x, y);
    }
    power_of_special(x, y, |magnitude| power_of_positive(magnitude, y))
}

/// x^n by repeated squaring: at most 2·log₂ n roundings follow one another, which multiply to a relative error of at
/// most about n·2^−53.
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

/// x^y where x is not positive and finite or y is not finite; `finite` gives |x|^y for finite |x| > 0.
#[cold]
fn power_of_special(x: f64, y: f64, finite: impl Fn(f64) -> f64) -> f64 {
    if y == 0.0 || x == 1.0 {
        return 1.0;
    }
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let magnitude = x.abs();
    if y.is_infinite() {
        return match magnitude == 1.0 {
            true => 1.0,
            false if (magnitude > 1.0) == (y > 0.0) => f64::INFINITY,
            false => 0.0,
        };
    }
    let integer = y == y.trunc();
    let odd = integer && (0.5 * y) != (0.5 * y).trunc();
    let power = if magnitude == 0.0 || magnitude == f64::INFINITY {
        if (magnitude == 0.0) == (y > 0.0) { 0.0 } else { f64::INFINITY }
    } else if integer {
        finite(magnitude)
    } else {
        return f64::NAN;
    };
    if x.is_sign_negative() && odd { -power } else { power }
}

/// x^y for finite x > 0 and finite y.
#[inline]
fn power_of_positive(x: f64, y: f64) -> f64 {
    let (high, low) = ln_as_sum(x);
    let estimate = y * high;
    if estimate.abs() >= 800.0 {
        return exp64(estimate);
    }
    let (product, error) = two_product(y, high);
    exp_of_sum(product, error + y * low)
}

/// 2/3 as a sum, and (2·artanh s − 2s − 2s³/3)/s⁵ as a polynomial in s².
const CUBE: (f64, f64) = (0.666_666_666_666_666_6, 3.700_743_415_417_188e-17);
const AFTER_CUBE: [f64; 8] = [
    0.399_999_999_999_999_8,
    0.285_714_285_714_438_7,
    0.222_222_222_177_786_03,
    0.181_818_188_457_359_73,
    0.153_845_582_906_455_67,
    0.133_362_703_657_103_5,
    0.116_756_525_689_780_86,
    0.119_828_820_484_094_11,
];

/// ln x as a sum of two numbers, to about 2^−64 of its size, for finite x > 0.
#[inline]
fn ln_as_sum(x: f64) -> (f64, f64) {
    let (k, m) = exponent_and_mantissa64(x);
    let f = m - 1.0;
    let (sum, sum_low) = two_sum(m, 1.0);
    let s = f / sum;
    let (product, error) = two_product(s, sum);
    let s_low = (((f - product) - error) - s * sum_low) / sum;

    let (z, error) = two_product(s, s);
    let z_low = error + 2.0 * s * s_low;
    let c = AFTER_CUBE;
    let w = z * z;
    let after = ((c[0] + z * c[1]) + w * (c[2] + z * c[3])) + w * w * ((c[4] + z * c[5]) + w * (c[6] + z * c[7]));
    let (factor, factor_low) = fast_two_sum(CUBE.0, z * after);
    let factor_low = factor_low + CUBE.1;

    let (square_term, error) = two_product(z, factor);
    let square_low = error + (z * factor_low + z_low * factor);
    let (cube_term, error) = two_product(s, square_term);
    let cube_low = error + (s * square_low + s_low * square_term);

    let (high, low) = fast_two_sum(2.0 * s, cube_term);
    let low = low + (2.0 * s_low + cube_low);
    let (high, carried) = two_sum(k * LN_2_HIGH_64, high);
    fast_two_sum(high, carried + (low + k * LN_2_LOW_64))
}

/// a + b as (rounded, error), for |a| ≥ |b| or a = 0.
#[inline]
fn fast_two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    (sum, b - (sum - a))
}

/// a + b as (rounded, error) (Knuth).
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// a·b as (rounded, error) (Dekker, with Veltkamp's splitting), for factors below 2^970 and an exact error term.
#[inline]
pub(super) fn two_product(a: f64, b: f64) -> (f64, f64) {
    let halves = |x: f64| {
        let scaled = x * 134_217_729.0;
        let high = scaled - (scaled - x);
        (high, x - high)
    };
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    let product = a * b;
    (product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low))
}
