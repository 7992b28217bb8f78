//! Sine and cosine of any finite angle: the angle is reduced to [−π/4, π/4] by an integer product with as many digits
//! of 2/π as its exponent asks for (Payne and Hanek, 1983), so that huge angles are as exact as small ones; then a
//! minimax polynomial.

use super::power::two_product;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

/// (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ as polynomials in r².
const SINE: [f32; 4] = [-0.166_666_67, 0.008_333_379, -0.000_198_530_64, 2.832_510_3e-6];
const COSINE: [f32; 3] = [0.041_666_646, -0.001_388_731, 2.443_232_7e-5];
const SINE_64: [f64; 6] = [
    -0.166_666_666_666_666_3,
    0.008_333_333_333_321_84,
    -0.000_198_412_698_293_585_5,
    2.755_731_353_852_948_5e-6,
    -2.505_073_439_272_395e-8,
    1.589_543_354_463_856_2e-10,
];
const COSINE_64: [f64; 6] = [
    0.041_666_666_666_666_595,
    -0.001_388_888_888_887_330_7,
    2.480_158_728_896_522e-5,
    -2.755_731_420_307_486_6e-7,
    2.087_570_313_888_395_7e-9,
    -1.135_861_697_317_953_3e-11,
];

/// π/2 − (π/2 rounded to f64).
const FRAC_PI_2_LOW: f64 = 6.123_233_995_736_766e-17;

/// π/2 as a sum; the first part has so few digits that products with counts below 2¹³ are exact.
const FRAC_PI_2_HIGH: f64 = 1.5707963267941523;
const FRAC_PI_2_REST: f64 = 7.443547480486623e-13;

/// 2⁻²⁷: below it sin x is x.
const TINY_64: f64 = 7.450_580_596_923_828e-9;

/// The binary digits of 2/π after 64 zeros.
const TWO_OVER_PI: [u64; 21] = [
    0x0000_0000_0000_0000,
    0xa2f9_836e_4e44_1529,
    0xfc27_57d1_f534_ddc0,
    0xdb62_9599_3c43_9041,
    0xfe51_63ab_debb_c561,
    0xb724_6e3a_424d_d2e0,
    0x0649_2eea_09d1_921c,
    0xfe1d_eb1c_b129_a73e,
    0xe882_35f5_2ebb_4484,
    0xe99c_7026_b45f_7e41,
    0x3991_d639_8353_39f4,
    0x9c84_5f8b_bdf9_283b,
    0x1ff8_97ff_de05_980f,
    0xef2f_118b_5a0a_6d1f,
    0x6d36_7ecf_27cb_09b7,
    0x4f46_3f66_9e5f_ea2d,
    0x7527_bac7_ebe5_f17b,
    0x3d07_39f7_8a52_92ea,
    0x6bfb_5fb1_1f8d_5d08,
    0x5603_3046_fc7b_6bab,
    0xf0cf_bc20_9af4_361d,
];

/// Sine of x radians; NaN for ±∞.
#[inline]
pub fn sin(x: f32) -> f32 {
    if x.abs() < 0.000_244_140_63 {
        return x;
    }
    let (r, quadrant) = reduce(x);
    let value = if quadrant & 1 == 0 { sine(r) } else { cosine(r) };
    if quadrant & 2 == 0 { value } else { -value }
}

/// Cosine of x radians; NaN for ±∞.
#[inline]
pub fn cos(x: f32) -> f32 {
    let (r, quadrant) = reduce(x);
    let value = if quadrant & 1 == 0 { cosine(r) } else { sine(r) };
    if (quadrant + 1) & 2 == 0 { value } else { -value }
}

/// Sine of x radians; NaN for ±∞.
#[inline]
pub fn sin64(x: f64) -> f64 {
    if x.abs() < TINY_64 {
        return x;
    }
    let (r, tail, quadrant) = reduce64(x);
    let value = if quadrant & 1 == 0 { sine64(r, tail) } else { cosine64(r, tail) };
    if quadrant & 2 == 0 { value } else { -value }
}

/// Cosine of x radians; NaN for ±∞.
#[inline]
pub fn cos64(x: f64) -> f64 {
    let (r, tail, quadrant) = reduce64(x);
    let value = if quadrant & 1 == 0 { cosine64(r, tail) } else { sine64(r, tail) };
    if (quadrant + 1) & 2 == 0 { value } else { -value }
}

/// Sine and cosine of x radians, as [`sin64`] and [`cos64`] have them; NaN for ±∞.
#[inline]
pub fn sin_cos64(x: f64) -> (f64, f64) {
    if x.abs() <= FRAC_PI_4 {
        // Of so small an angle nothing needs to be reduced, which is most of the work.
        (if x.abs() < TINY_64 { x } else { sine64(x, 0.0) }, cosine64(x, 0.0))
    } else {
        (sin64(x), cos64(x))
    }
}

/// The largest angle of [`cos_near`]: 512 π.
pub const NEAR_ANGLE: f32 = 1_608.495_4;

