//! Numbers taken apart and put together by their bits.

/// 2^k for k in −126..=127.
#[inline]
pub(super) fn power_of_two(k: i32) -> f32 {
    f32::from_bits(((k + 127) as u32) << 23)
}

/// 2^k for k in −1022..=1023.
#[inline]
pub(super) fn power_of_two64(k: i32) -> f64 {
    f64::from_bits(((k + 1023) as u64) << 52)
}

/// (k, m) with x = 2^k·m and m in [√½, √2), for finite x > 0.
#[inline]
pub(super) fn exponent_and_mantissa(x: f32) -> (f32, f32) {
    const LEAST: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    let subnormal = x < f32::MIN_POSITIVE;
    let bits = if subnormal { x * 16_777_216.0 } else { x }.to_bits();
    let above = bits.wrapping_sub(LEAST);
    let k = (above as i32 >> 23) - if subnormal { 24 } else { 0 };
    (k as f32, f32::from_bits((above & 0x007f_ffff) + LEAST))
}

/// (k, m) with x = 2^k·m and m in [√½, √2), for finite x > 0.
#[inline]
pub(super) fn exponent_and_mantissa64(x: f64) -> (f64, f64) {
    const LEAST: u64 = std::f64::consts::FRAC_1_SQRT_2.to_bits();
    let subnormal = x < f64::MIN_POSITIVE;
    let bits = if subnormal { x * 18_014_398_509_481_984.0 } else { x }.to_bits();
    let above = bits.wrapping_sub(LEAST);
    let k = (above as i64 >> 52) as i32 - if subnormal { 54 } else { 0 };
    (f64::from(k), f64::from_bits((above & 0x000f_ffff_ffff_ffff) + LEAST))
}
