//! Floats: everything rounds to nearest even, nothing is flushed.
use super::warp::Warp;
use crate::ptx::instruction::{Binary, Type, Unary};

const REFUSED: &str = "the decoder refuses other operations";

pub fn unary(warp: &mut Warp, with: Unary, of: Type, to: u16, a: u16, lanes: u32) {
    if of == Type::F64 {
        let with = |a: f64| match with {
            Unary::Neg => -a,
            Unary::Abs => a.abs(),
            Unary::Rcp => 1.0 / a,
            Unary::Sqrt => a.sqrt(),
            _ => unreachable!("{REFUSED}"),
        };
        return warp.wide1(to, a, lanes, |a| with(f64::from_bits(a)).to_bits());
    }
    match with {
        Unary::Neg => warp.narrow1(to, a, lanes, |a| (-f32::from_bits(a)).to_bits()),
        Unary::Abs => warp.narrow1(to, a, lanes, |a| f32::from_bits(a).abs().to_bits()),
        Unary::Rcp => warp.narrow1(to, a, lanes, |a| (1.0 / f32::from_bits(a)).to_bits()),
        Unary::Sqrt => warp.narrow1(to, a, lanes, |a| f32::from_bits(a).sqrt().to_bits()),
        _ => unreachable!("{REFUSED}"),
    }
}

pub fn binary(warp: &mut Warp, with: Binary, of: Type, to: u16, [a, b]: [u16; 2], lanes: u32) {
    if of == Type::F64 {
        return binary64(warp, with, to, [a, b], lanes);
    }
    let number = f32::from_bits;
    match with {
        Binary::Add => warp.narrow2(to, a, b, lanes, |a, b| (number(a) + number(b)).to_bits()),
        Binary::Sub => warp.narrow2(to, a, b, lanes, |a, b| (number(a) - number(b)).to_bits()),
        Binary::MulLo => warp.narrow2(to, a, b, lanes, |a, b| (number(a) * number(b)).to_bits()),
        Binary::Div => warp.narrow2(to, a, b, lanes, |a, b| (number(a) / number(b)).to_bits()),
        Binary::Min => warp.narrow2(to, a, b, lanes, |a, b| {
            let (x, y) = (number(a), number(b));
            // NaN only if both are; −0 is below +0.
            let first = y.is_nan() || x < y || (x == y && x.is_sign_negative());
            if x.is_nan() {
                b
            } else if first {
                a
            } else {
                b
            }
        }),
        Binary::Max => warp.narrow2(to, a, b, lanes, |a, b| {
            let (x, y) = (number(a), number(b));
            let first = y.is_nan() || x > y || (x == y && x.is_sign_positive());
            if x.is_nan() {
                b
            } else if first {
                a
            } else {
                b
            }
        }),
        // The sign is of the first operand.
        Binary::Copysign => warp.narrow2(to, a, b, lanes, |a, b| a & 1 << 31 | b & !(1 << 31)),
        _ => unreachable!("{REFUSED}"),
    }
}

fn binary64(warp: &mut Warp, with: Binary, to: u16, [a, b]: [u16; 2], lanes: u32) {
    let number = f64::from_bits;
    match with {
        Binary::Add => warp.wide2(to, a, b, lanes, |a, b| (number(a) + number(b)).to_bits()),
        Binary::Sub => warp.wide2(to, a, b, lanes, |a, b| (number(a) - number(b)).to_bits()),
        Binary::MulLo => warp.wide2(to, a, b, lanes, |a, b| (number(a) * number(b)).to_bits()),
        Binary::Div => warp.wide2(to, a, b, lanes, |a, b| (number(a) / number(b)).to_bits()),
        Binary::Min => warp.wide2(to, a, b, lanes, |a, b| {
            let (x, y) = (number(a), number(b));
            let first = y.is_nan() || x < y || (x == y && x.is_sign_negative());
            if x.is_nan() {
                b
            } else if first {
                a
            } else {
                b
            }
        }),
        Binary::Max => warp.wide2(to, a, b, lanes, |a, b| {
            let (x, y) = (number(a), number(b));
            let first = y.is_nan() || x > y || (x == y && x.is_sign_positive());
            if x.is_nan() {
                b
            } else if first {
                a
            } else {
                b
            }
        }),
        Binary::Copysign => warp.wide2(to, a, b, lanes, |a, b| a & 1 << 63 | b & !(1 << 63)),
        _ => unreachable!("{REFUSED}"),
    }
}

/// Without the machine's own instruction it is a slow library call, so this one is compiled twice.
pub fn fma(warp: &mut Warp, of: Type, to: u16, operands: [u16; 3], lanes: u32) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the machine has these instructions.
        return unsafe { fma_avx2(warp, of, to, operands, lanes) };
    }
    fma_plain(warp, of, to, operands, lanes);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn fma_avx2(warp: &mut Warp, of: Type, to: u16, operands: [u16; 3], lanes: u32) {
    fma_plain(warp, of, to, operands, lanes);
}

#[inline(always)]
fn fma_plain(warp: &mut Warp, of: Type, to: u16, operands: [u16; 3], lanes: u32) {
    if of == Type::F64 {
        let number = f64::from_bits;
        warp.wide3(to, operands, lanes, |a, b, c| number(a).mul_add(number(b), number(c)).to_bits());
    } else {
        let number = f32::from_bits;
        warp.narrow3(to, operands, lanes, |a, b, c| number(a).mul_add(number(b), number(c)).to_bits());
    }
}
