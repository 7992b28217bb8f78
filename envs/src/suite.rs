//! The worlds: one file each under `suite/<family>/`, one line in [`ENVS`].
use crate::registry::Entry;

/// Worlds for comparing agents with published curves, and for tests.
pub mod classic {
    pub mod chain;
}

/// Every world, in the order of the documentation.
pub const ENVS: &[Entry] =
    &[Entry::new::<classic::chain::Chain>("classic/chain-v1", include_str!("suite/classic/chain.rs"))];
