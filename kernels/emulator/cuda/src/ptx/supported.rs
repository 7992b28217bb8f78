//! Which types an operation has: what the manual does not define, or the interpreter does not do, is refused at loading.
use super::instruction::{Atomic, Binary, Operation, Reduction, Ternary, Type, Unary};

/// An error unless the operation is defined for its type.
pub(super) fn check(operation: &Operation) -> Result<(), String> {
    let fits = match *operation {
        Operation::Unary { with, of, .. } => unary(with, of),
        Operation::Binary { with, of, .. } => binary(with, of),
        Operation::Ternary { with, of, .. } => ternary(with, of),
        Operation::Insert { of, .. } => of == Type::U32 || of == Type::U64,
        Operation::Setp { of, .. } | Operation::Selp { of, .. } => of.size() >= 2,
        Operation::Cvt { from, into, .. } => from != Type::Pred && into != Type::Pred,
        Operation::Ld(access) | Operation::St(access) => access.of != Type::Pred,
        Operation::Atom { with, of, .. } => match with {
            Atomic::Add => of.size() >= 4 && of != Type::S64,
            Atomic::Min | Atomic::Max => of.size() >= 4 && !of.is_float(),
            Atomic::Inc | Atomic::Dec => of == Type::U32,
            _ => of == Type::U32 || of == Type::U64,
        },
        Operation::Redux { with: Reduction::Add | Reduction::Min | Reduction::Max, of, .. } => word(of),
        Operation::Redux { of, .. } => of == Type::U32,
        _ => true,
    };
    if fits { Ok(()) } else { Err("the operation has no such type".into()) }
}

/// An integer of 32 bits.
fn word(of: Type) -> bool {
    of == Type::U32 || of == Type::S32
}

/// An integer of 32 or 64 bits.
fn large(of: Type) -> bool {
    of.size() >= 4 && !of.is_float()
}

/// An integer of 16, 32 or 64 bits.
fn integer(of: Type) -> bool {
    of.size() >= 2 && !of.is_float()
}

fn unary(with: Unary, of: Type) -> bool {
    match with {
        Unary::Mov => of == Type::Pred || of.size() >= 2,
        Unary::Not => of == Type::Pred || integer(of),
        Unary::Neg | Unary::Abs => of.is_float() || of.size() >= 2 && of.is_signed(),
        Unary::Popc | Unary::Clz | Unary::Brev => of == Type::U32 || of == Type::U64,
        Unary::Bfind { .. } => large(of),
        Unary::Rcp | Unary::Sqrt => of.is_float(),
        Unary::Cnot => integer(of) && !of.is_signed(),
    }
}

fn binary(with: Binary, of: Type) -> bool {
    match with {
        Binary::Add | Binary::Sub | Binary::MulLo | Binary::Min | Binary::Max => integer(of) || of.is_float(),
        Binary::MulHi | Binary::Rem => large(of),
        Binary::MulWide => integer(of) && !of.is_wide(),
        Binary::Div => large(of) || of.is_float(),
        Binary::And | Binary::Or | Binary::Xor => of == Type::Pred || integer(of),
        Binary::Shl | Binary::Shr => integer(of),
        Binary::Copysign => of.is_float(),
    }
}

fn ternary(with: Ternary, of: Type) -> bool {
    match with {
        Ternary::Fma => of.is_float(),
        Ternary::MadLo => integer(of),
        Ternary::MadHi | Ternary::Sad => word(of),
        Ternary::MadWide => integer(of) && !of.is_wide(),
        Ternary::Lop3(_) | Ternary::Shf { .. } | Ternary::Prmt => of == Type::U32,
        Ternary::Bfe => large(of),
        Ternary::Dp4a { .. } => word(of),
    }
}
