//! Records in, statistics, charts and self-contained reports out.
//!
//! One finished trial (world, agent, seed) is one [`Record`], one line of JSON. Everything a report says is derived
//! from such lines alone, so whoever holds the lines can build the same report again, byte for byte.

pub mod record;
#[cfg(test)]
mod sample;
pub mod stats;

pub use record::{Record, RecordError, parse, read_records};
