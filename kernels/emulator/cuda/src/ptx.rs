//! PTX text to decoded instructions.
//!
//! The subset is what NVRTC emits for plain C kernels compiled with `--fmad=false`. Whatever is not known is an error
//! that names the line, so a kernel never runs with an instruction half understood. Three things are refused on purpose,
//! because their results differ between devices or compilers: `.approx`, `.ftz`, and sums and products of floats without
//! `.rn` (which an assembler may contract into a fused multiply-add).
mod body;
mod decode;
pub mod instruction;
mod lexer;
mod modifiers;
mod module;
mod operand;
mod supported;

pub use module::{Module, parse};

/// Why a module cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// Line of the PTX text, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "PTX line {}: {}", self.line, self.message)
    }
}

/// A kernel (`.entry`).
#[derive(Debug, Clone, Default)]
pub struct Kernel {
    /// Its name in the module.
    pub name: String,
    /// In declaration order.
    pub parameters: Vec<Parameter>,
    /// Size of the parameter block.
    pub parameter_bytes: usize,
    /// Instructions; branch targets are indices.
    pub code: Vec<instruction::Instruction>,
    /// Number of registers of at most 32 bits, among them constants and special registers.
    pub narrow: usize,
    /// Number of registers of 64 bits, among them constants.
    pub wide: usize,
    /// Number of predicates.
    pub predicates: usize,
    /// Registers that hold a constant.
    pub constants: Vec<Constant>,
    /// Registers that hold a special register.
    pub special: Vec<(u16, Special)>,
    /// Shared memory declared in the kernel.
    pub static_shared: usize,
    /// Local memory per thread.
    pub local: usize,
    /// Most threads of a block (`.maxntid`, `.reqntid`).
    pub max_threads: u32,
}

impl Kernel {
    /// Where dynamic shared memory begins.
    pub fn dynamic_shared(&self) -> usize {
        self.static_shared.next_multiple_of(16)
    }
}

/// A launch argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name in the text.
    pub name: String,
    /// Offset in the parameter block.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
}

/// A register file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum File {
    /// Up to 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
    /// One bit.
    Predicate,
}

/// A register that holds a constant.
#[derive(Debug, Clone, Copy)]
pub struct Constant {
    /// The file it is in.
    pub file: File,
    /// Which register.
    pub register: u16,
    /// What it holds.
    pub value: Value,
}

/// The value of a constant; addresses are known at the launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// An immediate, or an offset in a parameter block, shared or local memory.
    Bits(u64),
    /// The address of a variable of the module.
    Variable(usize),
    /// The beginning of dynamic shared memory.
    DynamicShared,
}

/// A special register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Special {
    /// `%tid`, by dimension.
    Thread(usize),
    /// `%ntid`.
    Threads(usize),
    /// `%ctaid`.
    Block(usize),
    /// `%nctaid`.
    Blocks(usize),
    /// `%laneid`.
    Lane,
    /// `%warpid`.
    Warp,
    /// `%nwarpid`.
    Warps,
    /// `%lanemask_lt`.
    LanesBelow,
    /// `%lanemask_le`.
    LanesUpTo,
    /// `%lanemask_eq`.
    LaneBit,
    /// `%lanemask_ge`.
    LanesFrom,
    /// `%lanemask_gt`.
    LanesAbove,
}

/// A variable of the module (`.global` or `.const`).
#[derive(Debug, Clone, Default)]
pub struct Variable {
    /// Its name in the module.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// First bytes; the rest is zero.
    pub initial: Vec<u8>,
}
