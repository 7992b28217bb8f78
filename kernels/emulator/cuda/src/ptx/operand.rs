//! Operands: registers, immediates, special registers, symbols, addresses.
use super::instruction::{Address, Condition, Space, Type};
use super::lexer::{Token, number};
use super::{Constant, File, Kernel, Special, Value};
use std::collections::BTreeMap;

/// What a name in a body stands for.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    Register(Type, u16),
    /// A variable of the body, or a parameter: its offset.
    Offset(Space, u64),
    Variable(usize),
    DynamicShared,
}

/// The names of a body, and the kernel whose registers they use.
pub struct Names {
    pub kernel: Kernel,
    pub names: BTreeMap<String, Name>,
    constants: BTreeMap<(File, Value), u16>,
}

type Result<T> = std::result::Result<T, String>;

impl Names {
    pub fn new(kernel: Kernel, names: BTreeMap<String, Name>) -> Self {
        Self { kernel, names, constants: BTreeMap::new() }
    }

    /// A new register of type `of`.
    pub fn register(&mut self, of: Type) -> Result<u16> {
        let file = match of.file() {
            File::Predicate => &mut self.kernel.predicates,
            File::Wide => &mut self.kernel.wide,
            File::Narrow => &mut self.kernel.narrow,
        };
        *file += 1;
        u16::try_from(*file - 1).map_err(|_| "more than 65536 registers".to_string())
    }

    fn constant(&mut self, value: Value, of: Type) -> Result<u16> {
        let file = of.file();
        if let Some(register) = self.constants.get(&(file, value)) {
            return Ok(*register);
        }
        let register = self.register(of)?;
        self.kernel.constants.push(Constant { file, register, value });
        self.constants.insert((file, value), register);
        Ok(register)
    }

    fn value(name: Name) -> Option<Value> {
        match name {
            Name::Register(..) => None,
            Name::Offset(_, offset) => Some(Value::Bits(offset)),
            Name::Variable(index) => Some(Value::Variable(index)),
            Name::DynamicShared => Some(Value::DynamicShared),
        }
    }

    /// A source operand in the register file of `of`.
    pub fn source(&mut self, operand: &[Token<'_>], of: Type) -> Result<u16> {
        let (negative, word) = match operand {
            [word] => (false, word.text),
            [minus, word] if minus.is("-") => (true, word.text),
            _ => return Err(format!("operand `{}` is not supported", text(operand))),
        };
        if let Some(bits) = number(word) {
            let bits = if negative { bits.wrapping_neg() } else { bits };
            let bits = if of.is_wide() { bits } else { bits & u64::from(u32::MAX) };
            let bits = if of.size() == 2 { bits & 0xFFFF } else { bits };
            return self.constant(Value::Bits(bits), of);
        }
        match self.names.get(word).copied() {
            Some(Name::Register(kind, register)) => {
                if kind.file() == of.file() {
                    Ok(register)
                } else {
                    Err(format!("register {word} has another width"))
                }
            }
            Some(name) => match Self::value(name) {
                Some(value) => self.constant(value, of),
                None => Err(format!("operand {word} is not a value")),
            },
            None => self.special(word),
        }
    }

    fn special(&mut self, word: &str) -> Result<u16> {
        let dimension = |name: &str| match word.strip_prefix(name)? {
            ".x" => Some(0),
            ".y" => Some(1),
            ".z" => Some(2),
            _ => None,
        };
        let special = match word {
            "%laneid" => Special::Lane,
            "%warpid" => Special::Warp,
            "%nwarpid" => Special::Warps,
            "%lanemask_lt" => Special::LanesBelow,
            "%lanemask_le" => Special::LanesUpTo,
            "%lanemask_eq" => Special::LaneBit,
            "%lanemask_ge" => Special::LanesFrom,
            "%lanemask_gt" => Special::LanesAbove,
            _ => dimension("%tid")
                .map(Special::Thread)
                .or_else(|| dimension("%ntid").map(Special::Threads))
                .or_else(|| dimension("%ctaid").map(Special::Block))
                .or_else(|| dimension("%nctaid").map(Special::Blocks))
                .ok_or_else(|| format!("operand {word} is not known"))?,
        };
        let register = self.register(Type::U32)?;
        self.kernel.special.push((register, special));
        self.names.insert(word.into(), Name::Register(Type::U32, register));
        Ok(register)
    }

    /// The register of a destination operand of type `of`.
    pub fn destination(&self, operand: &[Token<'_>], of: Type) -> Result<u16> {
        let (kind, register) = self.named(operand)?;
        if kind.file() == of.file() {
            Ok(register)
        } else {
            Err(format!("register {} has another width", text(operand)))
        }
    }

    /// A destination that may be the sink `_`.
    pub fn optional(&self, operand: &[Token<'_>], of: Type) -> Result<Option<u16>> {
        if let [word] = operand
            && word.is("_")
        {
            return Ok(None);
        }
        self.destination(operand, of).map(Some)
    }

    /// Type and index of a register.
    pub fn named(&self, operand: &[Token<'_>]) -> Result<(Type, u16)> {
        match operand {
            [word] => match self.names.get(word.text) {
                Some(Name::Register(kind, register)) => Ok((*kind, *register)),
                _ => Err(format!("{} is not a register", word.text)),
            },
            _ => Err(format!("`{}` is not a register", text(operand))),
        }
    }

    /// A predicate operand, `%p` or `!%p`.
    pub fn condition(&self, operand: &[Token<'_>]) -> Result<Condition> {
        let negated = operand.first().is_some_and(|token| token.is("!"));
        let predicate = self.destination(&operand[usize::from(negated)..], Type::Pred)?;
        Ok(Condition { predicate, negated })
    }

    /// `[register+offset]`, `[symbol+offset]` or `[immediate]`; a symbol must be of the space that is accessed.
    pub fn address(&mut self, operand: &[Token<'_>], space: Space) -> Result<Address> {
        let bad = || format!("address `{}` is not supported", text(operand));
        let [open, base, offset @ .., close] = operand else { return Err(bad()) };
        if !open.is("[") || !close.is("]") {
            return Err(bad());
        }
        let offset = match offset {
            [] => 0,
            [plus, value] if plus.is("+") => number(value.text).ok_or_else(bad)? as i64,
            [plus, minus, value] if plus.is("+") && minus.is("-") => -(number(value.text).ok_or_else(bad)? as i64),
            [minus, value] if minus.is("-") => -(number(value.text).ok_or_else(bad)? as i64),
            _ => return Err(bad()),
        };
        if let Some(Name::Register(kind, register)) = self.names.get(base.text) {
            return Ok(Address { base: *register, wide: kind.is_wide(), offset });
        }
        if let Some(Name::Offset(of_symbol, _)) = self.names.get(base.text)
            && *of_symbol != space
        {
            return Err(format!("{} is not in this memory", base.text));
        }
        let base = self.source(std::slice::from_ref(base), Type::U64)?;
        Ok(Address { base, wide: true, offset })
    }
}

/// Operands as they stood in the text.
pub fn text(tokens: &[Token<'_>]) -> String {
    tokens.iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
}
