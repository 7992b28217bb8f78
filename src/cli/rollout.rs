//! `mercato rollout ID`.
use super::{envs::params, print, print_json, table::Table};
use agents::{Evaluation, evaluate, simple::Untrained};
use anyhow::Result;
use clap::{Args, ValueEnum};
use mercato::{Error, agents, envs};
use serde_json::{Map, Value, json};
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
    let rows = if command.rows < command.episodes { command.rows } else { command.episodes };
    let mut env = envs::make(&command.id, &params(&command.set)?, rows as usize).map_err(Error::from)?;
    let spec = env.spec().clone();
    let mut policy = Untrained::parse(&command.policy, &spec).map_err(Error::from)?;
    let evaluation = evaluate(env.as_mut(), policy.player(), command.seed, command.episodes);
    let evaluation = evaluation.map_err(Error::from)?;
    match command.format {
        RolloutFormat::Json => print_json(&json!({
            "schema": 1,
            "env": spec.id,
            "params": spec.params,
            "policy": command.policy,
            "episodes": command.episodes,
            "seed": command.seed,
            "metrics": metrics(&evaluation),
        })),
        RolloutFormat::Text => {
            let heading =
                format!("{}, {}, {} episodes, seed {}\n\n", spec.id, command.policy, command.episodes, command.seed);
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

fn standard_error(sd: f64, evaluation: &Evaluation) -> f64 {
    sd / f64::from(evaluation.episodes).sqrt()
}

/// Metrics by name, as `rollout` and `eval` print them for programs.
pub fn metrics(evaluation: &Evaluation) -> Map<String, Value> {
    let metric = |metric: &agents::Metric| {
        let (mean, sd, se) = (metric.mean, metric.sd, standard_error(metric.sd, evaluation));
        (metric.name.clone(), json!({ "mean": mean, "sd": sd, "se": se }))
    };
    evaluation.metrics.iter().map(metric).collect()
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
