//! One instruction: opcode and operands to an [`Operation`].
use super::instruction::*;
use super::lexer::{Token, number};
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
        "mov" => mov(names, modifiers, operands),
        "not" | "neg" | "abs" | "popc" | "clz" | "brev" | "bfind" | "rcp" | "sqrt" | "cnot" => {
            unary(names, base, modifiers, operands)
        }
        "add" | "sub" | "mul" | "div" | "rem" | "min" | "max" | "and" | "or" | "xor" | "shl" | "shr" | "copysign" => {
            binary(names, base, modifiers, operands)
        }
        "fma" | "mad" | "sad" | "lop3" | "shf" | "prmt" | "bfe" | "dp4a" => ternary(names, base, modifiers, operands),
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
        "setp" => setp(names, modifiers, operands),
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
        "cvt" => cvt(names, modifiers, operands),
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
        "ld" | "st" => access(names, base, modifiers, operands),
        "atom" | "red" => atomic(names, base == "red", modifiers, operands),
        "bra" => {
            modifiers.take("uni");
            exactly::<1>(operands)?;
            Ok(Operation::Bra { target: usize::MAX })
        }
        "bar" | "barrier" => barrier(names, base, modifiers, operands),
        "membar" | "fence" => {
            for known in ["acq_rel", "sc", "gl", "cta", "sys", "gpu"] {
                modifiers.take(known);
            }
            Ok(Operation::Fence)
        }
        "shfl" => shuffle(names, modifiers, operands),
        "vote" => vote(names, modifiers, operands),
        "redux" => redux(names, modifiers, operands),
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

