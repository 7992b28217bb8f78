//! What can go wrong, with the remedy in the message.

/// Errors of devices and their operations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `MERCATO_ISA` names no instruction set.
    #[error("MERCATO_ISA is `{0}`; it must be scalar, avx2 or avx512")]
    UnknownIsa(String),
    /// The device has no memory for a buffer.
    #[error("no room for a buffer of {0} MiB; a smaller `memory`, `batch` or `hidden` needs less")]
    NoRoom(usize),
    /// The machine lacks the instruction set that was asked for.
    #[error("this machine has no {0}; unset MERCATO_ISA or set it to scalar")]
    MissingIsa(&'static str),
    /// A batch was asked of a ring without a complete transition.
    #[error(
        "the replay memory of {slots} slots offers no complete transition after {committed} steps; start learning later \
         or make it larger than the window of {window} steps"
    )]
    NothingToDraw {
        /// Slots in the ring.
        slots: usize,
        /// Slots committed so far.
        committed: u32,
        /// Window length n.
        window: usize,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
