//! `mercato report DIR`.
use super::{Output, run};
use anyhow::Result;
use clap::Args;
use mercato::{
    Error,
    report::write,
    reports::{Summary, read_records},
};
use std::{path::PathBuf, process::ExitCode};

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