/// [`cos`] of an angle x with |x| ≤ [`NEAR_ANGLE`], with the same bits, without branches and tables, so that many are worked out
/// side by side.
///
/// The angle is reduced by a product with π/2 in f64, which is exact to the digits that are kept.
#[inline(always)]
pub fn cos_near(x: f32) -> f32 {
    let x = f64::from(x.abs());
    // Adding 1.5·2^52 rounds to an integer, which then stands in the low bits of the sum.
    let rounded = x * std::f64::consts::FRAC_2_PI + 6_755_399_441_055_744.0;
    let quadrant = rounded.to_bits() as u32;
    let turns = rounded - 6_755_399_441_055_744.0;
    let r = ((x - turns * FRAC_PI_2_HIGH) - turns * FRAC_PI_2_REST) as f32;
    let value = if quadrant & 1 == 0 { cosine(r) } else { sine(r) };
    if (quadrant + 1) & 2 == 0 { value } else { -value }
}

#[inline]
fn sine(r: f32) -> f32 {
    let z = r * r;
    r + r * z * ((SINE[0] + z * SINE[1]) + z * z * (SINE[2] + z * SINE[3]))
}

#[inline]
fn cosine(r: f32) -> f32 {
    let z = r * r;
    let half = 0.5 * z;
    let first = 1.0 - half;
    first + (((1.0 - first) - half) + z * z * (COSINE[0] + z * (COSINE[1] + z * COSINE[2])))
}

/// sin(r + tail).
#[inline]
fn sine64(r: f64, tail: f64) -> f64 {
    let z = r * r;
    let w = z * z;
    let c = SINE_64;
    let series = (c[0] + z * c[1]) + w * ((c[2] + z * c[3]) + w * (c[4] + z * c[5]));
    r + (r * z * series + tail * (1.0 - 0.5 * z))
}

/// cos(r + tail).
#[inline]
fn cosine64(r: f64, tail: f64) -> f64 {
    let z = r * r;
    let w = z * z;
    let c = COSINE_64;
    let series = (c[0] + z * c[1]) + w * ((c[2] + z * c[3]) + w * (c[4] + z * c[5]));
    let half = 0.5 * z;
    let first = 1.0 - half;
    first + (((1.0 - first) - half) + (w * series - r * tail))
}

/// (r, q) with x = r + q·π/2 up to a multiple of 2π and |r| ≤ π/4.
#[inline]
fn reduce(x: f32) -> (f32, u32) {
    let magnitude = x.abs();
    if magnitude <= FRAC_PI_4 as f32 {
        return (x, 0);
    }
    if !magnitude.is_finite() {
        return (f32::NAN, 0);
    }
    let bits = magnitude.to_bits();
    let mantissa = u64::from(bits & 0x007f_ffff | 0x0080_0000);
    // x = mantissa·2^(exponent − 150); digits of 2/π worth a multiple of 4 after the product are left out, so the
    // product has two binary digits (the quadrant) before the point.
    let first = (bits >> 23) + 62 - 150;
    let window = |word: u32| digits(first + 64 * word);
    let turns = mantissa.wrapping_mul(window(0)).wrapping_add((mantissa * (window(1) >> 32)) >> 32);
    let quadrant = turns.wrapping_add(1 << 61) >> 62;
    let remainder = turns.wrapping_sub(quadrant << 62) as i64;
    let r = (remainder as f64 * (FRAC_PI_2 / 4_611_686_018_427_387_904.0)) as f32;
    if x < 0.0 { (-r, (4 - quadrant as u32) & 3) } else { (r, quadrant as u32) }
}

/// (r, tail, q) with x = r + tail + q·π/2 up to a multiple of 2π and |r| ≤ π/4.
#[inline]
fn reduce64(x: f64) -> (f64, f64, u32) {
    let magnitude = x.abs();
    if magnitude <= FRAC_PI_4 {
        return (x, 0.0, 0);
    }
    if !magnitude.is_finite() {
        return (f64::NAN, 0.0, 0);
    }
    let bits = magnitude.to_bits();
    let mantissa = u128::from(bits & 0x000f_ffff_ffff_ffff | 0x0010_0000_0000_0000);
    let first = (bits >> 52) as u32 + 62 - 1075;
    let window = |word: u32| u128::from(digits(first + 64 * word));
    let turns =
        ((mantissa * window(0)) << 64).wrapping_add(mantissa * window(1)).wrapping_add((mantissa * window(2)) >> 64);
    let quadrant = turns.wrapping_add(1 << 125) >> 126;
    let remainder = turns.wrapping_sub(quadrant << 126) as i128;
    const UNIT: f64 = 1.0 / 85_070_591_730_234_615_865_843_651_857_942_052_864.0;
    let high = remainder as f64;
    let low = (remainder - high as i128) as f64 * UNIT;
    let high = high * UNIT;
    let (product, error) = two_product(high, FRAC_PI_2);
    let rest = error + (high * FRAC_PI_2_LOW + low * FRAC_PI_2);
    let r = product + rest;
    let tail = rest - (r - product);
    if x < 0.0 { (-r, -tail, (4 - quadrant as u32) & 3) } else { (r, tail, quadrant as u32) }
}

/// 64 digits of `TWO_OVER_PI` from this one on.
#[inline]
fn digits(first: u32) -> u64 {
    let (word, shift) = ((first / 64) as usize, first % 64);
    TWO_OVER_PI[word] << shift | TWO_OVER_PI[word + 1] >> 1 >> (63 - shift)
}
