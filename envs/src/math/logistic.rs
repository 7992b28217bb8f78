//! Functions of e^x that keep their relative exactness in both tails.

use super::exponential::{exp, exp64};
use super::logarithm::{log1p, log1p64};

/// (tanh x − x)/x³ as a polynomial in x² for |x| < 0.55.
const TANH: [f32; 6] = [-0.333_333_3, 0.133_332_27, -0.053_949_15, 0.021_711_394, -0.008_194_239, 0.002_145_169];
const TANH_64: [f64; 11] = [
    -0.333_333_333_333_333,
    0.133_333_333_333_265_72,
    -0.053_968_253_963_729_05,
    0.021_869_488_384_884_554,
    -0.008_863_232_584_602_624,
    0.003_592_091_852_112_691_6,
    -0.001_455_541_649_056_485_7,
    0.000_588_439_376_108_481_3,
    -0.000_233_368_112_333_150_72,
    8.329_654_527_153_137e-5,
    -1.948_203_113_325_575_4e-5,
];

/// 1/(1 + e^−x), also where it is tiny.
#[inline]
pub fn sigmoid(x: f32) -> f32 {
    // In f64, because three f32 roundings in a row can exceed 2 units in the last place.
    let power = f64::from(exp(-x.abs()));
    let numerator = if x < 0.0 { power } else { 1.0 };
    (numerator / (1.0 + power)) as f32
}

/// 1/(1 + e^−x), also where it is tiny.
#[inline]
pub fn sigmoid64(x: f64) -> f64 {
    let power = exp64(-x.abs());
    let numerator = if x < 0.0 { power } else { 1.0 };
    numerator / (1.0 + power)
}

/// ln(1 + e^x), without overflow and also where it is tiny.
#[inline]
pub fn softplus(x: f32) -> f32 {
    let above = if x > 0.0 { x } else { 0.0 };
    above + log1p(exp(-x.abs()))
}

/// ln(1 + e^x), without overflow and also where it is tiny.
#[inline]
pub fn softplus64(x: f64) -> f64 {
    let above = if x > 0.0 { x } else { 0.0 };
    above + log1p64(exp64(-x.abs()))
}

/// Hyperbolic tangent.
#[inline]
pub fn tanh(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude < 0.55 {
        let z = x * x;
        let series = (TANH[0] + z * TANH[1]) + z * z * ((TANH[2] + z * TANH[3]) + z * z * (TANH[4] + z * TANH[5]));
        return if z == 0.0 { x } else { x + x * z * series };
    }
    let value = 1.0 - 2.0 / (exp(2.0 * magnitude) + 1.0);
    if x < 0.0 { -value } else { value }
}

/// Hyperbolic tangent.
#[inline]
pub fn tanh64(x: f64) -> f64 {
    let magnitude = x.abs();
    if magnitude < 0.55 {
        let z = x * x;
        let w = z * z;
        let c = TANH_64;
        let upper = (c[8] + z * c[9]) + w * c[10];
        let middle = (c[4] + z * c[5]) + w * (c[6] + z * c[7]);
        let series = ((c[0] + z * c[1]) + w * (c[2] + z * c[3])) + w * w * (middle + w * w * upper);
        return if z == 0.0 { x } else { x + x * z * series };
    }
    let value = 1.0 - 2.0 / (exp64(2.0 * magnitude) + 1.0);
    if x < 0.0 { -value } else { value }
}
