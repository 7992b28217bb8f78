//! Records in, statistics, charts and self-contained reports out.
//!
//! One finished trial (world, agent, seed) is one [`Record`], one line of JSON. Everything a report says is derived
//! from such lines alone, so whoever holds the lines can build the same report again, byte for byte.

mod charts;
mod contents;
mod document;
mod html;
mod markdown;
mod number;
pub mod record;
mod report;
#[cfg(test)]
mod sample;
pub mod stats;
mod summarise;
pub mod summary;
pub mod tensorboard;
pub mod verdicts;

pub use record::{Record, RecordError, parse, read_records};
pub use report::{ReportContext, ReportError, WorldText, write_report};
pub use summarise::{RESAMPLES, SummaryError, summarise};
pub use summary::Summary;
