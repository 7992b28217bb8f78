//! Records in, statistics, charts and self-contained reports out.
//!
//! One finished trial (world, agent, seed) is one [`Record`], one line of JSON. Everything a report says is derived
//! from such lines alone, so whoever holds the lines can build the same report again, byte for byte.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use mercato_reports::{ReportContext, read_records, write_report};
//!
//! let dir = Path::new("runs/quick");
//! let records = read_records(&dir.join("records.jsonl"))?;
//! let context = ReportContext {
//!     title: "Quick suite".into(),
//!     command: "mercato run quick".into(),
//!     worlds: Vec::new(),
//!     before: None,
//! };
//! // Indices for the bootstrap: any uniform generator that is a function of the address.
//! # fn uniform_below(n: u32, _: mercato_reports::stats::Address) -> u32 { n / 2 }
//! let draw = |address, n, indices: &mut [u32]| indices.fill(uniform_below(n, address));
//! let summary = write_report(dir, &records, &context, &draw)?;
//! println!("{}", summary.verdicts.join("\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod changes;
mod charts;
pub mod columns;
pub mod comparison;
mod contents;
mod document;
mod export;
mod html;
mod markdown;
mod names;
mod number;
pub mod ope;
pub mod record;
mod report;
#[cfg(test)]
mod sample;
pub mod schema;
pub mod speed;
pub mod stats;
mod summarise;
pub mod summary;
pub mod tensorboard;
pub mod verdicts;

pub use charts::{Chart, ChartError, Exposure, Growth, Line, Panel, Version};
pub use charts::{
    all as report_charts, episode as episode_chart, exposure as exposure_chart, growth as growth_chart,
    paths as paths_chart, versions as versions_chart,
};
pub use columns::TableError;
pub use record::{Record, RecordError, parse, read_records};
pub use report::{ReportContext, ReportError, WorldText, report_files, write_report};
pub use summarise::{RESAMPLES, SummaryError, summarise};
pub use summary::Summary;
