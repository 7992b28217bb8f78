//! Experiments as data: worlds × agents × seeds, from TOML to trials.
mod demands;
mod seeds;

pub use demands::{Shortfall, shortfalls};
pub use seeds::Seeds;

use crate::{
    error::{Error, Result, file},
    trial::{Evaluation, Player, Trial, hash_of_file},
};
use agents::{AgentSpec, simple::Untrained};
use envs::{Params, error::nearest};
use kernels::Math;
use reports::record;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{path::Path, sync::Arc};

/// The experiments that are part of the program: name, text.
pub const EMBEDDED: [(&str, &str); 3] = [
    ("quick", include_str!("../reports/specs/quick.toml")),
    ("full", include_str!("../reports/specs/full.toml")),
    ("bits", include_str!("../tests/bits.toml")),
];

/// How many points of training a record may have.
pub(crate) const ADMISSIBLE_TRAINING_POINTS: std::ops::RangeInclusive<u32> = 1..=10_000;

/// Longest training in transitions: every counter of a device holds it.
const MOST_STEPS: u64 = 4_000_000_000;

/// A set of comparisons.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its name; the default folder of its results is `runs/NAME`.
    pub name: String,
    /// The heading of its report.
    pub title: String,
    /// The seeds of every trial, `"0..5"` or `[0, 1, 2]`.
    pub seeds: Seeds,
    /// How trials are evaluated.
    pub evaluation: Evaluation,
    /// How products are computed: `exact`, `fast` or `tf32`; when it is not given, as the device does by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub math: Option<Math>,
    /// How the settings of the agents were chosen; a report says when it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// At most how many points each record has of what training itself saw (loss, mean Q and so on), 1 to 10,000; 100 when it
    /// is not given, and always where a log is learnt from, since there they decide when training ends. They are also when a
    /// divergence is noticed, and decide nothing of a trial that ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_points: Option<u32>,
    /// The worlds, each with its agents.
    pub worlds: Vec<World>,
    /// The experiment as its text has it, where it may have been changed since; records tell how much that asks for.
    #[serde(skip)]
    pub unchanged: Option<Box<Experiment>>,
}

/// Where the settings of the agents come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The seeds that were looked at; scores on them are too good. An empty list: none were.
    pub seeds: Seeds,
    /// In words: by hand, a grid, a published table.
    pub how: String,
}

impl Tuning {
    /// As a record has it.
    ///
    /// # Errors
    /// As [`Seeds::list`].
    fn recorded(&self) -> std::result::Result<record::Tuning, String> {
        let seeds = match &self.seeds {
            Seeds::List(list) if list.is_empty() => Vec::new(),
            seeds => seeds.list().map_err(|problem| format!("tuning: {problem}"))?,
        };
        Ok(record::Tuning { seeds, how: self.how.clone() })
    }
}

/// One world and who plays in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Its id.
    pub env: String,
    /// Its parameters, where they are not the defaults.
    #[serde(default)]
    pub params: Params,
    /// Training transitions of every learning agent.
    pub steps: u64,
    /// A log that the agents learn from instead of playing; `steps` then counts rounds of updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogEntry>,
    /// Reference policies and `constant=V[,V…]` that are evaluated beside the agents.
    #[serde(default)]
    pub references: Vec<String>,
    /// The learning agents.
    #[serde(default)]
    pub agents: Vec<AgentEntry>,
}

/// A log of `mercato rollout --log`, or another with its columns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// The file, CSV or JSON Lines.
    pub path: String,
    /// Every how manieth episode is held out to measure a loss, 2 to 1000; 0 for none.
    #[serde(default)]
    pub hold_out: u32,
    /// Evaluations without a smaller loss on the held-out episodes after which training ends; 0 for never.
    #[serde(default)]
    pub patience: u32,
}

impl LogEntry {
    /// As a trial has it, with the hash of its content.
    fn resolved(&self) -> Result<record::Log> {
        let LogEntry { path, hold_out, patience } = self.clone();
        let wrong = |problem: String| Error::Spec { path: "log".into(), problem };
        if hold_out == 1 || hold_out > 1000 {
            return Err(wrong(format!("hold_out is {hold_out}; it must be 0, or between 2 and 1000")));
        }
        if patience > 0 && hold_out == 0 {
            return Err(wrong("patience needs held-out episodes; set hold_out, such as 10 for every tenth".into()));
        }
        let sha256 = hash_of_file(Path::new(&path))?;
        Ok(record::Log { path, sha256, hold_out, patience })
    }
}

