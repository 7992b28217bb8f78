//! `mercato eval CHECKPOINT`.
use super::{Format, Output, envs::params, print, print_json, rollout::text};
use agents::{AgentSpec, Checkpoint, Player, evaluate};
use anyhow::Result;
use clap::Args;
use mercato::{
    Error, agents,
    envs::{self, Params},
    rollout::metrics,
    trial::{Worth, described, trained, worth},
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Options of `mercato eval`.
#[derive(Args)]
pub struct Eval {
    /// A file of weights, such as runs/NAME/weights/TRIAL.safetensors
    checkpoint: PathBuf,
    /// The world, when it is not the checkpoint's own; it must have the same observation and actions
    #[arg(long)]
    env: Option<String>,
    /// Set a parameter of the world, KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Number of episodes
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    episodes: u32,
    /// Seed of the episodes, or of the draws from a log, below 2^56
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..1 << 56))]
    seed: u64,
    /// Play nothing: learn from this log of somebody else's decisions (CSV or JSON Lines of `rollout --log`) what the
    /// policy is worth, by fitted Q evaluation
    #[arg(long, value_name = "FILE", conflicts_with = "episodes")]
    log: Option<PathBuf>,
    /// Updates of that learning
    #[arg(long, default_value_t = 20_000, requires = "log", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    updates: u32,
    #[command(flatten)]
    output: Output,
}

/// Plays the greedy policy of the checkpoint and prints what it earns, or what a log says that it would.
pub fn run(command: &Eval) -> Result<ExitCode> {
    let checkpoint = Checkpoint::read(&command.checkpoint).map_err(Error::from)?;
    let (own, mut world, spec) = described(&command.checkpoint, &checkpoint)?;
    let id = command.env.clone().unwrap_or_else(|| own.clone());
    if id != own {
        world.clear();
    }
    world.extend(params(&command.set)?);
    if let Some(log) = &command.log {
        return judge(command, log, &id, &world, (&checkpoint, &spec));
    }
    let agent = trained(&command.checkpoint, &checkpoint, &id, &world, spec)?;
    let rows = if command.episodes < 256 { command.episodes } else { 256 } as usize;
    let entry = envs::find(&id).map_err(Error::from)?;
    let rows = entry.whole(&world, rows).map_err(Error::from)?;
    let mut env = entry.make(&world, rows).map_err(Error::from)?;
    let mut policy = agent.greedy(rows).map_err(Error::from)?;
    let evaluation = evaluate(env.as_mut(), Player::Policy(policy.as_mut()), command.seed, command.episodes);
    let evaluation = evaluation.map_err(Error::from)?;
    let (optimum, objective) = (env.optimum(), env.spec().objective());
    let anchored = optimum.lower > optimum.random;
    let score = (evaluation.metric(objective).filter(|_| anchored))
        .map(|metric| (metric.mean - optimum.random) / (optimum.lower - optimum.random));
    if command.output.format == Format::Json {
        return print_json(&json!({
            "schema": 1,
            "env": id,
            "params": env.spec().params,
            "checkpoint": checkpoint.metadata,
            "episodes": command.episodes,
            "seed": command.seed,
            "metrics": metrics(&evaluation),
            "objective": objective,
            "optimum": optimum,
            "score": score,
        }));
    }
    let heading = format!("{}, {} episodes, seed {}\n\n", id, command.episodes, command.seed);
    let score = score.map_or("none: the optimum is no better than random".into(), |score| format!("{score:.3}"));
    let footer = format!("\nscore {score} (0 random, 1 optimum; by {objective})\n");
    print(&(heading + &text(&evaluation) + &footer))
}

/// Prints what the policy is worth by a log.
fn judge(
    command: &Eval,
    log: &Path,
    id: &str,
    world: &Params,
    (checkpoint, agent): (&Checkpoint, &AgentSpec),
) -> Result<ExitCode> {
    let env = envs::make(id, world, 1).map_err(Error::from)?;
    let from = (command.checkpoint.as_path(), checkpoint);
    let found = worth(log, env.spec(), agent, from, (command.updates, command.seed))?;
    let Worth { episodes, observations, value, se, updates, loss } = found;
    let (optimum, objective) = (env.optimum(), env.spec().objective());
    if command.output.format == Format::Json {
        return print_json(&json!({
            "schema": 1,
            "env": id,
            "params": env.spec().params,
            "checkpoint": checkpoint.metadata,
            "log": log,
            "method": "fitted Q evaluation",
            "updates": updates,
            "seed": command.seed,
            "episodes": episodes,
            "observations": observations,
            "value": value,
            "se_of_observations": se,
            "loss": loss,
            "objective": objective,
            "optimum": optimum,
        }));
    }
    let se = se.map_or("none, of one observation".into(), |se| format!("{se:.4}"));
    let best = match optimum.lower < optimum.upper {
        true => format!("between {:.4} and {:.4}", optimum.lower, optimum.upper),
        false => format!("{:.4}", optimum.upper),
    };
    print(&format!(
        "{id}, judged by {episodes} episodes of {}\n\n{objective} {value:.4} by fitted Q evaluation, {updates} updates, loss \
         {loss:.3}\nstandard error {se}, from the {observations} observations; what the values themselves are off by is not in \
         it\noptimum {best}, random {:.4}\n",
        log.display(),
        optimum.random,
    ))
}
