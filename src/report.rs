//! From records to a report, with the pages of their worlds.
use crate::{error::Result, resampling};
use reports::{Record, ReportContext, Summary, WorldText, write_report};
use std::path::Path;

/// Writes report.html, report.md, report.json and the charts to `folder`; `command` makes the records again.
///
/// # Errors
/// When the records make no report, or the folder cannot be written.
pub fn write(folder: &Path, records: &[Record], title: &str, command: &str) -> Result<Summary> {
    write_since(folder, records, title, command, None)
}

/// Writes the report as [`write()`] does; it also says what changed since the report `before`.
///
/// # Errors
/// As [`write()`].
pub fn write_since(
    folder: &Path,
    records: &[Record],
    title: &str,
    command: &str,
    before: Option<Summary>,
) -> Result<Summary> {
    Ok(write_report(folder, records, &context(records, title, command, before), &resampling::draw(0))?)
}

/// What a report of `records` says beside their figures.
pub(crate) fn context(records: &[Record], title: &str, command: &str, before: Option<Summary>) -> ReportContext {
    let mut ids: Vec<&str> = records.iter().map(|record| record.env.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let worlds = ids.into_iter().filter_map(|id| envs::find(id).ok()).map(|entry| WorldText {
        id: entry.id.into(),
        about: entry.about(),
        page_markdown: entry.page(),
    });
    ReportContext { title: title.into(), command: command.into(), worlds: worlds.collect(), before }
}
