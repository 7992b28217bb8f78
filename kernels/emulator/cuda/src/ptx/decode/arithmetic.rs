//! Registers to registers: moves, arithmetic, comparisons, conversions.
use super::{Operands, Result, exactly, vector};
use crate::ptx::instruction::*;
use crate::ptx::lexer::number;
use crate::ptx::modifiers::Modifiers;
use crate::ptx::operand::Names;

pub(super) fn mov(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    let of = modifiers.kind()?;
    let [to, a] = exactly(operands)?;
    let half = match of.size() {
        8 => Type::U32,
        _ => Type::U16,
    };
    match (vector(to)[..].as_ref(), vector(a)[..].as_ref()) {
        ([low, high], [a]) if of.size() >= 4 => Ok(Operation::Unpack {
            of,
            low: names.optional(low, half)?,
            high: names.optional(high, half)?,
            a: names.source(a, of)?,
        }),
        ([to], [low, high]) if of.size() >= 4 => Ok(Operation::Pack {
            of,
            to: names.destination(to, of)?,
            low: names.source(low, half)?,
            high: names.source(high, half)?,
        }),
        ([to], [a]) => {
            Ok(Operation::Unary { with: Unary::Mov, of, to: names.destination(to, of)?, a: names.source(a, of)? })
        }
        _ => Err("vectors of this shape are not supported".into()),
    }
}

pub(super) fn unary(
    names: &mut Names,
    base: &str,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
    let shift = modifiers.take("shiftamt");
    let of = modifiers.kind()?;
    let with = match base {
        "not" => Unary::Not,
        "neg" => Unary::Neg,
        "abs" => Unary::Abs,
        "popc" => Unary::Popc,
        "clz" => Unary::Clz,
        "brev" => Unary::Brev,
        "bfind" => Unary::Bfind { shift },
        "cnot" => Unary::Cnot,
        "rcp" | "sqrt" => {
            modifiers.nearest(of)?;
            if base == "rcp" { Unary::Rcp } else { Unary::Sqrt }
        }
        _ => unreachable!("the caller knows the opcodes"),
    };
    let into = if matches!(with, Unary::Popc | Unary::Clz | Unary::Bfind { .. }) { Type::U32 } else { of };
    let [to, a] = exactly(operands)?;
    Ok(Operation::Unary { with, of, to: names.destination(to, into)?, a: names.source(a, of)? })
}

pub(super) fn binary(
    names: &mut Names,
    base: &str,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
    let of = modifiers.kind()?;
    if matches!(base, "add" | "sub" | "mul" | "div") {
        modifiers.nearest(of)?;
    }
    let with = match base {
        "add" => Binary::Add,
        "sub" => Binary::Sub,
        "mul" if of.is_float() => Binary::MulLo,
        "mul" if modifiers.take("wide") => Binary::MulWide,
        "mul" if modifiers.take("hi") => Binary::MulHi,
        "mul" if modifiers.take("lo") => Binary::MulLo,
        "div" => Binary::Div,
        "rem" => Binary::Rem,
        "min" => Binary::Min,
        "max" => Binary::Max,
        "and" => Binary::And,
        "or" => Binary::Or,
        "xor" => Binary::Xor,
        "shl" => Binary::Shl,
        "shr" => Binary::Shr,
        "copysign" => Binary::Copysign,
        _ => return Err("the opcode is not supported".into()),
    };
    let into = if with == Binary::MulWide { widened(of)? } else { of };
    let second = if matches!(with, Binary::Shl | Binary::Shr) { Type::U32 } else { of };
    let [to, a, b] = exactly(operands)?;
    Ok(Operation::Binary {
        with,
        of,
        to: names.destination(to, into)?,
        a: names.source(a, of)?,
        b: names.source(b, second)?,
    })
}

/// The type of a full product.
fn widened(of: Type) -> Result<Type> {
    match of.size() {
        2 => Ok(Type::U32),
        4 => Ok(Type::U64),
        _ => Err("a product of this width is not supported".into()),
    }
}

