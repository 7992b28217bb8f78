//! `mercato verify DIR`.
use super::{Format, Output, print, print_json, progress::Bars, run, stats::positive};
use anyhow::Result;
use clap::{Args, ValueEnum};
use mercato::{
    Error,
    reports::Record,
    store::records,
    verify::{Mismatch, Tier, Verification, Verifier},
};
use std::{path::PathBuf, process::ExitCode};

/// Options of `mercato verify`.
#[derive(Args)]
pub struct Verify {
    /// A folder with records.jsonl, or a published one with records/*.jsonl
    folder: PathBuf,
    /// Run only so many trials again, drawn at random; 0 checks the files alone [default: all]
    #[arg(long)]
    sample: Option<usize>,
    /// Run only this trial again, by its id; may be given several times
    #[arg(long = "trial", value_name = "ID")]
    only: Vec<String>,
    /// Seed of the choice of the sample, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    seed: u64,
    /// How alike a re-run must be [default: in every bit for exact arithmetic, numeric for fast]
    #[arg(long, value_enum)]
    tier: Option<TierName>,
    /// Largest difference of a score in the numeric tier
    #[arg(long, default_value_t = 0.05, value_parser = positive)]
    tolerance: f64,
    /// Largest difference of a mean score in the statistical tier
    #[arg(long, default_value_t = 0.05, value_parser = positive)]
    margin: f64,
    /// Trials side by side [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    jobs: Option<u32>,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Copy, ValueEnum)]
enum TierName {
    /// Every bit equal
    Bitwise,
    /// Every score within --tolerance
    Numeric,
    /// Mean scores equivalent within --margin
    Statistical,
}

/// Checks, runs again, compares and prints.
pub fn run(command: &Verify) -> Result<ExitCode> {
    mercato::kernels::Cpu::new().map_err(Error::from)?;
    let records = records(&command.folder)?;
    let stop = run::stop_on_ctrl_c()?;
    let jobs = run::jobs(command.jobs);
    let possible = |record: &&Record| command.only.is_empty() || command.only.contains(&record.trial);
    let possible: Vec<u64> = records.iter().filter(possible).map(|record| record.budget).collect();
    let steps = possible.iter().sum::<u64>();
    let share = command.sample.map_or(1.0, |sample| sample as f64 / possible.len() as f64);
    let bars = Bars::new(jobs, if share < 1.0 { (steps as f64 * share) as u64 } else { steps });
    let verifier = Verifier {
        folder: &command.folder,
        only: &command.only,
        sample: command.sample,
        seed: command.seed,
        tier: command.tier.map(|tier| match tier {
            TierName::Bitwise => Tier::Bitwise,
            TierName::Numeric => Tier::Numeric { tolerance: command.tolerance },
            TierName::Statistical => Tier::Statistical { margin: command.margin },
        }),
        jobs,
        stop,
        observer: &bars,
    };
    let found = verifier.verify(&records);
    bars.clear();
    let found = found?;
    if command.output.format == Format::Json {
        let mut value = serde_json::to_value(&found)?;
        value["exit_code"] = found.exit_code().into();
        print_json(&value)?;
    } else {
        print(&text(&found))?;
    }
    Ok(ExitCode::from(found.exit_code()))
}

fn text(found: &Verification) -> String {
    let mut text = String::new();
    for Mismatch { subject, what, place, .. } in &found.mismatches {
        text += &format!("differs: {subject}: {}\n", what.join("; "));
        text += &place.iter().map(|place| format!("    {place}\n")).collect::<String>();
    }
    let lists = [("ambiguous", &found.ambiguous), ("not here", &found.unavailable), ("missing", &found.missing)];
    for (name, list) in lists {
        text += &list.iter().map(|line| format!("{name}: {line}\n")).collect::<String>();
    }
    text += &found.notes.iter().map(|note| format!("note: {note}\n")).collect::<String>();
    let verdict = match found.exit_code() {
        0 => "all as recorded",
        3 => "not as recorded",
        4 => "cannot be decided",
        5 => "cannot be run here",
        _ => "as recorded, but incomplete",
    };
    text + &format!("{} records, {} trials run again: {verdict}\n", found.records, found.rerun)
}
