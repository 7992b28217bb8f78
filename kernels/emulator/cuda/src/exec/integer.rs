//! Integers. Registers of 16 bits keep their upper half zero.
use super::warp::Warp;
use crate::ptx::instruction::{Binary, Ternary, Type, Unary};

const HALF: u32 = 0xFFFF;
/// What the decoder lets through is covered.
const REFUSED: &str = "the decoder refuses other types";

pub fn unary(warp: &mut Warp, with: Unary, of: Type, to: u16, a: u16, lanes: u32) {
    let wide = of.is_wide();
    match with {
        Unary::Not if of == Type::Pred => warp.set_predicate(to, !warp.predicates[a as usize], lanes),
        Unary::Not if wide => warp.wide1(to, a, lanes, |a| !a),
        Unary::Not if of.size() == 2 => warp.narrow1(to, a, lanes, |a| !a & HALF),
        Unary::Not => warp.narrow1(to, a, lanes, |a| !a),
        Unary::Cnot if wide => warp.wide1(to, a, lanes, |a| u64::from(a == 0)),
        Unary::Cnot => warp.narrow1(to, a, lanes, |a| u32::from(a == 0)),
        Unary::Neg if wide => warp.wide1(to, a, lanes, u64::wrapping_neg),
        Unary::Neg if of.size() == 2 => warp.narrow1(to, a, lanes, |a| a.wrapping_neg() & HALF),
        Unary::Neg => warp.narrow1(to, a, lanes, u32::wrapping_neg),
        Unary::Abs if wide => warp.wide1(to, a, lanes, |a| (a as i64).unsigned_abs()),
        Unary::Abs if of.size() == 2 => warp.narrow1(to, a, lanes, |a| u32::from((a as i16).unsigned_abs())),
        Unary::Abs => warp.narrow1(to, a, lanes, |a| (a as i32).unsigned_abs()),
        Unary::Popc if wide => warp.shrink1(to, a, lanes, u64::count_ones),
        Unary::Popc => warp.narrow1(to, a, lanes, u32::count_ones),
        Unary::Clz if wide => warp.shrink1(to, a, lanes, u64::leading_zeros),
        Unary::Clz => warp.narrow1(to, a, lanes, u32::leading_zeros),
        Unary::Brev if wide => warp.wide1(to, a, lanes, u64::reverse_bits),
        Unary::Brev => warp.narrow1(to, a, lanes, u32::reverse_bits),
        Unary::Bfind { shift } => {
            let signed = of.is_signed();
            if wide {
                warp.shrink1(to, a, lanes, |a| {
                    let bits = if signed && (a as i64) < 0 { !a } else { a };
                    highest(bits.leading_zeros(), 64, shift)
                });
            } else {
                warp.narrow1(to, a, lanes, |a| {
                    let bits = if signed && (a as i32) < 0 { !a } else { a };
                    highest(bits.leading_zeros(), 32, shift)
                });
            }
        }
        Unary::Mov | Unary::Rcp | Unary::Sqrt => unreachable!("{REFUSED}"),
    }
}

/// Position of the highest bit, or how far it must be shifted to the top; all ones without a bit.
fn highest(leading: u32, width: u32, shift: bool) -> u32 {
    if leading == width {
        u32::MAX
    } else if shift {
        leading
    } else {
        width - 1 - leading
    }
}

pub fn binary(warp: &mut Warp, with: Binary, of: Type, to: u16, [a, b]: [u16; 2], lanes: u32) {
    match (of.size(), with) {
        (_, Binary::Shl | Binary::Shr) => shift(warp, with == Binary::Shl, of, to, [a, b], lanes),
        (8, _) => binary64(warp, with, of.is_signed(), to, [a, b], lanes),
        (4, _) => binary32(warp, with, of.is_signed(), to, [a, b], lanes),
        _ => binary16(warp, with, of.is_signed(), to, [a, b], lanes),
    }
}

