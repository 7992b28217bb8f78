//! `mercato report DIR`.
use super::{Output, run};
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    publish::publish,
    report::write_since,
    reports::{Summary, report_charts},
    store::records,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Options of `mercato report`.
#[derive(Args)]
pub struct Report {
    /// A folder with records.jsonl, or a published one with records/*.jsonl
    folder: PathBuf,
    /// Write it to this folder, with records and thinned trails: what is needed to verify it, and no more
    #[arg(long, value_name = "FOLDER")]
    publish: Option<PathBuf>,
    /// Say what changed since the report in this folder
    #[arg(long, value_name = "FOLDER")]
    since: Option<PathBuf>,
    /// Write the charts as PNG too, at twice their size
    #[arg(long)]
    png: bool,
    #[command(flatten)]
    output: Output,
}

/// Makes the report again from its records.
pub fn run(command: &Report) -> Result<ExitCode> {
    let folder = &command.folder;
    let records = records(folder)?;
    let before = std::fs::read_to_string(folder.join("report.json")).ok();
    let before = before.and_then(|text| serde_json::from_str::<Summary>(&text).ok());
    let name = records.first().map_or("records", |record| record.experiment.as_str()).to_string();
    let (title, again) = match before {
        Some(summary) => (summary.title, summary.command),
        None => (name.clone(), format!("mercato run {name}")),
    };
    let since = command.since.as_deref().map(summary_in).transpose()?;
    let (summary, folder) = match &command.publish {
        Some(to) => (publish(folder, to, &records, &title, &again, since)?, to),
        None => (write_since(folder, &records, &title, &again, since)?, folder),
    };
    if command.png {
        write_charts(&folder.join("charts"), &summary)?;
    }
    run::show(&summary, &records, folder, command.output.format)
}

/// The figures of the report in `folder`.
fn summary_in(folder: &Path) -> Result<Summary> {
    let path = folder.join("report.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let again =
        || format!("{} has another layout; `mercato report {}` makes it again", path.display(), folder.display());
    serde_json::from_str(&text).with_context(again)
}

/// The charts of a report as PNG, light and dark.
fn write_charts(folder: &Path, summary: &Summary) -> Result<()> {
    for chart in report_charts(summary)? {
        for (dark, end) in [(false, "png"), (true, "dark.png")] {
            let path = folder.join(&chart.file).with_extension(end);
            std::fs::write(&path, chart.png(dark)?).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}