fn mov(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
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

fn unary(
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

fn binary(
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

fn ternary(
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

fn setp(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
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

fn cvt(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
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

fn access(
    names: &mut Names,
    base: &str,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
    for hint in ["nc", "volatile", "relaxed", "weak", "gpu", "cta", "ca", "cg", "cs", "wb", "wt"] {
        modifiers.take(hint);
    }
    let space = modifiers.space();
    let lanes = modifiers.find(|name| match name {
        "v2" => Some(2),
        "v4" => Some(4),
        _ => None,
    });
    let of = modifiers.kind()?;
    let [first, second] = exactly(operands)?;
    let (values, address) = if base == "ld" { (first, second) } else { (second, first) };
    let values = vector(values);
    if values.len() != lanes.unwrap_or(1) {
        return Err("the vector has another length".into());
    }
    // Newer compilers load 4 bytes into a 64-bit register: the load extends, the store truncates.
    let widened = !of.is_wide() && names.named(values[0]).is_ok_and(|(kind, _)| kind.is_wide());
    let file = if widened { Type::U64 } else { of };
    let mut registers = [None; 4];
    for (register, value) in registers.iter_mut().zip(&values) {
        *register = if base == "ld" { names.optional(value, file)? } else { Some(names.source(value, file)?) };
    }
    let address = names.address(address, space)?;
    let access = Access { space, of, registers, count: values.len() as u8, widened, address };
    match (base, space) {
        ("ld", _) => Ok(Operation::Ld(access)),
        ("st", Space::Const | Space::Param) => Err("this memory cannot be written".into()),
        _ => Ok(Operation::St(access)),
    }
}

fn atomic(
    names: &mut Names,
    reduction: bool,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
    for scope in ["relaxed", "acq_rel", "acquire", "release", "gpu", "cta", "sys"] {
        modifiers.take(scope);
    }
    let space = modifiers.space();
    let with = modifiers.find(|name| match name {
        "add" => Some(Atomic::Add),
        "min" => Some(Atomic::Min),
        "max" => Some(Atomic::Max),
        "exch" => Some(Atomic::Exch),
        "cas" => Some(Atomic::Cas),
        "and" => Some(Atomic::And),
        "or" => Some(Atomic::Or),
        "xor" => Some(Atomic::Xor),
        "inc" => Some(Atomic::Inc),
        "dec" => Some(Atomic::Dec),
        _ => None,
    });
    let with = with.ok_or("this atomic operation is not supported")?;
    let of = modifiers.kind()?;
    let (to, rest) = match operands {
        [to, rest @ ..] if !reduction => (names.optional(to, of)?, rest),
        rest => (None, rest),
    };
    let (address, b, c) = match (rest, with) {
        ([address, b, c], Atomic::Cas) => (address, names.source(b, of)?, names.source(c, of)?),
        ([address, b], _) if with != Atomic::Cas => (address, names.source(b, of)?, 0),
        _ => return Err("another number of operands is expected".into()),
    };
    Ok(Operation::Atom { with, space, of, to, address: names.address(address, space)?, b, c })
}

fn barrier(
    names: &mut Names,
    base: &str,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
    let warp = modifiers.take("warp");
    if base == "barrier" && !warp {
        modifiers.take("cta");
        modifiers.take("aligned");
    }
    if !modifiers.take("sync") {
        return Err("only bar.sync and bar.warp.sync are supported".into());
    }
    let [which] = exactly(operands)?;
    if warp {
        return Ok(Operation::WarpBar { members: names.source(which, Type::U32)? });
    }
    match which {
        [zero] if number(zero.text) == Some(0) => Ok(Operation::Bar),
        _ => Err("only barrier 0 of all threads is supported".into()),
    }
}

/// A type of 32 bits.
fn word(modifiers: &mut Modifiers<'_>) -> Result<Type> {
    let of = modifiers.kind()?;
    if of.size() == 4 { Ok(of) } else { Err("32 bits are expected".into()) }
}

fn shuffle(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    if !modifiers.take("sync") {
        return Err("shfl without .sync is not supported".into());
    }
    let with = modifiers.find(|name| match name {
        "down" => Some(Shuffle::Down),
        "up" => Some(Shuffle::Up),
        "bfly" => Some(Shuffle::Butterfly),
        "idx" => Some(Shuffle::Index),
        _ => None,
    });
    let with = with.ok_or("shfl needs a mode")?;
    let of = word(modifiers)?;
    let [to, a, b, clamp, members] = exactly(operands)?;
    let mut targets = to.split(|token| token.is("|"));
    let to = names.destination(targets.next().unwrap_or_default(), of)?;
    let valid = targets.next().map(|operand| names.optional(operand, Type::Pred)).transpose()?.flatten();
    Ok(Operation::Shfl {
        with,
        to,
        valid,
        a: names.source(a, of)?,
        b: names.source(b, Type::U32)?,
        clamp: names.source(clamp, Type::U32)?,
        members: names.source(members, Type::U32)?,
    })
}

fn vote(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    if !modifiers.take("sync") {
        return Err("vote without .sync is not supported".into());
    }
    let with = modifiers.find(|name| match name {
        "ballot" => Some(Vote::Ballot),
        "any" => Some(Vote::Any),
        "all" => Some(Vote::All),
        "uni" => Some(Vote::Uniform),
        _ => None,
    });
    let with = with.ok_or("vote needs a mode")?;
    let of = modifiers.kind()?;
    if of != if with == Vote::Ballot { Type::U32 } else { Type::Pred } {
        return Err("the vote has another type".into());
    }
    let [to, condition, members] = exactly(operands)?;
    Ok(Operation::Vote {
        with,
        to: names.destination(to, of)?,
        condition: names.condition(condition)?,
        members: names.source(members, Type::U32)?,
    })
}

fn redux(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
    modifiers.take("sync");
    let with = modifiers.find(|name| match name {
        "add" => Some(Reduction::Add),
        "min" => Some(Reduction::Min),
        "max" => Some(Reduction::Max),
        "and" => Some(Reduction::And),
        "or" => Some(Reduction::Or),
        "xor" => Some(Reduction::Xor),
        _ => None,
    });
    let with = with.ok_or("redux needs an operation")?;
    let of = modifiers.kind()?;
    let [to, a, members] = exactly(operands)?;
    Ok(Operation::Redux {
        with,
        of,
        to: names.destination(to, of)?,
        a: names.source(a, of)?,
        members: names.source(members, Type::U32)?,
    })
}
