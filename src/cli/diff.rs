//! `mercato diff A B`.
use super::{Format, Output, print, print_json, table::Table};
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    reports::{
        Summary,
        changes::{Change, Changes, changes},
        summarise,
    },
    resampling,
    store::records,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Options of `mercato diff`.
#[derive(Args)]
pub struct Diff {
    /// The folder before: of a run, or a published one
    before: PathBuf,
    /// The folder after
    after: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Compares and prints.
pub fn run(command: &Diff) -> Result<ExitCode> {
    let found = changes(&summary(&command.before)?, &summary(&command.after)?);
    if command.output.format == Format::Json {
        return print_json(&serde_json::to_value(&found)?);
    }
    print(&text(&found))
}

fn summary(folder: &Path) -> Result<Summary> {
    let records = records(folder)?;
    summarise("", "", &records, &resampling::draw(0)).with_context(|| folder.display().to_string())
}

fn text(found: &Changes) -> String {
    let mut text = found.code.iter().map(|change| format!("code: {}\n", line(change))).collect::<String>();
    text += if text.is_empty() { "" } else { "\n" };
    let headings = ["world", "agent", "n", "before", "after", "95 % interval of the difference", "p", "verdict"];
    let mut table = Table::new(&headings);
    let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
    for cell in &found.cells {
        let verdict = serde_json::to_value(cell.verdict).ok().and_then(|value| value.as_str().map(String::from));
        table.row([
            cell.world.clone(),
            cell.agent.clone(),
            format!("{}, {}", cell.n[0], cell.n[1]),
            number(cell.means[0]),
            number(cell.means[1]),
            cell.difference.map_or("–".into(), |ends| format!("{:.4} to {:.4}", ends.low, ends.high)),
            number(cell.p_holm),
            verdict.unwrap_or_default().replace('_', " "),
        ]);
    }
    text += &table.text(&[2, 3, 4, 5, 6]);
    for cell in &found.cells {
        for change in &cell.settings {
            text += &format!("\n{}, {}: {}", cell.world, cell.agent, line(change));
        }
    }
    text.trim_end().to_string() + "\n"
}

fn line(change: &Change) -> String {
    let of = |value: &Option<String>| value.clone().unwrap_or("(none)".into());
    format!("{} {} → {}", change.name, of(&change.before), of(&change.after))
}
