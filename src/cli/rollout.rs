//! `mercato rollout ID`.
use super::{envs::params, print, print_json, table::Table};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use mercato::{
    Error,
    agents::Evaluation,
    envs::{Params, find},
    rollout::{rollout, standard_error},
    transitions::{self, Behaviour, Form},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    /// Probability of a uniformly random action instead of the policy's, for every action anew
    #[arg(long, default_value_t = 0.0)]
    epsilon: f32,
    /// Write every transition, with the probability of its action, to FILE.csv, FILE.jsonl or FILE.parquet
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// A reference policy whose probabilities the log has too, as `mercato ope` needs them
    #[arg(long, requires = "log", value_name = "POLICY")]
    target: Option<String>,
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
    let Rollout { id, policy, epsilon, episodes, seed, rows, .. } = command;
    let params = params(&command.set)?;
    if let Some(path) = &command.log {
        log(command, &params, path)?;
    }
    let (result, evaluation) = rollout(id, &params, (policy, *epsilon), *episodes, *seed, *rows)?;
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

/// Plays the episodes and writes their transitions: to a temporary name first, so that a file is whole.
fn log(command: &Rollout, params: &Params, path: &Path) -> Result<()> {
    let name = path.display().to_string();
    let form = match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Form::Csv,
        Some("jsonl") => Form::JsonLines,
        Some("parquet") => Form::Parquet,
        _ => {
            let problem = "the name must end in .csv, .jsonl or .parquet".into();
            return Err(Error::Spec { path: format!("--log {name}"), problem }.into());
        }
    };
    if command.policy.starts_with("constant=") {
        let problem = "a constant action is not logged; take a reference policy".into();
        return Err(Error::Spec { path: format!("--policy {}", command.policy), problem }.into());
    }
    let rows = if command.rows < command.episodes { command.rows } else { command.episodes };
    let entry = find(&command.id).map_err(Error::from)?;
    let rows = entry.whole(params, rows as usize).map_err(Error::from)?;
    let mut env = entry.make(params, rows).map_err(Error::from)?;
    let policy = |text: &str| env.spec().policy(text).map_err(Error::from);
    let behaviour = Behaviour {
        policy: policy(&command.policy)?,
        epsilon: command.epsilon,
        target: command.target.as_deref().map(policy).transpose()?,
        seed: command.seed,
        episodes: command.episodes,
    };
    let abandoned = transitions::unfinished(path);
    ctrlc::set_handler(move || {
        let _ = std::fs::remove_file(&abandoned);
        std::process::exit(130);
    })
    .context("cannot listen for Ctrl-C")?;
    Ok(transitions::write_file(env.as_mut(), &behaviour, form, path)?)
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
