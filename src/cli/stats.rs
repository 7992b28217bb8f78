//! `mercato stats SCORES.csv`.
use super::{Format, Output, print, print_json, table::Table};
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    reports::{
        comparison::{Comparison, Options, Scores, Selection},
        stats::Estimate,
    },
    resampling,
};
use std::{path::PathBuf, process::ExitCode};

/// Options of `mercato stats`.
#[derive(Args)]
pub struct Stats {
    /// A table with the columns algorithm, run, task, score and, for learning curves, eval_point
    scores: PathBuf,
    /// Compare only this algorithm; may be given several times
    #[arg(long = "algorithm", value_name = "NAME")]
    algorithms: Vec<String>,
    /// Compare only on this task; may be given several times
    #[arg(long = "task", value_name = "NAME")]
    tasks: Vec<String>,
    #[command(flatten)]
    resampling: Resampling,
    /// The score of runs whose score is empty, nan, failed or diverged, or missing at a point that other runs have;
    /// without it they are refused
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, value_parser = finite)]
    floor: Option<f64>,
    /// Runs of the same name are pairs, such as runs on the same seed of a world
    #[arg(long)]
    paired: bool,
    /// Test whether differences are within this margin, in units of the score
    #[arg(long, value_parser = positive)]
    margin: Option<f64>,
    #[command(flatten)]
    output: Output,
}

/// How often and from which seed is drawn anew.
#[derive(Args, Clone, Copy)]
pub struct Resampling {
    /// Replicates of every bootstrap [default: 50000, fewer for tables of more than 40000 scores]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub resamples: Option<u32>,
    /// Seed of the resampling, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    pub seed: u64,
}

/// So many replicates that a table of this length takes minutes, not hours.
fn replicates(scores: usize) -> u32 {
    const DRAWS: usize = 2_000_000_000;
    (DRAWS / scores).clamp(200, 50_000) as u32
}

/// A finite number.
fn finite(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
    value.ok_or_else(|| "it must be a finite number".into())
}

/// A finite number above 0.
pub fn positive(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0);
    value.ok_or_else(|| "it must be a number above 0".into())
}

/// Computes and prints.
pub fn run(command: &Stats) -> Result<ExitCode> {
    let path = command.scores.display();
    let file = std::fs::File::open(&command.scores).with_context(|| format!("cannot read {path}"))?;
    let selection = Selection { algorithms: command.algorithms.clone(), tasks: command.tasks.clone() };
    let scores = Scores::read_some(std::io::BufReader::new(file), command.floor, &selection);
    let scores = scores.with_context(|| format!("{path}"))?;
    let Resampling { resamples, seed } = command.resampling;
    let resamples = resamples.unwrap_or_else(|| replicates(scores.len()));
    let options = Options { resamples, seed, paired: command.paired, margin: command.margin };
    let comparison = scores.compare(&options, &resampling::draw(seed)).with_context(|| format!("{path}"))?;
    if command.output.format == Format::Json {
        return print_json(&comparison.to_value());
    }
    print(&text(&comparison))
}

fn text(comparison: &Comparison) -> String {
    let mut text = comparison.warnings.iter().map(|warning| format!("mind: {warning}\n")).collect::<String>();
    text += if text.is_empty() { "" } else { "\n" };
    let mut table = Table::new(&["algorithm", "runs", "iqm", "mean", "median", "optimality gap"]);
    for (name, algorithm) in &comparison.algorithms {
        table.row([
            name.clone(),
            algorithm.iqm.n.to_string(),
            estimate(&algorithm.iqm),
            estimate(&algorithm.mean),
            estimate(&algorithm.median),
            estimate(&algorithm.optimality_gap),
        ]);
    }
    text += &table.text(&[1, 2, 3, 4, 5]);
    if !comparison.improvement.is_empty() {
        let mut table = Table::new(&["x", "y", "P(x better than y)"]);
        for pair in &comparison.improvement {
            table.row([pair.x.clone(), pair.y.clone(), estimate(&pair.estimate)]);
        }
        text += &format!("\n{}", table.text(&[2]));
        text += &format!("\n{}", tests(comparison));
    }
    let (count, seed) = (comparison.resamples, comparison.seed);
    text += &format!("\n95 % intervals: stratified bootstrap of {count} replicates, seed {seed}; ");
    if !comparison.tests.is_empty() {
        let family = comparison.tests.len();
        text += &format!("of differences, Welch. p values are Holm's over {family} tests; ");
    }
    text + "--format json has profiles, curves and all tests\n"
}

fn tests(comparison: &Comparison) -> String {
    let headings = ["task", "x", "y", "runs", "difference", "95 % interval", "p", "p (ranks)", "p (permuted)", "g"];
    let mut table = Table::new(&headings);
    let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
    for test in &comparison.tests {
        let welch = test.welch.as_ref();
        table.row([
            test.task.clone(),
            test.x.clone(),
            test.y.clone(),
            format!("{}, {}", test.n[0], test.n[1]),
            number(welch.map(|welch| welch.test.difference)),
            welch.map_or("–".into(), |welch| {
                let ends = welch.test.interval;
                format!("{:.4} to {:.4}", ends.low, ends.high)
            }),
            number(welch.map(|welch| welch.p_holm)),
            number(test.mann_whitney.as_ref().map(|test| test.p_holm)),
            number(test.permutation.as_ref().map(|test| test.p_holm)),
            test.hedges_g.map_or("–".into(), |g| format!("{g:.2}")),
        ]);
    }
    table.text(&[4, 5, 6, 7, 8, 9])
}

fn estimate(estimate: &Estimate) -> String {
    let interval = estimate.low.zip(estimate.high).map(|(low, high)| format!(" [{low:.3}, {high:.3}]"));
    format!("{:.3}{}", estimate.point, interval.unwrap_or_default())
}