fn shift(warp: &mut Warp, left: bool, of: Type, to: u16, [a, b]: [u16; 2], lanes: u32) {
    let signed = of.is_signed();
    match of.size() {
        8 => {
            let (a, b) = (&warp.wide[a as usize], &warp.narrow[b as usize]);
            let values = std::array::from_fn(|lane| match (left, signed) {
                (true, _) => a[lane].checked_shl(b[lane]).unwrap_or(0),
                (false, false) => a[lane].checked_shr(b[lane]).unwrap_or(0),
                (false, true) => (a[lane] as i64 >> b[lane].min(63)) as u64,
            });
            warp.set_wide(to, values, lanes);
        }
        4 => warp.narrow2(to, a, b, lanes, |a, b| match (left, signed) {
            (true, _) => a.checked_shl(b).unwrap_or(0),
            (false, false) => a.checked_shr(b).unwrap_or(0),
            (false, true) => (a as i32 >> b.min(31)) as u32,
        }),
        _ => warp.narrow2(to, a, b, lanes, |a, b| match (left, signed) {
            (true, _) => a.checked_shl(b).unwrap_or(0) & HALF,
            (false, false) => (a & HALF).checked_shr(b).unwrap_or(0),
            (false, true) => u32::from((a as i16 >> b.min(15)) as u16),
        }),
    }
}

fn binary64(warp: &mut Warp, with: Binary, signed: bool, to: u16, [a, b]: [u16; 2], lanes: u32) {
    match (with, signed) {
        (Binary::Add, _) => warp.wide2(to, a, b, lanes, u64::wrapping_add),
        (Binary::Sub, _) => warp.wide2(to, a, b, lanes, u64::wrapping_sub),
        (Binary::MulLo, _) => warp.wide2(to, a, b, lanes, u64::wrapping_mul),
        (Binary::MulHi, false) => warp.wide2(to, a, b, lanes, |a, b| (u128::from(a) * u128::from(b) >> 64) as u64),
        (Binary::MulHi, true) => {
            warp.wide2(to, a, b, lanes, |a, b| (i128::from(a as i64) * i128::from(b as i64) >> 64) as u64);
        }
        // The result of a division by zero is not defined; all ones, as devices do.
        (Binary::Div, false) => warp.wide2(to, a, b, lanes, |a, b| a.checked_div(b).unwrap_or(u64::MAX)),
        (Binary::Div, true) => {
            warp.wide2(to, a, b, lanes, |a, b| if b == 0 { u64::MAX } else { (a as i64).wrapping_div(b as i64) as u64 })
        }
        (Binary::Rem, false) => warp.wide2(to, a, b, lanes, |a, b| a.checked_rem(b).unwrap_or(a)),
        (Binary::Rem, true) => {
            warp.wide2(to, a, b, lanes, |a, b| if b == 0 { a } else { (a as i64).wrapping_rem(b as i64) as u64 });
        }
        (Binary::Min, false) => warp.wide2(to, a, b, lanes, Ord::min),
        (Binary::Max, false) => warp.wide2(to, a, b, lanes, Ord::max),
        (Binary::Min, true) => warp.wide2(to, a, b, lanes, |a, b| (a as i64).min(b as i64) as u64),
        (Binary::Max, true) => warp.wide2(to, a, b, lanes, |a, b| (a as i64).max(b as i64) as u64),
        (Binary::And, _) => warp.wide2(to, a, b, lanes, |a, b| a & b),
        (Binary::Or, _) => warp.wide2(to, a, b, lanes, |a, b| a | b),
        (Binary::Xor, _) => warp.wide2(to, a, b, lanes, |a, b| a ^ b),
        _ => unreachable!("{REFUSED}"),
    }
}

fn binary32(warp: &mut Warp, with: Binary, signed: bool, to: u16, [a, b]: [u16; 2], lanes: u32) {
    match (with, signed) {
        (Binary::Add, _) => warp.narrow2(to, a, b, lanes, u32::wrapping_add),
        (Binary::Sub, _) => warp.narrow2(to, a, b, lanes, u32::wrapping_sub),
        (Binary::MulLo, _) => warp.narrow2(to, a, b, lanes, u32::wrapping_mul),
        (Binary::MulHi, false) => warp.narrow2(to, a, b, lanes, |a, b| (u64::from(a) * u64::from(b) >> 32) as u32),
        (Binary::MulHi, true) => {
            warp.narrow2(to, a, b, lanes, |a, b| (i64::from(a as i32) * i64::from(b as i32) >> 32) as u32);
        }
        (Binary::MulWide, false) => warp.widen2(to, a, b, lanes, |a, b| u64::from(a) * u64::from(b)),
        (Binary::MulWide, true) => {
            warp.widen2(to, a, b, lanes, |a, b| (i64::from(a as i32) * i64::from(b as i32)) as u64);
        }
        (Binary::Div, false) => warp.narrow2(to, a, b, lanes, |a, b| a.checked_div(b).unwrap_or(u32::MAX)),
        (Binary::Div, true) => warp
            .narrow2(to, a, b, lanes, |a, b| if b == 0 { u32::MAX } else { (a as i32).wrapping_div(b as i32) as u32 }),
        (Binary::Rem, false) => warp.narrow2(to, a, b, lanes, |a, b| a.checked_rem(b).unwrap_or(a)),
        (Binary::Rem, true) => {
            warp.narrow2(to, a, b, lanes, |a, b| if b == 0 { a } else { (a as i32).wrapping_rem(b as i32) as u32 });
        }
        (Binary::Min, false) => warp.narrow2(to, a, b, lanes, Ord::min),
        (Binary::Max, false) => warp.narrow2(to, a, b, lanes, Ord::max),
        (Binary::Min, true) => warp.narrow2(to, a, b, lanes, |a, b| (a as i32).min(b as i32) as u32),
        (Binary::Max, true) => warp.narrow2(to, a, b, lanes, |a, b| (a as i32).max(b as i32) as u32),
        (Binary::And, _) => warp.narrow2(to, a, b, lanes, |a, b| a & b),
        (Binary::Or, _) => warp.narrow2(to, a, b, lanes, |a, b| a | b),
        (Binary::Xor, _) => warp.narrow2(to, a, b, lanes, |a, b| a ^ b),
        _ => unreachable!("{REFUSED}"),
    }
}

