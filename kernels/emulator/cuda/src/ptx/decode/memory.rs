//! Memory, barriers, and what lanes do together.
use super::{Operands, Result, exactly, vector, word};
use crate::ptx::instruction::*;
use crate::ptx::lexer::number;
use crate::ptx::modifiers::Modifiers;
use crate::ptx::operand::Names;

pub(super) fn access(
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

pub(super) fn atomic(
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

pub(super) fn barrier(
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

pub(super) fn shuffle(
    names: &mut Names,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
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

pub(super) fn vote(names: &mut Names, modifiers: &mut Modifiers<'_>, operands: &Operands<'_, '_>) -> Result<Operation> {
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

pub(super) fn redux(
    names: &mut Names,
    modifiers: &mut Modifiers<'_>,
    operands: &Operands<'_, '_>,
) -> Result<Operation> {
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
