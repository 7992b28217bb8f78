//! Functions of several numbers, with the bits of one: loops without a branch, which become the processor's vectors.
use super::{
    normal_quantile,
    special::{CENTRE, in_centre},
};
use crate::rng::LANES;

/// A function of each number. Not inlined, or it would be taken apart again.
#[inline(never)]
pub fn each(function: impl Fn(f32) -> f32, x: &[f32; LANES]) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    for (out, &x) in out.iter_mut().zip(x) {
        *out = function(x);
    }
    out
}

/// [`normal_quantile`] of each: in the centre side by side, the others, fewer than one in six, one by one.
pub fn normal_quantile_each(p: &[f32; LANES]) -> [f32; LANES] {
    let from_half = |p: f32| f64::from(p) - 0.5;
    let mut out = each(|p| in_centre(from_half(p)) as f32, p);
    for (out, &p) in out.iter_mut().zip(p) {
        let centre = from_half(p).abs() <= CENTRE;
        if !centre {
            *out = normal_quantile(p);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{exp, sigmoid};

    /// Over the whole range, its ends, and what is no number.
    #[test]
    fn each_has_the_bits_of_one() {
        let bits = |x: [f32; LANES]| x.map(f32::to_bits);
        let numbers = (0..1 << 16).map(|high: u32| f32::from_bits(high << 16 | 0x5a5a));
        let probabilities = (0..=10_000u16).map(|i| f32::from(i) / 10_000.0);
        let numbers: Vec<f32> = numbers.chain(probabilities).collect();
        for x in numbers.as_chunks().0 {
            assert_eq!(bits(each(exp, x)), bits(x.map(exp)), "{x:?}");
            assert_eq!(bits(each(sigmoid, x)), bits(x.map(sigmoid)), "{x:?}");
            assert_eq!(bits(normal_quantile_each(x)), bits(x.map(normal_quantile)), "{x:?}");
        }
    }
}
