//! `mercato report DIR`.
use super::{Output, run};
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    Error, envs,
    reports::{Record, ReportContext, Summary, WorldText, read_records, write_report},
    resampling,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Options of `mercato report`.
#[derive(Args)]
pub struct Report {
    /// A folder with records.jsonl
    folder: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Makes the report again from its records.
pub fn run(command: &Report) -> Result<ExitCode> {
    let folder = &command.folder;
    let records = read_records(&folder.join("records.jsonl")).map_err(Error::from)?;
    let before = std::fs::read_to_string(folder.join("report.json")).ok();
    let before = before.and_then(|text| serde_json::from_str::<Summary>(&text).ok());
    let name = records.first().map_or("records", |record| record.experiment.as_str()).to_string();
    let (title, again) = match before {
        Some(summary) => (summary.title, summary.command),
        None => (name.clone(), format!("mercato run {name}")),
    };
    let summary = write(folder, &records, &title, &again)?;
    run::show(&summary, &records, folder, command.output.format)
}

/// Writes report.html, report.md, report.json and the charts to `folder`.
pub fn write(folder: &Path, records: &[Record], title: &str, command: &str) -> Result<Summary> {
    let mut ids: Vec<&str> = records.iter().map(|record| record.env.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    let worlds = ids.into_iter().filter_map(|id| envs::find(id).ok()).map(|entry| WorldText {
        id: entry.id.into(),
        about: entry.about(),
        page_markdown: entry.page(),
    });
    let context = ReportContext { title: title.into(), command: command.into(), worlds: worlds.collect() };
    write_report(folder, records, &context, &resampling::draw(0))
        .with_context(|| format!("cannot write the report to {}", folder.display()))
}