pub(super) fn ternary(
    names: &mut Names,
    base: &str,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
    let clamp = modifiers.take("clamp");
    let of = modifiers.kind()?;
    let (mut into, mut second, mut third) = (of, of, of);
    let with = match base {
        "fma" => {
            modifiers.nearest(of)?;
            Ternary::Fma
        }
        "mad" if modifiers.take("wide") => {
            (into, third) = (widened(of)?, widened(of)?);
            Ternary::MadWide
        }
        "mad" if modifiers.take("hi") => Ternary::MadHi,
        "mad" if modifiers.take("lo") => Ternary::MadLo,
        "sad" => Ternary::Sad,
        "shf" => {
            if !clamp && !modifiers.take("wrap") {
                return Err("shf needs .clamp or .wrap".into());
            }
            let left = modifiers.take("l");
            if !left && !modifiers.take("r") {
                return Err("shf needs .l or .r".into());
            }
            Ternary::Shf { left, clamp }
        }
        "prmt" => Ternary::Prmt,
        "bfe" => {
            (second, third) = (Type::U32, Type::U32);
            Ternary::Bfe
        }
        "dp4a" => {
            let other = modifiers.kind()?;
            Ternary::Dp4a { signed: (of.is_signed(), other.is_signed()) }
        }
        "lop3" => {
            let [to, a, b, c, table] = exactly(operands)?;
            let table = table.first().and_then(|table| number(table.text)).and_then(|table| u8::try_from(table).ok());
            let with = Ternary::Lop3(table.ok_or("the table of lop3 is a byte")?);
            let (to, a) = (names.destination(to, of)?, names.source(a, of)?);
            return Ok(Operation::Ternary { with, of, to, a, b: names.source(b, of)?, c: names.source(c, of)? });
        }
        _ => return Err("the opcode is not supported".into()),
    };
    let [to, a, b, c] = exactly(operands)?;
    let (to, a) = (names.destination(to, into)?, names.source(a, of)?);
    Ok(Operation::Ternary { with, of, to, a, b: names.source(b, second)?, c: names.source(c, third)? })
}

pub(super) fn setp(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    let with = modifiers.find(comparison).ok_or("setp needs a comparison")?;
    let join = modifiers.find(|name| match name {
        "and" => Some(Join::And),
        "or" => Some(Join::Or),
        "xor" => Some(Join::Xor),
        _ => None,
    });
    let of = modifiers.kind()?;
    let [to, a, b, rest @ ..] = operands else { return Err("3 operands are expected".into()) };
    let mut targets = to.split(|token| token.is("|"));
    let first = targets.next().unwrap_or_default();
    let complement = targets.next().map(|operand| names.optional(operand, Type::Pred)).transpose()?.flatten();
    let join = match (join, rest) {
        (None, []) => None,
        (Some(join), [condition]) => Some((join, names.condition(condition)?)),
        _ => return Err("a joined predicate is missing or too much".into()),
    };
    let to = names.destination(first, Type::Pred)?;
    Ok(Operation::Setp { with, of, to, complement, a: names.source(a, of)?, b: names.source(b, of)?, join })
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        "eq" => Comparison::Eq,
        "ne" => Comparison::Ne,
        "lt" | "lo" => Comparison::Lt,
        "le" | "ls" => Comparison::Le,
        "gt" | "hi" => Comparison::Gt,
        "ge" | "hs" => Comparison::Ge,
        "equ" => Comparison::Equ,
        "neu" => Comparison::Neu,
        "ltu" => Comparison::Ltu,
        "leu" => Comparison::Leu,
        "gtu" => Comparison::Gtu,
        "geu" => Comparison::Geu,
        "num" => Comparison::Num,
        "nan" => Comparison::Nan,
        _ => return None,
    })
}

pub(super) fn cvt(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    let rounding = modifiers.find(|name| match name {
        "rn" => Some(Rounding::Nearest),
        "rni" => Some(Rounding::NearestInteger),
        "rzi" => Some(Rounding::Truncate),
        "rmi" => Some(Rounding::Floor),
        "rpi" => Some(Rounding::Ceil),
        _ => None,
    });
    let saturate = modifiers.take("sat");
    let (into, from) = (modifiers.kind()?, modifiers.kind()?);
    let to_integral = !matches!(rounding, None | Some(Rounding::Nearest));
    let missing = match (from.is_float(), into.is_float()) {
        (true, false) => !to_integral,
        (false, true) => rounding != Some(Rounding::Nearest),
        (true, true) => from.size() > into.size() && rounding.is_none(),
        (false, false) => false,
    };
    if missing {
        return Err("the conversion needs a rounding".into());
    }
    let [to, a] = exactly(operands)?;
    let rounding = rounding.unwrap_or(Rounding::Nearest);
    let (to, a) = (names.destination(to, into)?, names.source(a, from)?);
    Ok(Operation::Cvt { from, into, rounding, saturate, to, a })
}