fn binary16(warp: &mut Warp, with: Binary, signed: bool, to: u16, [a, b]: [u16; 2], lanes: u32) {
    match (with, signed) {
        (Binary::Add, _) => warp.narrow2(to, a, b, lanes, |a, b| a.wrapping_add(b) & HALF),
        (Binary::Sub, _) => warp.narrow2(to, a, b, lanes, |a, b| a.wrapping_sub(b) & HALF),
        (Binary::MulLo, _) => warp.narrow2(to, a, b, lanes, |a, b| a.wrapping_mul(b) & HALF),
        (Binary::MulWide, false) => warp.narrow2(to, a, b, lanes, |a, b| (a & HALF) * (b & HALF)),
        (Binary::MulWide, true) => {
            warp.narrow2(to, a, b, lanes, |a, b| (i32::from(a as i16) * i32::from(b as i16)) as u32);
        }
        (Binary::Min, false) => warp.narrow2(to, a, b, lanes, |a, b| (a & HALF).min(b & HALF)),
        (Binary::Max, false) => warp.narrow2(to, a, b, lanes, |a, b| (a & HALF).max(b & HALF)),
        (Binary::Min, true) => warp.narrow2(to, a, b, lanes, |a, b| u32::from((a as i16).min(b as i16) as u16)),
        (Binary::Max, true) => warp.narrow2(to, a, b, lanes, |a, b| u32::from((a as i16).max(b as i16) as u16)),
        (Binary::And, _) => warp.narrow2(to, a, b, lanes, |a, b| a & b),
        (Binary::Or, _) => warp.narrow2(to, a, b, lanes, |a, b| a | b),
        (Binary::Xor, _) => warp.narrow2(to, a, b, lanes, |a, b| a ^ b),
        _ => unreachable!("{REFUSED}"),
    }
}

