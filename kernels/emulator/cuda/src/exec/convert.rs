//! Conversions.
use super::warp::Warp;
use crate::counts;
use crate::ptx::instruction::{Rounding, Type};

/// A value without its type.
#[derive(Clone, Copy)]
enum Value {
    Integer(i128),
    Float(f64),
}

pub fn cvt(
    warp: &mut Warp,
    (from, into): (Type, Type),
    rounding: Rounding,
    saturate: bool,
    to: u16,
    a: u16,
    lanes: u32,
) {
    match (from, into) {
        (Type::S32, Type::U64 | Type::S64) if !saturate => {
            let a = &warp.narrow[a as usize];
            let values = std::array::from_fn(|lane| i64::from(a[lane] as i32) as u64);
            warp.set_wide(to, values, lanes);
        }
        (Type::U32, Type::U64 | Type::S64) => {
            let a = &warp.narrow[a as usize];
            let values = std::array::from_fn(|lane| u64::from(a[lane]));
            warp.set_wide(to, values, lanes);
        }
        (Type::U64 | Type::S64, Type::U32 | Type::S32) if !saturate => warp.shrink1(to, a, lanes, |a| a as u32),
        (Type::S32, Type::F32) => warp.narrow1(to, a, lanes, |a| (a as i32 as f32).to_bits()),
        (Type::U32, Type::F32) => warp.narrow1(to, a, lanes, |a| (a as f32).to_bits()),
        _ => {
            for lane in counts::lanes(lanes) {
                let bits =
                    if from.is_wide() { warp.wide[a as usize][lane] } else { warp.narrow[a as usize][lane].into() };
                let value = convert(bits, from, into, rounding, saturate);
                if into.is_wide() {
                    warp.wide[to as usize][lane] = value;
                } else {
                    warp.narrow[to as usize][lane] = value as u32;
                }
            }
        }
    }
}

/// The bits of `bits` in another type.
fn convert(bits: u64, from: Type, into: Type, rounding: Rounding, saturate: bool) -> u64 {
    let value = match from {
        Type::U8 => Value::Integer((bits as u8).into()),
        Type::S8 => Value::Integer((bits as i8).into()),
        Type::U16 => Value::Integer((bits as u16).into()),
        Type::S16 => Value::Integer((bits as i16).into()),
        Type::U32 => Value::Integer((bits as u32).into()),
        Type::S32 => Value::Integer((bits as i32).into()),
        Type::U64 | Type::Pred => Value::Integer(bits.into()),
        Type::S64 => Value::Integer((bits as i64).into()),
        Type::F32 => Value::Float(f32::from_bits(bits as u32).into()),
        Type::F64 => Value::Float(f64::from_bits(bits)),
    };
    let integral = |value: f64| match rounding {
        Rounding::Nearest => value,
        Rounding::NearestInteger => value.round_ties_even(),
        Rounding::Truncate => value.trunc(),
        Rounding::Floor => value.floor(),
        Rounding::Ceil => value.ceil(),
    };
    // Saturation of floats is to [0, 1], with NaN to 0.
    let unit =
        |value: f64| if !saturate || value > 0.0 && value < 1.0 { value } else { f64::from(u8::from(value >= 1.0)) };
    match (value, into) {
        (Value::Integer(value), Type::F32) => u64::from((value as f32).to_bits()),
        (Value::Integer(value), Type::F64) => (value as f64).to_bits(),
        (Value::Float(value), Type::F32) => u64::from((unit(integral(value)) as f32).to_bits()),
        (Value::Float(value), Type::F64) => unit(integral(value)).to_bits(),
        (Value::Integer(value), _) => stored(if saturate { clamped(value, into) } else { value }, into),
        // Out of range goes to the nearest bound. NaN goes to 0, or to the top bit alone where 64 bits take part.
        (Value::Float(value), _) if value.is_nan() => {
            if from.is_wide() || into.is_wide() {
                1 << (8 * into.size() - 1)
            } else {
                0
            }
        }
        (Value::Float(value), _) => stored(clamped(integral(value) as i128, into), into),
    }
}

fn clamped(value: i128, into: Type) -> i128 {
    let bits = 8 * into.size() as u32;
    let (low, high) = if into.is_signed() { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
    Ord::clamp(value, low, high)
}

/// The bits as a register holds them: results below 32 bits are extended to 32.
fn stored(value: i128, into: Type) -> u64 {
    extended(value as u64, into)
}

/// `bits` of type `of` as a register holds them: small integers are extended to 32 bits.
pub fn extended(bits: u64, of: Type) -> u64 {
    match of {
        Type::U8 => bits & 0xFF,
        Type::U16 => bits & 0xFFFF,
        Type::S8 => u64::from(bits as i8 as i32 as u32),
        Type::S16 => u64::from(bits as i16 as i32 as u32),
        Type::U32 | Type::S32 | Type::F32 => bits & 0xFFFF_FFFF,
        _ => bits,
    }
}
