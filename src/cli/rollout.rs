//! `mercato rollout ID`.
use super::{envs::params, print, print_json, table::Table};
use anyhow::Result;
use clap::{Args, ValueEnum};
use mercato::{
    agents::Evaluation,
    rollout::{rollout, standard_error},
};
use std::process::ExitCode;

/// Options of `mercato rollout`.
#[derive(Args)]
pub struct Rollout {
    /// The world
    id: String,
    /// A reference policy of the world, or constant=V[,V…]: always the same action
    #[arg(long, default_value = "random")]
    policy: String,
    /// Number of episodes: the first of each row 0..N
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    episodes: u32,
    /// Seed of the episodes, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    seed: u64,
    /// Set a parameter, KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Episodes held at once; changes no number
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rows: u32,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "text")]
    format: RolloutFormat,
}

#[derive(Clone, Copy, ValueEnum)]
enum RolloutFormat {
    /// For people
    Text,
    /// For programs, with a schema number
    Json,
    /// One line per metric
    Csv,
}

/// Plays and prints.
pub fn run(command: &Rollout) -> Result<ExitCode> {
    let Rollout { id, policy, episodes, seed, rows, .. } = command;
    let (result, evaluation) = rollout(id, &params(&command.set)?, policy, *episodes, *seed, *rows)?;
    match command.format {
        RolloutFormat::Json => print_json(&result),
        RolloutFormat::Text => {
            let heading = format!("{id}, {policy}, {episodes} episodes, seed {seed}\n\n");
            print(&(heading + &text(&evaluation)))
        }
        RolloutFormat::Csv => {
            let lines = evaluation.metrics.iter().map(|metric| {
                format!("{},{},{},{}\n", metric.name, metric.mean, metric.sd, standard_error(metric.sd, &evaluation))
            });
            print(&std::iter::once("metric,mean,sd,se\n".to_string()).chain(lines).collect::<String>())
        }
    }
}

/// The metrics as a table for people.
pub fn text(evaluation: &Evaluation) -> String {
    let mut table = Table::new(&["metric", "mean", "sd", "standard error"]);
    for metric in &evaluation.metrics {
        let se = standard_error(metric.sd, evaluation);
        table.row([
            metric.name.clone(),
            format!("{:.4}", metric.mean),
            format!("{:.4}", metric.sd),
            format!("{se:.4}"),
        ]);
    }
    table.text(&[1, 2, 3])
}
