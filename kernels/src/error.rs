//! What can go wrong, with the remedy in the message.

/// Errors of devices and their operations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `MERCATO_ISA` names no instruction set.
    #[error("MERCATO_ISA is `{0}`; it must be scalar, avx2 or avx512")]
    UnknownIsa(String),
    /// The machine lacks the instruction set that was asked for.
    #[error("this machine has no {0}; unset MERCATO_ISA or set it to scalar")]
    MissingIsa(&'static str),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
