//! The normal quantile and Lambert's function, in f64; the f32 forms round the f64 result.

use super::exponential::exp64;
use super::logarithm::ln64;

// The coefficients of AS 241. In the centre its ratio is written as the value at |p − ½| = 0.425 minus a correction,
// which halves the rounding error.
pub(super) const CENTRE: f64 = 0.425;
const EDGE: (f64, f64) = (3.387_132_872_796_366_5, 6.296_821_239_066_775e-17);
const CENTRE_ABOVE: [f64; 8] = [
    10.179_205_485_111_815,
    356.002_752_528_361,
    4_539.164_900_965_688,
    25_931.986_104_094_325,
    65_875.295_097_939_55,
    63_878.655_117_260_85,
    15_193.753_039_787_394,
    0.0,
];
const CENTRE_BELOW: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];
const TAIL_ABOVE: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    0.000_774_545_014_278_341_4,
];
const TAIL_BELOW: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    0.000_547_593_808_499_534_5,
    1.050_750_071_644_416_9e-9,
];
const FAR_ABOVE: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const FAR_BELOW: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    0.000_786_869_131_145_613_3,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_7e-15,
];

/// The z with Φ(z) = p, Φ the standard normal distribution function; −∞ at 0, ∞ at 1, NaN outside [0, 1].
#[inline]
pub fn normal_quantile(p: f32) -> f32 {
    normal_quantile64(p.into()) as f32
}

/// The z with Φ(z) = p, Φ the standard normal distribution function; −∞ at 0, ∞ at 1, NaN outside [0, 1].
///
/// Wichura: "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988).
pub fn normal_quantile64(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= CENTRE {
        return in_centre(q);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let magnitude = if tail > 0.0 {
        let r = (-ln64(tail)).sqrt();
        if r <= 5.0 {
            polynomial(r - 1.6, TAIL_ABOVE) / polynomial(r - 1.6, TAIL_BELOW)
        } else {
            polynomial(r - 5.0, FAR_ABOVE) / polynomial(r - 5.0, FAR_BELOW)
        }
    } else if tail == 0.0 {
        f64::INFINITY
    } else {
        f64::NAN
    };
    if q < 0.0 { -magnitude } else { magnitude }
}

/// The quantile at p = q + ½ for |q| ≤ [`CENTRE`].
#[inline(always)]
pub(super) fn in_centre(q: f64) -> f64 {
    let x = 0.180625 - q * q;
    q * (EDGE.0 + (EDGE.1 - x * (polynomial(x, CENTRE_ABOVE) / polynomial(x, CENTRE_BELOW))))
}

/// The standard normal distribution function, to 1e-15 absolutely (Marsaglia 2004, "Evaluating the normal
/// distribution": Φ(x) = 1/2 + φ(x) (x + x³/3 + x⁵/(3·5) + …)).
pub fn normal_cdf64(x: f64) -> f64 {
    if x > 9.0 {
        return 1.0;
    }
    if x < -9.0 {
        return 0.0;
    }
    let (mut sum, mut term, mut odd) = (x, x, 1.0);
    loop {
        odd += 2.0;
        term *= x * x / odd;
        let next = sum + term;
        if next == sum || x.is_nan() {
            return 0.5 + sum * super::exp64(-0.5 * x * x) * 0.398_942_280_401_432_7;
        }
        sum = next;
    }
}

/// W(e^y), W the main branch of Lambert's function: the w > 0 with w + ln w = y.
#[inline]
pub fn lambert_w_exp(y: f32) -> f32 {
    lambert_w_exp64(y.into()) as f32
}

/// W(e^y), W the main branch of Lambert's function: the w > 0 with w + ln w = y; e^y itself never overflows.
///
/// Newton's method, on w + ln w = y for y ≥ −1 and on w·e^w = e^y below, where ln w would carry the error.
pub fn lambert_w_exp64(y: f64) -> f64 {
    if y >= 1e300 || y.is_nan() {
        return y;
    }
    if y < -1.0 {
        let argument = exp64(y);
        let mut w = argument / (1.0 + argument);
        for _ in 0..3 {
            let power = argument * exp64(-w);
            w -= (w - power) / (1.0 + power);
        }
        return w;
    }
    let mut w = if y < 2.0 {
        0.567 + y * (0.362 + y * (0.0737 - y * 0.0013))
    } else {
        let log = ln64(y);
        y - log + log / y
    };
    for _ in 0..4 {
        w -= (w + ln64(w) - y) * (w / (1.0 + w));
    }
    w
}

/// c₀ + c₁x + … + c₇x⁷.
#[inline]
fn polynomial(x: f64, c: [f64; 8]) -> f64 {
    let square = x * x;
    let lower = (c[0] + x * c[1]) + square * (c[2] + x * c[3]);
    let upper = (c[4] + x * c[5]) + square * (c[6] + x * c[7]);
    lower + square * square * upper
}
