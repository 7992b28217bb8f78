//! The same functions of several numbers, with the same bits: loops without a branch, which become the processor's vectors.
//! None is inlined, or it would be taken apart again.
use super::{
    exp, normal_quantile, sigmoid,
    special::{CENTRE, in_centre},
};
use crate::rng::LANES;

/// [`exp`] of each.
#[inline(never)]
pub fn exp_each(x: &[f32; LANES]) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (out, &x) in out.iter_mut().zip(x) {
        *out = exp(x);
    }
    out
}

/// [`sigmoid`] of each.
#[inline(never)]
pub fn sigmoid_each(x: &[f32; LANES]) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (out, &x) in out.iter_mut().zip(x) {
        *out = sigmoid(x);
    }
    out
}

/// [`normal_quantile`] of each.
#[inline(never)]
pub fn normal_quantile_each(p: &[f32; LANES]) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (out, &p) in out.iter_mut().zip(p) {
        *out = in_centre(f64::from(p) - 0.5) as f32;
    }
    for (out, &p) in out.iter_mut().zip(p) {
        let centre = (f64::from(p) - 0.5).abs() <= CENTRE;
        if !centre {
            *out = normal_quantile(p);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Over the whole range, its ends, and what is no number.
    #[test]
    fn each_has_the_bits_of_one() {
        let bits = |x: [f32; LANES]| x.map(f32::to_bits);
        let numbers = (0..1 << 16).map(|high: u32| f32::from_bits(high << 16 | 0x5a5a));
        let probabilities = (0..=10_000u16).map(|i| f32::from(i) / 10_000.0);
        let numbers: Vec<f32> = numbers.chain(probabilities).collect();
        for x in numbers.as_chunks().0 {
            assert_eq!(bits(exp_each(x)), bits(x.map(exp)), "{x:?}");
            assert_eq!(bits(sigmoid_each(x)), bits(x.map(sigmoid)), "{x:?}");
            assert_eq!(bits(normal_quantile_each(x)), bits(x.map(normal_quantile)), "{x:?}");
        }
    }
}