pub fn ternary(warp: &mut Warp, with: Ternary, of: Type, to: u16, [a, b, c]: [u16; 3], lanes: u32) {
    let (wide, signed) = (of.is_wide(), of.is_signed());
    match with {
        Ternary::MadLo if wide => warp.wide3(to, [a, b, c], lanes, |a, b, c| a.wrapping_mul(b).wrapping_add(c)),
        Ternary::MadLo => {
            let keep = if of.size() == 2 { HALF } else { u32::MAX };
            warp.narrow3(to, [a, b, c], lanes, |a, b, c| a.wrapping_mul(b).wrapping_add(c) & keep);
        }
        Ternary::MadHi if signed => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            ((i64::from(a as i32) * i64::from(b as i32) >> 32) as u32).wrapping_add(c)
        }),
        Ternary::MadHi => {
            warp.narrow3(to, [a, b, c], lanes, |a, b, c| ((u64::from(a) * u64::from(b) >> 32) as u32).wrapping_add(c))
        }
        Ternary::MadWide if of.size() == 2 => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            let product =
                if signed { (i32::from(a as i16) * i32::from(b as i16)) as u32 } else { (a & HALF) * (b & HALF) };
            product.wrapping_add(c)
        }),
        Ternary::MadWide => {
            let (a, b) = (&warp.narrow[a as usize], &warp.narrow[b as usize]);
            let c = &warp.wide[c as usize];
            let values = std::array::from_fn(|lane| {
                let (a, b) = (a[lane], b[lane]);
                let product = if signed {
                    (i64::from(a as i32) * i64::from(b as i32)) as u64
                } else {
                    u64::from(a) * u64::from(b)
                };
                product.wrapping_add(c[lane])
            });
            warp.set_wide(to, values, lanes);
        }
        Ternary::Sad => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            let distance = if signed { (a as i32).abs_diff(b as i32) } else { a.abs_diff(b) };
            distance.wrapping_add(c)
        }),
        Ternary::Lop3(table) => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            (0..8).filter(|row| table >> row & 1 == 1).fold(0, |bits, row| {
                let pick = |bit: u32, value: u32| if row >> bit & 1 == 1 { value } else { !value };
                bits | pick(2, a) & pick(1, b) & pick(0, c)
            })
        }),
        Ternary::Shf { left, clamp } => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            let by = if clamp { c.min(32) } else { c & 31 };
            let both = u64::from(b) << 32 | u64::from(a);
            if left { (both << by >> 32) as u32 } else { (both >> by) as u32 }
        }),
        Ternary::Prmt => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            let both = (u64::from(b) << 32 | u64::from(a)).to_le_bytes();
            u32::from_le_bytes(std::array::from_fn(|place| {
                let selector = c >> (4 * place) & 15;
                let byte = both[(selector & 7) as usize];
                if selector & 8 != 0 { (byte as i8 >> 7) as u8 } else { byte }
            }))
        }),
        Ternary::Bfe if wide => {
            let a = &warp.wide[a as usize];
            let (b, c) = (&warp.narrow[b as usize], &warp.narrow[c as usize]);
            let values = std::array::from_fn(|lane| field(a[lane], 64, signed, b[lane], c[lane]));
            warp.set_wide(to, values, lanes);
        }
        Ternary::Bfe => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            let a = if signed { i64::from(a as i32) as u64 } else { u64::from(a) };
            field(a, 32, signed, b, c) as u32
        }),
        Ternary::Dp4a { signed: (first, second) } => warp.narrow3(to, [a, b, c], lanes, |a, b, c| {
            let extend = |byte: u8, signed: bool| if signed { i32::from(byte as i8) } else { i32::from(byte) };
            a.to_le_bytes()
                .into_iter()
                .zip(b.to_le_bytes())
                .fold(c, |sum, (a, b)| sum.wrapping_add((extend(a, first) * extend(b, second)) as u32))
        }),
        Ternary::Fma => unreachable!("{REFUSED}"),
    }
}

/// `bfe`: `length` bits of `value` from bit `position` on. Beyond the register a signed field has copies of the sign, as
/// the manual's pseudo-code says.
fn field(value: u64, width: u32, signed: bool, position: u32, length: u32) -> u64 {
    let (position, length) = (position & 0xFF, length & 0xFF);
    let top = width - 1;
    let sign_at = if length == 0 { None } else { Some((position + length - 1).min(top)) };
    let sign = signed && sign_at.is_some_and(|at| value >> at & 1 == 1);
    (0..width).fold(0, |bits, bit| {
        let inside = bit < length && position + bit <= top;
        let on = if inside { value >> (position + bit) & 1 == 1 } else { sign };
        bits | u64::from(on) << bit
    })
}

/// `bfi`: the low `length` bits of `a` into `b` from bit `position` on.
pub fn insert(warp: &mut Warp, of: Type, to: u16, [a, b, position, length]: [u16; 4], lanes: u32) {
    let (position, length) = (&warp.narrow[position as usize], &warp.narrow[length as usize]);
    let mask = |lane: usize| {
        let (position, length) = (position[lane] & 0xFF, length[lane] & 0xFF);
        let ones = 1u64.checked_shl(length).unwrap_or(0).wrapping_sub(1);
        (position, ones.checked_shl(position).unwrap_or(0))
    };
    let put = |a: u64, b: u64, lane: usize| {
        let (position, mask) = mask(lane);
        b & !mask | a.checked_shl(position).unwrap_or(0) & mask
    };
    if of.is_wide() {
        let (a, b) = (&warp.wide[a as usize], &warp.wide[b as usize]);
        let values = std::array::from_fn(|lane| put(a[lane], b[lane], lane));
        warp.set_wide(to, values, lanes);
    } else {
        let (a, b) = (&warp.narrow[a as usize], &warp.narrow[b as usize]);
        let values = std::array::from_fn(|lane| put(u64::from(a[lane]), u64::from(b[lane]), lane) as u32);
        warp.set_narrow(to, values, lanes);
    }
}
