//! `mercato train ID`: an experiment of one world and one agent.
use super::{Output, run};
use anyhow::Result;
use clap::Args;
use mercato::{
    Error, Experiment,
    agents::spec::PRESETS,
    envs::{Params, registry::assignment},
    experiment::{AgentEntry, LogEntry, Seeds, World},
    trial::Evaluation,
};
use serde_json::Map;
use std::process::ExitCode;

/// Options of `mercato train`.
#[derive(Args)]
pub struct Train {
    /// The world
    id: String,
    #[arg(long, default_value = "dqn", help = format!("The preset of the agent: {}", presets()))]
    agent: String,
    /// Set agent.KEY=VALUE (a setting) or env.KEY=VALUE (a parameter)
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Training transitions
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=4_000_000_000))]
    steps: u64,
    /// Learn from this log, CSV or JSON Lines, instead of playing; --steps then counts rounds of updates
    #[arg(long, value_name = "FILE")]
    log: Option<String>,
    /// Hold out every so manieth episode of the log to measure a loss; the weights with the least are kept; 0 for none
    #[arg(long, default_value_t = 0, requires = "log")]
    hold_out: u32,
    /// End after so many evaluations without a smaller loss on the held-out episodes; 0 for never
    #[arg(long, default_value_t = 0, requires = "log")]
    patience: u32,
    /// Seeds: 0..10, or one number
    #[arg(long, default_value = "0")]
    seeds: String,
    /// Episodes of the last evaluation
    #[arg(long, default_value_t = 1000)]
    episodes: u32,
    #[command(flatten)]
    place: run::Place,
    #[command(flatten)]
    output: Output,
}

fn presets() -> String {
    PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ")
}

/// Trains, writes weights, records and a report, and prints the table.
pub fn run(command: &Train) -> Result<ExitCode> {
    let (mut params, mut set) = (Params::new(), Map::new());
    for text in &command.set {
        let (key, value) = assignment(text).map_err(Error::from)?;
        match key.split_once('.') {
            Some(("agent", key)) => set.insert(key.into(), value),
            Some(("env", key)) => params.insert(key.into(), value),
            _ => {
                let problem = format!("`{key}` must be agent.KEY or env.KEY");
                return Err(Error::Spec { path: "--set".into(), problem }.into());
            }
        };
    }
    let agent = AgentEntry { preset: command.agent.clone(), name: None, steps: None, set, at_least: None };
    let evaluation = Evaluation { episodes: command.episodes, points: 20, point_episodes: 100, seed: 0 };
    let world = World {
        env: command.id.clone(),
        params,
        steps: command.steps,
        log: command.log.clone().map(|path| LogEntry { path, hold_out: command.hold_out, patience: command.patience }),
        references: vec!["random".into()],
        agents: vec![agent],
    };
    let math = command.place.math(None)?;
    let experiment = Experiment {
        name: format!("train-{}-{}", command.id.replace('/', "-"), command.agent),
        title: format!("{} in {}", command.agent, command.id),
        seeds: Seeds::Range(command.seeds.clone()),
        evaluation,
        math: Some(math),
        tuning: None,
        training_points: None,
        worlds: vec![world],
        unchanged: None,
    };
    let trials = experiment.trials()?;
    let folder = run::folder(&command.place, &experiment.name);
    let records = run::execute(&experiment.name, &trials, math, &command.place, &folder)?;
    let again = command.command() + &run::with_math(math);
    let summary = mercato::report::write(&folder, &records, &experiment.title, &again)?;
    run::show(&summary, &records, &folder, command.output.format)
}

impl Train {
    /// The command that makes the same records.
    fn command(&self) -> String {
        let (id, agent, steps, seeds) = (&self.id, &self.agent, self.steps, &self.seeds);
        let mut command = format!("mercato train {id} --agent {agent} --steps {steps} --seeds {seeds}");
        command += &format!(" --episodes {}", self.episodes);
        if let Some(log) = &self.log {
            command +=
                &format!(" --log {} --hold-out {} --patience {}", run::quoted(log), self.hold_out, self.patience);
        }
        self.set.iter().for_each(|assignment| command += &format!(" --set {}", run::quoted(assignment)));
        command
    }
}
