//! One instruction: opcode and operands to an [`Operation`].
mod arithmetic;
mod memory;

use super::instruction::*;
use super::lexer::Token;
use super::modifiers::Modifiers;
use super::operand::Names;
use super::supported;

type Result<T> = std::result::Result<T, String>;
type Operands<'t, 'a> = [&'t [Token<'a>]];

/// Decodes `opcode` with its operands (the tokens after it).
pub(super) fn operation(names: &mut Names, opcode: &str, operands: &[Token<'_>]) -> Result<Operation> {
    let (base, mut modifiers) = Modifiers::of(opcode);
    let operands = split(operands);
    let operation = one(names, base, &mut modifiers, &operands)?;
    modifiers.finish()?;
    supported::check(&operation)?;
    Ok(operation)
}

/// Operands at the commas outside brackets.
fn split<'t, 'a>(tokens: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    let mut depth = 0;
    let outside = |token: &Token<'_>| {
        match token.text {
            "[" | "{" => depth += 1,
            "]" | "}" => depth -= 1,
            _ => {}
        }
        depth == 0 && token.is(",")
    };
    if tokens.is_empty() { Vec::new() } else { tokens.split(outside).collect() }
}

/// The operands within braces, or the operand itself.
fn vector<'t, 'a>(operand: &'t [Token<'a>]) -> Vec<&'t [Token<'a>]> {
    match operand {
        [open, inner @ .., close] if open.is("{") && close.is("}") => split(inner),
        _ => vec![operand],
    }
}

fn exactly<'o, 't, 'a, const N: usize>(operands: &'o Operands<'t, 'a>) -> Result<&'o [&'t [Token<'a>]; N]> {
    operands.try_into().map_err(|_| format!("{N} operands are expected, not {}", operands.len()))
}

fn one(names: &mut Names, base: &str, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    match base {
        "mov" => arithmetic::mov(names, modifiers, operands),
        "not" | "neg" | "abs" | "popc" | "clz" | "brev" | "bfind" | "rcp" | "sqrt" | "cnot" => {
            arithmetic::unary(names, base, modifiers, operands)
        }
        "add" | "sub" | "mul" | "div" | "rem" | "min" | "max" | "and" | "or" | "xor" | "shl" | "shr" | "copysign" => {
            arithmetic::binary(names, base, modifiers, operands)
        }
        "fma" | "mad" | "sad" | "lop3" | "shf" | "prmt" | "bfe" | "dp4a" => {
            arithmetic::ternary(names, base, modifiers, operands)
        }
        "bfi" => {
            let of = modifiers.kind()?;
            let [to, a, b, position, length] = exactly(operands)?;
            Ok(Operation::Insert {
                of,
                to: names.destination(to, of)?,
                a: names.source(a, of)?,
                b: names.source(b, of)?,
                position: names.source(position, Type::U32)?,
                length: names.source(length, Type::U32)?,
            })
        }
        "setp" => arithmetic::setp(names, modifiers, operands),
        "selp" => {
            let of = modifiers.kind()?;
            let [to, a, b, condition] = exactly(operands)?;
            Ok(Operation::Selp {
                of,
                to: names.destination(to, of)?,
                a: names.source(a, of)?,
                b: names.source(b, of)?,
                condition: names.destination(condition, Type::Pred)?,
            })
        }
        "cvt" => arithmetic::cvt(names, modifiers, operands),
        "cvta" => {
            let from_generic = modifiers.take("to");
            let space = modifiers.space();
            let of = modifiers.kind()?;
            if of != Type::U64 {
                return Err("addresses have 64 bits".into());
            }
            let [to, a] = exactly(operands)?;
            Ok(Operation::Cvta { space, from_generic, to: names.destination(to, of)?, a: names.source(a, Type::U64)? })
        }
        "ld" | "st" => memory::access(names, base, modifiers, operands),
        "atom" | "red" => memory::atomic(names, base == "red", modifiers, operands),
        "bra" => {
            modifiers.take("uni");
            exactly::<1>(operands)?;
            Ok(Operation::Bra { target: usize::MAX })
        }
        "bar" | "barrier" => memory::barrier(names, base, modifiers, operands),
        "membar" | "fence" => {
            for known in ["acq_rel", "sc", "gl", "cta", "sys", "gpu"] {
                modifiers.take(known);
            }
            Ok(Operation::Fence)
        }
        "shfl" => memory::shuffle(names, modifiers, operands),
        "vote" => memory::vote(names, modifiers, operands),
        "redux" => memory::redux(names, modifiers, operands),
        "activemask" => {
            let of = word(modifiers)?;
            let [to] = exactly(operands)?;
            Ok(Operation::Activemask { to: names.destination(to, of)? })
        }
        "ret" | "exit" => {
            modifiers.take("uni");
            Ok(Operation::Exit)
        }
        "trap" => Ok(Operation::Trap),
        _ => Err("the opcode is not supported".into()),
    }
}

/// A type of 32 bits.
fn word(modifiers: &mut Modifiers<'_>) -> Result<Type> {
    let of = modifiers.kind()?;
    if of.size() == 4 { Ok(of) } else { Err("32 bits are expected".into()) }
}
