//! `mercato fit choice DATA.csv`.
use super::{Format, Output, print, print_json, table::Table};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mercato::envs::fit::{ChoiceData, Columns, FitOptions, fit_choice};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};

/// What can be estimated.
#[derive(Subcommand)]
pub enum Fit {
    /// A multinomial logit from a panel of choices, by Newton's method
    Choice(Choice),
}

/// Options of `mercato fit choice`.
#[derive(Args)]
pub struct Choice {
    /// Wide table: one row per choice, with columns ATTRIBUTE.ALTERNATIVE
    data: PathBuf,
    /// The column that says who chose
    #[arg(long, default_value = "id")]
    id: String,
    /// The column that says what was chosen
    #[arg(long, default_value = "choice")]
    choice: String,
    /// Add "same as last time", on the choices with a known predecessor of the same `id`
    #[arg(long)]
    memory: bool,
    /// The alternative whose intercept is 0 [default: the first in the table]
    #[arg(long)]
    base: Option<String>,
    #[command(flatten)]
    output: Output,
}

/// Estimates and prints.
pub fn run(command: &Fit) -> Result<ExitCode> {
    let Fit::Choice(command) = command;
    let path = command.data.display();
    let file = std::fs::File::open(&command.data).with_context(|| format!("cannot read {path}"))?;
    let columns = Columns { id: command.id.clone(), choice: command.choice.clone() };
    let data = ChoiceData::read_csv_with(std::io::BufReader::new(file), &columns).with_context(|| format!("{path}"))?;
    let options = FitOptions { memory: command.memory, base: command.base.clone() };
    let fit = fit_choice(&data, &options).with_context(|| format!("{path}"))?;
    if command.output.format == Format::Json {
        return print_json(&json!({ "schema": 1, "memory": command.memory, "fit": fit }));
    }
    let mut table = Table::new(&["coefficient", "estimate", "standard error"]);
    for ((name, estimate), error) in fit.names.iter().zip(&fit.estimates).zip(&fit.standard_errors) {
        table.row([name.clone(), format!("{estimate:.4}"), format!("{error:.4}")]);
    }
    let (likelihood, count, steps) = (fit.log_likelihood, fit.observations, fit.iterations);
    print(&format!("{}\nlog-likelihood {likelihood:.3}, {count} choices, {steps} Newton steps\n", table.text(&[1, 2])))
}
