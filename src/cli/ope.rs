//! `mercato ope LOG.csv`.
use super::{Format, Output, print, print_json, stats::positive, table::Table};
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    reports::{
        ope::{Evaluation, Options, Settings, read_csv},
        stats::Estimate,
    },
    resampling,
};
use std::{path::PathBuf, process::ExitCode};

/// Options of `mercato ope`.
#[derive(Args)]
pub struct Ope {
    /// A table: action, reward, pscore, pi_e_0, … (q_hat_0, …) or trajectory, t, action, reward, pi_b_a, pi_e_a (pi_e_0,
    /// …, q_hat_0, …, state)
    log: PathBuf,
    /// Discount from one step of a trajectory to the next
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    gamma: f64,
    /// Largest weight of clipped estimators
    #[arg(long, default_value_t = Settings::default().clip, value_parser = positive)]
    clip: f64,
    /// Weight above which Switch-DR believes the model alone
    #[arg(long, default_value_t = Settings::default().switch, value_parser = positive)]
    switch: f64,
    /// λ of the optimistic shrinkage w λ / (w² + λ); 0 is the model alone
    #[arg(long, default_value_t = Settings::default().shrink, value_parser = not_negative)]
    shrink: f64,
    /// λ of the sub-Gaussian weight w / (1 - λ + λ w)
    #[arg(long, default_value_t = Settings::default().sub_gaussian, value_parser = share)]
    sub_gaussian: f64,
    /// Replicates of the bootstrap
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    resamples: u32,
    /// Seed of the resampling, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

fn not_negative(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| "it must be a finite number, 0 or above".into())
}

fn share(text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| (0.0..=1.0).contains(value));
    value.ok_or_else(|| "it must be a number between 0 and 1".into())
}

/// Estimates and prints.
pub fn run(command: &Ope) -> Result<ExitCode> {
    let path = command.log.display();
    let file = std::fs::File::open(&command.log).with_context(|| format!("cannot read {path}"))?;
    let log = read_csv(std::io::BufReader::new(file)).with_context(|| format!("{path}"))?;
    let Ope { gamma, clip, switch, shrink, sub_gaussian, resamples, seed, .. } = *command;
    let settings = Settings { gamma, clip, switch, shrink, sub_gaussian };
    let evaluation = log.evaluate(&Options { settings, resamples, seed }, &resampling::draw(seed));
    if command.output.format == Format::Json { print_json(&evaluation.to_value()) } else { print(&text(&evaluation)) }
}

fn text(evaluation: &Evaluation) -> String {
    let mut text = evaluation.alarms.iter().map(|alarm| format!("mind: {alarm}\n")).collect::<String>();
    text += if text.is_empty() { "" } else { "\n" };
    let mut table = Table::new(&["estimator", "value", "95 % interval"]);
    let logged = std::iter::once(("(logged policy)", &evaluation.logged));
    let estimates = evaluation.estimates.iter().map(|(name, estimate)| (name.as_str(), estimate));
    for (name, estimate) in logged.chain(estimates) {
        table.row([name.into(), format!("{:.4}", estimate.point), interval(estimate)]);
    }
    text += &table.text(&[1, 2]);
    let diagnostics = &evaluation.diagnostics;
    let (weights, unit) = (&diagnostics.weights, if evaluation.kind == "bandit" { "rounds" } else { "trajectories" });
    text += &format!(
        "\n{} {unit}, effective sample size {:.1}; weights: mean {:.4}, largest {:.4} ({:.1} % of all)\n",
        diagnostics.rounds,
        weights.size,
        weights.mean,
        weights.largest,
        100.0 * weights.largest_share,
    );
    if evaluation.logged.low.is_none() {
        return text + "no intervals: one of them says nothing about its own spread\n";
    }
    text + &format!("intervals: {} resamples of whole {unit}, seed {}\n", evaluation.resamples, evaluation.seed)
}

fn interval(estimate: &Estimate) -> String {
    let interval = estimate.low.zip(estimate.high).map(|(low, high)| format!("{low:.4} to {high:.4}"));
    interval.unwrap_or("–".into())
}
