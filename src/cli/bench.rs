//! `mercato bench ab`: is this folder faster or slower than another revision?
use super::{Format, Output, print, print_json, run, stats::positive, table::Table};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mercato::{
    bench::{self, Ab, Found},
    reports::{
        Version,
        speed::{ALPHA, FEWEST_ROUNDS, Ratio},
        versions_chart,
    },
};
use serde_json::json;
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

/// Times of programs.
#[derive(Subcommand)]
pub enum Bench {
    /// Build another revision beside this folder, run both in turns, and tell which is faster
    Ab(Compare),
    /// Counts of the kernels at every commit that changed them
    History(History),
}

/// Options of `mercato bench ab`.
#[derive(Args)]
pub struct Compare {
    /// The revision to compare with
    #[arg(long, value_name = "REF")]
    base: String,
    /// The `cargo bench` target with the benchmarks, which criterion runs
    #[arg(long, default_value = "kernels")]
    bench: String,
    /// Only benchmarks with this in their name
    filter: Option<String>,
    /// How often each program is run, the base twice as often
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(i64::from(FEWEST_ROUNDS)..=1000))]
    rounds: u32,
    /// Least change that matters, as a share of the time
    #[arg(long, default_value_t = 0.03, value_parser = positive)]
    threshold: f64,
    /// Seed of the order of the runs and of the statistics, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    seed: u64,
    /// The repository
    #[arg(long, default_value = ".")]
    repository: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Options of `mercato bench history`.
#[derive(Args)]
pub struct History {
    /// The repository
    #[arg(long, default_value = ".")]
    repository: PathBuf,
    /// Draw it to this file, SVG or PNG by its name
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Measures and prints.
pub fn run(command: &Bench) -> Result<ExitCode> {
    match command {
        Bench::Ab(command) => ab(command),
        Bench::History(command) => history(command),
    }
}

fn history(command: &History) -> Result<ExitCode> {
    let revisions = bench::history(&command.repository)?;
    if let Some(path) = &command.chart {
        let name = |revision: &bench::Revision| revision.commit.chars().take(8).collect();
        let versions: Vec<Version> = (revisions.iter())
            .map(|revision| Version { name: name(revision), counts: revision.counts.clone().into_iter().collect() })
            .collect();
        let chart = versions_chart("versions.svg".into(), "warp instructions", &versions)?;
        let bytes = match path.extension().is_some_and(|end| end == "png") {
            true => chart.png(false)?,
            false => chart.standalone().into_bytes(),
        };
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if command.output.format == Format::Json {
        return print_json(&json!({ "schema": 1, "metric": "warp_instructions", "versions": revisions }));
    }
    let kernels: BTreeSet<&String> = revisions.iter().flat_map(|revision| revision.counts.keys()).collect();
    let mut table = Table::new(&["kernel and case", "first", "now", "now over first"]);
    for kernel in kernels {
        let counts: Vec<u64> = revisions.iter().filter_map(|revision| revision.counts.get(kernel).copied()).collect();
        let (Some(first), Some(last)) = (counts.first(), counts.last()) else { continue };
        let gone = revisions.last().is_some_and(|revision| !revision.counts.contains_key(kernel));
        let ratio = if gone { "gone".into() } else { format!("{:.3}", *last as f64 / *first as f64) };
        table.row([kernel.clone(), first.to_string(), last.to_string(), ratio]);
    }
    let text = table.text(&[1, 2, 3]);
    print(&format!("{text}\nwarp instructions, {} commits changed them\n", revisions.len()))
}

fn ab(command: &Compare) -> Result<ExitCode> {
    let ab = Ab {
        repository: &command.repository,
        base: &command.base,
        bench: &command.bench,
        filter: command.filter.as_deref(),
        rounds: command.rounds,
        seed: command.seed,
        threshold: command.threshold,
        stop: run::stop_on_ctrl_c()?,
        progress: &|doing| eprintln!("{doing}"),
    };
    let found = ab.run()?;
    if command.output.format == Format::Json {
        let mut value = serde_json::to_value(&found)?;
        value["exit_code"] = found.exit_code().into();
        print_json(&value)?;
    } else {
        print(&text(&found))?;
    }
    Ok(ExitCode::from(found.exit_code()))
}

fn text(found: &Found) -> String {
    let headings = ["benchmark", "base", "head", "head over base", "base over base", "limit", "p (Holm)", "verdict"];
    let mut table = Table::new(&headings);
    for speed in &found.benchmarks {
        table.row([
            speed.name.clone(),
            time(speed.base_s),
            time(speed.head_s),
            ratio(&speed.ratio),
            ratio(&speed.control),
            format!("{:.1} %", 100.0 * speed.limit),
            format!("{:.4}", speed.p_holm),
            format!("{:?}", speed.verdict).to_uppercase(),
        ]);
    }
    let rounds = found.benchmarks.first().map_or(0, |speed| speed.rounds);
    let mut text = format!("base {}\nhead {}\n\n{}", found.base, found.head, table.text(&[1, 2, 3, 4, 5, 6]));
    text += &found.unpaired.iter().map(|name| format!("not in both: {name}\n")).collect::<String>();
    text += &format!(
        "\nratios: median over {rounds} rounds of one run each in random order, [95 % interval]; a change counts beyond \
         the limit (the threshold, or three times what the base strays from itself) with p below {ALPHA}; times are \
         the smallest and decide nothing\n"
    );
    let counts = &found.counts;
    text += &match counts.compared {
        0 => "counts: none to compare\n".to_string(),
        rows => format!(
            "counts of CUDA kernels and of the CPU's operations: {rows} rows compared, {} worse, {} better\n",
            counts.worse.len(),
            counts.better.len()
        ),
    };
    text += &counts.incomparable.iter().map(|reason| format!("  not compared: {reason}\n")).collect::<String>();
    text += &counts.worse.iter().map(|change| format!("  worse: {change}\n")).collect::<String>();
    text + &counts.better.iter().map(|change| format!("  better: {change}\n")).collect::<String>()
}

fn ratio(ratio: &Ratio) -> String {
    format!("{:.3} [{:.3}, {:.3}]", ratio.median, ratio.interval.low, ratio.interval.high)
}

fn time(seconds: f64) -> String {
    let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds >= *unit).unwrap_or((1e-9, "ns"));
    format!("{:.2} {name}", seconds / unit)
}
