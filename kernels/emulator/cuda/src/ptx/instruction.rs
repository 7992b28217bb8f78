//! Decoded instructions. Operands are indices into a register file: 32 bits, 64 bits or predicates, as the type says.
use super::File;

/// The type of an instruction. Untyped bits (`.b32`) are unsigned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Type {
    Pred,
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    S64,
    F32,
    F64,
}

impl Type {
    /// From its name without the dot.
    pub fn parse(name: &str) -> Option<Type> {
        Some(match name {
            "pred" => Type::Pred,
            "u8" | "b8" => Type::U8,
            "u16" | "b16" => Type::U16,
            "u32" | "b32" => Type::U32,
            "u64" | "b64" => Type::U64,
            "s8" => Type::S8,
            "s16" => Type::S16,
            "s32" => Type::S32,
            "s64" => Type::S64,
            "f32" => Type::F32,
            "f64" => Type::F64,
            _ => return None,
        })
    }

    /// Bytes in memory.
    pub fn size(self) -> usize {
        match self {
            Type::Pred => 0,
            Type::U8 | Type::S8 => 1,
            Type::U16 | Type::S16 => 2,
            Type::U32 | Type::S32 | Type::F32 => 4,
            Type::U64 | Type::S64 | Type::F64 => 8,
        }
    }

    /// Where its registers are.
    pub fn file(self) -> File {
        match self {
            Type::Pred => File::Predicate,
            _ if self.is_wide() => File::Wide,
            _ => File::Narrow,
        }
    }

    /// Whether its registers are in the 64-bit file.
    pub fn is_wide(self) -> bool {
        self.size() == 8
    }

    /// Whether arithmetic on it rounds.
    pub fn is_float(self) -> bool {
        matches!(self, Type::F32 | Type::F64)
    }

    /// Whether it is an integer with a sign.
    pub fn is_signed(self) -> bool {
        matches!(self, Type::S8 | Type::S16 | Type::S32 | Type::S64)
    }
}

/// One instruction.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// What it does.
    pub operation: Operation,
    /// The predicate that switches lanes on.
    pub guard: Option<Condition>,
    /// Line of the PTX text.
    pub line: u32,
    /// Its text, for messages.
    pub opcode: Box<str>,
}

/// A predicate, possibly negated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Which predicate.
    pub predicate: u16,
    /// Whether it switches on where the predicate is false.
    pub negated: bool,
}

/// Where a memory access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Space {
    Generic,
    Global,
    Shared,
    Local,
    Const,
    Param,
}

/// A register, 64 or 32 bits wide, plus an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// Register.
    pub base: u16,
    /// Whether the register is in the 64-bit file.
    pub wide: bool,
    /// Bytes beyond it.
    pub offset: i64,
}

/// The registers of a load or a store.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Memory that is meant.
    pub space: Space,
    /// Type in memory.
    pub of: Type,
    /// Registers, 1, 2 or 4 of them; the sink `_` of a load is none.
    pub registers: [Option<u16>; 4],
    /// How many are used.
    pub count: u8,
    /// Whether the registers are 64 bits wide though the type is narrower.
    pub widened: bool,
    /// Where.
    pub address: Address,
}

/// Operations with one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Unary {
    Mov,
    Not,
    Neg,
    Abs,
    Popc,
    Clz,
    Brev,
    Bfind { shift: bool },
    Rcp,
    Sqrt,
    Cnot,
}

/// Operations with two sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Binary {
    Add,
    Sub,
    MulLo,
    MulHi,
    MulWide,
    Div,
    Rem,
    Min,
    Max,
    And,
    Or,
    Xor,
    Shl,
    Shr,
    Copysign,
}

/// Operations with three sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Ternary {
    Fma,
    MadLo,
    MadHi,
    MadWide,
    Sad,
    Lop3(u8),
    Shf { left: bool, clamp: bool },
    Prmt,
    Bfe,
    Dp4a { signed: (bool, bool) },
}

/// Comparisons; the ones that end in `u` are also true where an operand is NaN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Equ,
    Neu,
    Ltu,
    Leu,
    Gtu,
    Geu,
    Num,
    Nan,
}

/// How a comparison joins another predicate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Join {
    And,
    Or,
    Xor,
}

/// Rounding of a conversion to an integer value; other conversions round to nearest even.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// `.rn`, or exact.
    Nearest,
    /// `.rni`.
    NearestInteger,
    /// `.rzi`.
    Truncate,
    /// `.rmi`.
    Floor,
    /// `.rpi`.
    Ceil,
}

/// Read-modify-write operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Atomic {
    Add,
    Min,
    Max,
    Exch,
    Cas,
    And,
    Or,
    Xor,
    Inc,
    Dec,
}

/// From which lane a shuffle reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Shuffle {
    Down,
    Up,
    Butterfly,
    Index,
}

/// What a vote answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Vote {
    Ballot,
    Any,
    All,
    Uniform,
}

/// What a `redux.sync` computes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are PTX's own")]
pub enum Reduction {
    Add,
    Min,
    Max,
    And,
    Or,
    Xor,
}

/// What an instruction does; `to` is the destination, `a`, `b`, `c` are the sources.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are operands, named in the line above")]
pub enum Operation {
    Unary {
        with: Unary,
        of: Type,
        to: u16,
        a: u16,
    },
    Binary {
        with: Binary,
        of: Type,
        to: u16,
        a: u16,
        b: u16,
    },
    Ternary {
        with: Ternary,
        of: Type,
        to: u16,
        a: u16,
        b: u16,
        c: u16,
    },
    /// `bfi`: the low `length` bits of `a` into `b` from bit `position` on.
    Insert {
        of: Type,
        to: u16,
        a: u16,
        b: u16,
        position: u16,
        length: u16,
    },
    Setp {
        with: Comparison,
        of: Type,
        to: u16,
        complement: Option<u16>,
        a: u16,
        b: u16,
        join: Option<(Join, Condition)>,
    },
    Selp {
        of: Type,
        to: u16,
        a: u16,
        b: u16,
        condition: u16,
    },
    Cvt {
        from: Type,
        into: Type,
        rounding: Rounding,
        saturate: bool,
        to: u16,
        a: u16,
    },
    /// An address of `space` to or from the generic space.
    Cvta {
        space: Space,
        from_generic: bool,
        to: u16,
        a: u16,
    },
    /// Two halves into a register of type `of`.
    Pack {
        of: Type,
        to: u16,
        low: u16,
        high: u16,
    },
    /// A register of type `of` into two halves.
    Unpack {
        of: Type,
        low: Option<u16>,
        high: Option<u16>,
        a: u16,
    },
    Ld(Access),
    St(Access),
    Atom {
        with: Atomic,
        space: Space,
        of: Type,
        to: Option<u16>,
        address: Address,
        b: u16,
        c: u16,
    },
    Bra {
        target: usize,
    },
    /// `bar.sync 0`: all threads of the block.
    Bar,
    /// `bar.warp.sync`.
    WarpBar {
        members: u16,
    },
    /// Orders memory; the interpreter's memory is ordered anyway.
    Fence,
    Shfl {
        with: Shuffle,
        to: u16,
        valid: Option<u16>,
        a: u16,
        b: u16,
        clamp: u16,
        members: u16,
    },
    Vote {
        with: Vote,
        to: u16,
        condition: Condition,
        members: u16,
    },
    Redux {
        with: Reduction,
        of: Type,
        to: u16,
        a: u16,
        members: u16,
    },
    Activemask {
        to: u16,
    },
    Exit,
    Trap,
}