/// A preset with settings of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentEntry {
    /// The preset.
    pub preset: String,
    /// The name in reports; the preset's when it is not given.
    #[serde(default)]
    pub name: Option<String>,
    /// Training transitions, where they are not the world's.
    #[serde(default)]
    pub steps: Option<u64>,
    /// Settings on top of the preset.
    #[serde(default)]
    pub set: Map<String, Value>,
    /// The mean score over the seeds that it must reach: with less, `mercato run` ends with exit code 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
}

impl AgentEntry {
    /// The name in reports.
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.preset)
    }
}

impl Experiment {
    /// The embedded experiment called `source`, or the one in the file `source`, after `assignments` such as
    /// `evaluation.episodes=100` or `worlds.*.steps=1000`.
    ///
    /// # Errors
    /// When there is no such file or it is no experiment; the message names line, column and the nearest key.
    pub fn load(source: &str, assignments: &[String]) -> Result<Self> {
        let text = match EMBEDDED.iter().find(|(name, _)| *name == source) {
            Some((_, text)) => (*text).to_string(),
            None if Path::new(source).exists() => std::fs::read_to_string(source).map_err(file(Path::new(source)))?,
            None => {
                let names = EMBEDDED.map(|(name, _)| name);
                let problem = match nearest(source, names)[..] {
                    [near, ..] => format!("no such file, and no experiment of this name; nearest: {near}"),
                    [] => format!("no such file; embedded experiments are {}", names.join(", ")),
                };
                return Err(Error::Spec { path: source.into(), problem });
            }
        };
        Self::parse(source, &text, assignments)
    }

    /// The experiment in `text`; `path` names it in errors.
    ///
    /// # Errors
    /// As [`load`](Experiment::load).
    pub fn parse(path: &str, text: &str, assignments: &[String]) -> Result<Self> {
        let wrong = |problem: String| Error::Spec { path: path.into(), problem };
        let spec = |error: toml::de::Error| wrong(with_nearest(error.to_string().trim_end(), error.message()));
        // First as it stands, because only then an error has a line and a column.
        let plain: Self = toml::from_str(text).map_err(spec)?;
        let mut experiment = if assignments.is_empty() {
            plain.clone()
        } else {
            let mut tree: Value = toml::from_str(text).map_err(spec)?;
            for assignment in assignments {
                let (key, value) = envs::registry::assignment(assignment)?;
                let keys: Vec<&str> = key.split('.').collect();
                assign(&mut tree, &keys, &value).map_err(|problem| wrong(format!("--set {key}: {problem}")))?;
            }
            Self::from_json(path, tree)?
        };
        experiment.seeds.list().map_err(wrong)?;
        experiment.unchanged = Some(Box::new(plain));
        Ok(experiment)
    }

    /// The experiment in `tree`; `path` names it in errors. One with the name of an embedded experiment is taken for that,
    /// changed.
    ///
    /// # Errors
    /// When it is no experiment; the message names the nearest key.
    pub fn from_json(path: &str, tree: Value) -> Result<Self> {
        let mut experiment: Self = serde_json::from_value(tree).map_err(|error| {
            let message = error.to_string();
            Error::Spec { path: path.into(), problem: with_nearest(&message, &message) }
        })?;
        if let Some((name, text)) = EMBEDDED.iter().find(|(name, _)| *name == experiment.name) {
            experiment.unchanged = Some(Box::new(Self::parse(name, text, &[])?));
        }
        Ok(experiment)
    }

