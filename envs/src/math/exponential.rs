//! e^x = 2^k·e^r with k = round(x/ln 2): e^r is a minimax polynomial on |r| ≤ ln 2 / 2 whose terms above the first
//! are added as corrections to 1 + r.

use super::bits::{power_of_two, power_of_two64};
use std::f32::consts::LOG2_E;

/// ln 2 as a sum; the high parts have so few digits that k times them is exact.
pub(super) const LN_2_HIGH: f32 = 0.693_145_75;
pub(super) const LN_2_LOW: f32 = 1.428_606_8e-6;
pub(super) const LN_2_HIGH_64: f64 = 0.693_147_180_369_123_8;
pub(super) const LN_2_LOW_64: f64 = 1.908_214_929_270_587_7e-10;

/// Adding 1.5·2^23 (1.5·2^52) rounds to an integer, which then stands in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;
const ROUND_64: f64 = 6_755_399_441_055_744.0;

/// (e^r − 1 − r)/r².
const REST: [f32; 5] = [0.499_999_94, 0.166_665_17, 0.041_668_102, 0.008_369_165_5, 0.001_383_833_6];
const REST_64: [f64; 11] = [
    0.5,
    0.166_666_666_666_666_88,
    0.041_666_666_666_666_824,
    0.008_333_333_333_313_896,
    0.001_388_888_888_877_800_6,
    0.000_198_412_699_033_488_91,
    2.480_158_755_857_780_6e-5,
    2.755_722_867_989_902e-6,
    2.755_706_778_298_151_4e-7,
    2.511_397_506_386_758e-8,
    2.097_881_656_593_048e-9,
];

/// e^x; 0 below −104, ∞ above 88.73.
#[inline]
pub fn exp(x: f32) -> f32 {
    // Beyond these the powers of two below would leave their range; the result is 0 or ∞ already.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -105.0 { -105.0 } else { x };
    let rounded = x * LOG2_E + ROUND;
    let k = rounded - ROUND;
    let high = x - k * LN_2_HIGH;
    let low = k * LN_2_LOW;
    let r = high - low;
    let square = r * r;
    let rest = (REST[0] + REST[1] * r) + square * ((REST[2] + REST[3] * r) + square * REST[4]);
    let sum = 1.0 + high;
    let lost = high - (sum - 1.0);
    let power = sum + (lost + (square * rest - low));
    let k = rounded.to_bits() as i32 - ROUND.to_bits() as i32;
    let half = k >> 1;
    power * power_of_two(half) * power_of_two(k - half)
}

/// e^x; 0 below −745.14, ∞ above 709.79.
#[inline]
pub fn exp64(x: f64) -> f64 {
    exp_of_sum(x, 0.0)
}

/// e^(x + tail) for a tail below the last digit of x.
#[inline]
pub(super) fn exp_of_sum(x: f64, tail: f64) -> f64 {
    let x = if x > 710.0 { 710.0 } else { x };
    let x = if x < -746.0 { -746.0 } else { x };
    let rounded = x * std::f64::consts::LOG2_E + ROUND_64;
    let k = rounded - ROUND_64;
    let high = x - k * LN_2_HIGH_64;
    let low = k * LN_2_LOW_64 - tail;
    let r = high - low;
    let square = r * r;
    let fourth = square * square;
    let c = REST_64;
    let lower = (c[0] + c[1] * r) + square * (c[2] + c[3] * r);
    let middle = (c[4] + c[5] * r) + square * (c[6] + c[7] * r);
    let upper = (c[8] + c[9] * r) + square * c[10];
    let rest = lower + fourth * (middle + fourth * upper);
    let power = 1.0 + (high + (square * rest - low));
    let k = rounded.to_bits() as i32;
    let half = k >> 1;
    power * power_of_two64(half) * power_of_two64(k - half)
}