    /// The trials, in the order worlds, agents, seeds; everything is checked and resolved.
    ///
    /// # Errors
    /// When an id, a parameter, a preset or a setting is unknown or not admissible, or an agent cannot act in a world.
    pub fn trials(&self) -> Result<Vec<Trial>> {
        let wrong = |problem: String| Error::Spec { path: self.name.clone(), problem };
        self.evaluation.validate().map_err(wrong)?;
        if let Some(points) = self.training_points.filter(|points| !ADMISSIBLE_TRAINING_POINTS.contains(points)) {
            return Err(wrong(format!("training_points is {points}; it must be between 1 and 10,000")));
        }
        let training_points = self.training_points.filter(|points| *points != record::TRAINING_POINTS);
        let seeds = self.seeds.list().map_err(wrong)?;
        let tuning = self.tuning.as_ref().map(Tuning::recorded).transpose().map_err(wrong)?;
        let mut trials: Vec<Trial> = Vec::new();
        for (place, world) in self.worlds.iter().enumerate() {
            let env = envs::find(&world.env)?;
            let spec = env.one(&world.params)?.spec().clone();
            let params = spec.params.as_object().cloned().unwrap_or_default();
            let mut players = Vec::new();
            for name in &world.references {
                Untrained::parse(name, &spec)?;
                players.push((name.clone(), 0, None, Player::Reference(name.clone())));
            }
            for agent in &world.agents {
                if let Some(score) = agent.at_least.filter(|score| !score.is_finite()) {
                    let name = agent.name();
                    return Err(wrong(format!("at_least of {name} is {score}; it must be a finite number")));
                }
                let config = AgentSpec::preset(&agent.preset, &agent.set)?;
                config.fits(&spec)?;
                let steps = agent.steps.unwrap_or(world.steps);
                players.push((agent.name().to_string(), steps, agent.at_least, Player::Agent(config)));
            }
            let log = world.log.as_ref().map(LogEntry::resolved).transpose()?;
            let cannot = |player: &Player| matches!(player, Player::Agent(spec) if !spec.learns_from_logs());
            if let Some((name, ..)) = players.iter().find(|(.., player)| log.is_some() && cannot(player)) {
                return Err(wrong(format!("{name}: {}", agents::Error::OwnSteps)));
            }
            let optimum = Arc::default();
            for (at, (name, ..)) in players.iter().enumerate() {
                if players[..at].iter().any(|(earlier, ..)| earlier == name) {
                    let env = &world.env;
                    return Err(wrong(format!("{name} stands twice under {env}; give one of them another `name`")));
                }
            }
            for (agent, steps, at_least, player) in players {
                if steps > MOST_STEPS {
                    return Err(wrong(format!("steps of {agent} are {steps}; they must be at most {MOST_STEPS}")));
                }
                // A reference policy makes no products.
                let learns = matches!(player, Player::Agent(_));
                let math = self.math.filter(|_| learns).unwrap_or_default();
                let asked = self.unchanged.as_deref().unwrap_or(self).asks(place, &world.env, &agent);
                for &seed in &seeds {
                    trials.push(Trial {
                        env: env.id.into(),
                        params: params.clone(),
                        agent: agent.clone(),
                        player: player.clone(),
                        seed,
                        steps,
                        log: log.clone().filter(|_| learns),
                        evaluation: self.evaluation,
                        math,
                        asked,
                        at_least,
                        training_points: training_points.filter(|_| learns && log.is_none()),
                        tuning: tuning.clone(),
                        optimum: Arc::clone(&optimum),
                    });
                }
            }
        }
        let mut ids: Vec<(String, &Trial)> = trials.iter().map(|trial| (trial.id(), trial)).collect();
        ids.sort_by(|a, b| a.0.cmp(&b.0));
        match ids.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => {
                let (env, one, other) = (&pair[0].1.env, &pair[0].1.agent, &pair[1].1.agent);
                Err(wrong(format!("{one} and {other} under {env} are the same trial")))
            }
            None => Ok(trials),
        }
    }

    /// What it asks for of an agent in the world at this place, if it has both.
    fn asks(&self, place: usize, env: &str, agent: &str) -> Option<record::Asked> {
        let world = self.worlds.get(place).filter(|world| world.env == env)?;
        let learner = world.agents.iter().find(|entry| entry.name() == agent);
        let budget = match learner {
            Some(entry) => entry.steps.unwrap_or(world.steps),
            None => world.references.iter().find(|name| *name == agent).map(|_| 0)?,
        };
        let seeds = self.seeds.list().ok()?.len() as u64;
        Some(record::Asked { budget, seeds, episodes: self.evaluation.episodes })
    }
}

/// Appends the nearest of the expected names when `message` is serde's complaint about an unknown one.
fn with_nearest(full: &str, message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.contains("unknown field"), quoted.next()) {
        (true, Some(word)) => match nearest(word, quoted)[..] {
            [near, ..] => format!("{full}\nnearest key: {near}"),
            [] => full.into(),
        },
        _ => full.into(),
    }
}

/// Sets `keys` below `tree`; `*` stands for every element of a list, a number for one.
fn assign(tree: &mut Value, keys: &[&str], value: &Value) -> std::result::Result<(), String> {
    let Some((key, rest)) = keys.split_first() else {
        *tree = value.clone();
        return Ok(());
    };
    match tree {
        Value::Object(table) => assign(table.entry(*key).or_insert(Value::Null), rest, value),
        Value::Array(list) if *key == "*" => list.iter_mut().try_for_each(|item| assign(item, rest, value)),
        Value::Array(list) => {
            let count = list.len();
            let item = key.parse::<usize>().ok().and_then(|index| list.get_mut(index));
            let item = item.ok_or_else(|| format!("`{key}` must be * or an index below {count}"))?;
            assign(item, rest, value)
        }
        slot @ Value::Null => {
            *slot = Value::Object(Map::new());
            assign(slot, keys, value)
        }
        other => Err(format!("there is nothing below {other}")),
    }
}

#[cfg(test)]
mod tests;
