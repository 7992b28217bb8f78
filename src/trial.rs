//! One trial: a world, an agent and a seed, from the first step to its record.
mod checkpoint;
mod device;
mod files;
mod offline;
mod run;
mod worth;

pub use checkpoint::{described, trained};
pub use device::Device;
pub(crate) use files::{curve_hash, trail_path, weights_hash, weights_path};
pub(crate) use offline::hash_of_file;
pub use worth::{Worth, worth};

use crate::{
    error::{Error, Result},
    experiment::ADMISSIBLE_TRAINING_POINTS,
    provenance,
    stopwatch::{Stopwatch, peak_memory},
    trail::Trail,
};
use agents::AgentSpec;
use envs::{Optimum, Params};
use files::hex;
use kernels::{Cpu, Cuda, CudaConfig, Math};
use reports::record::{self, Log};
use run::{Run, create_folder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, OnceLock, atomic::AtomicBool},
};

/// How trials are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    /// Episodes of the last evaluation, which is the result.
    pub episodes: u32,
    /// Evaluations along the training.
    #[serde(default = "Evaluation::default_points")]
    pub points: u32,
    /// Episodes of each of those.
    #[serde(default = "Evaluation::default_point_episodes")]
    pub point_episodes: u32,
    /// Trial s is evaluated on the episodes of seed `seed` + s, whoever plays.
    #[serde(default)]
    pub seed: u64,
}

impl Evaluation {
    fn default_points() -> u32 {
        20
    }
    fn default_point_episodes() -> u32 {
        100
    }
    /// Checks the numbers.
    ///
    /// # Errors
    /// Names the number and its range.
    pub fn validate(&self) -> std::result::Result<(), String> {
        if !(1..=10_000_000).contains(&self.episodes) {
            return Err(format!("evaluation.episodes is {}; it must be between 1 and 10,000,000", self.episodes));
        }
        if self.seed >= 1 << 55 {
            return Err(format!("evaluation.seed is {}; it must be below 2^55", self.seed));
        }
        if self.points > MOST_POINTS {
            return Err(format!("evaluation.points is {}; it must be at most 10,000", self.points));
        }
        if !(1..=1_000_000).contains(&self.point_episodes) {
            let found = self.point_episodes;
            return Err(format!("evaluation.point_episodes is {found}; it must be between 1 and 1,000,000"));
        }
        Ok(())
    }
}

/// Who plays in a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a trial has one player")]
pub enum Player {
    /// A reference policy of the world, or `constant=V[,V…]`.
    Reference(String),
    /// A learning agent with all its settings.
    Agent(AgentSpec),
}

/// The unit of work, of resumption and of repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The world's id.
    pub env: String,
    /// Its parameters, all of them.
    pub params: Params,
    /// The name in reports.
    pub agent: String,
    /// Who plays.
    pub player: Player,
    /// The seed.
    pub seed: u64,
    /// Training transitions, or rounds of updates where it learns from a log; 0 for reference policies.
    pub steps: u64,
    /// What it learns from instead of playing, if it does.
    pub log: Option<Log>,
    /// How it is evaluated.
    pub evaluation: Evaluation,
    /// How products are computed in training: exactly, or as only a GPU does.
    pub math: Math,
    /// What its experiment asks for by itself, for the record.
    pub asked: Option<record::Asked>,
    /// The mean score over the seeds that its experiment demands, if it does.
    pub at_least: Option<f64>,
    /// Points of its training in the record, where they are not [`record::TRAINING_POINTS`].
    pub training_points: Option<u32>,
    /// How its settings were chosen, for the record.
    pub tuning: Option<record::Tuning>,
    /// The world's optimum once somebody has asked: shared by the trials of a world, because some take a while.
    pub optimum: Arc<OnceLock<Optimum>>,
}

/// Where a trial leaves files, and when it must stop.
pub struct Surroundings<'a> {
    /// Folder of the run; `None` leaves no files.
    pub folder: Option<&'a Path>,
    /// Whether event files for TensorBoard are written.
    pub tensorboard: bool,
    /// Whether a file says what every update looked like.
    pub trace: bool,
    /// Where it computes.
    pub device: Device,
    /// Name of the experiment.
    pub experiment: &'a str,
    /// Trials side by side, for the record.
    pub jobs: u32,
    /// Set when the trial must stop as soon as it can go on later.
    pub stop: &'a AtomicBool,
    /// Told how many transitions have been made since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Most evaluations along a training.
const MOST_POINTS: u32 = 10_000;

impl Trial {
    /// Everything that decides the trial's bits.
    pub fn config(&self) -> Value {
        let config = json!({
            "env": self.env,
            "params": self.params,
            "player": to_json(&self.player),
            "seed": self.seed,
            "steps": self.steps,
            "evaluation": self.evaluation,
            "math": self.math,
        });
        with_log(config, self.log.as_ref())
    }

    /// First 16 hex digits of the SHA-256 over the canonical JSON of [`config`](Trial::config).
    pub fn id(&self) -> String {
        id_of(&self.config())
    }

    /// The trial that a record is about. `None` if the record's id does not follow from its settings, so that one of
    /// them was edited.
    ///
    /// # Errors
    /// When this version does not know the agent's settings.
    pub fn of(record: &record::Record) -> Option<Result<Self>> {
        let evaluation = &record.evaluation;
        let config = |points: u32| {
            let player = match record.agent_config.get("policy").filter(|_| !record.learned) {
                Some(policy) => json!({ "reference": policy }),
                None => json!({ "agent": record.agent_config }),
            };
            let config = json!({
                "env": record.env,
                "params": record.env_params,
                "player": player,
                "seed": record.seed,
                "steps": record.budget,
                "evaluation": Evaluation {
                    episodes: evaluation.episodes,
                    points,
                    point_episodes: evaluation.point_episodes,
                    seed: evaluation.seed,
                },
                "math": record.math,
            });
            with_log(config, record.log.as_ref())
        };
        // The record tells the distance between evaluations and not their number, of which few give that distance.
        let fits = |points: &u32| match points {
            0 => evaluation.every == 0,
            points => record.budget.div_ceil(u64::from(*points)) == evaluation.every,
        };
        let usual = std::iter::once(Evaluation::default_points());
        let mut candidates = usual.chain(0..=MOST_POINTS).filter(fits).map(config);
        let config = candidates.find(|config| id_of(config) == record.trial)?;
        let parsed = || -> std::result::Result<Self, serde_json::Error> {
            Ok(Trial {
                env: record.env.clone(),
                params: serde_json::from_value(config["params"].clone())?,
                agent: record.agent.clone(),
                player: serde_json::from_value(config["player"].clone())?,
                seed: record.seed,
                steps: record.budget,
                log: record.log.clone(),
                evaluation: serde_json::from_value(config["evaluation"].clone())?,
                math: serde_json::from_value(config["math"].clone())?,
                asked: record.asked,
                at_least: None,
                // What no experiment may ask for was edited: the points of training will not be the record's.
                training_points: record.training_points.filter(|points| ADMISSIBLE_TRAINING_POINTS.contains(points)),
                tuning: record.tuning.clone(),
                optimum: Arc::default(),
            })
        };
        Some(parsed().map_err(|error| Error::Spec { path: record.agent.clone(), problem: error.to_string() }))
    }

    /// One hash over the `ids` of several trials, in their order.
    pub fn hash_of(ids: &[String]) -> String {
        hex(&Sha256::digest(ids.concat()))[..16].to_string()
    }

    /// Plays the trial. A divergence or an error becomes a record with that status.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when it was told to stop; then a file in the run's folder holds everything to go on from.
    pub fn run(&self, surroundings: &Surroundings<'_>) -> Result<record::Record> {
        self.run_with_trail(surroundings).map(|(record, _)| record)
    }

    /// Plays the trial as [`run`](Trial::run) does; with the record comes the trail of its training.
    ///
    /// # Errors
    /// As [`run`](Trial::run).
    pub fn run_with_trail(&self, surroundings: &Surroundings<'_>) -> Result<(record::Record, Trail)> {
        let stopwatch = Stopwatch::start();
        let env = envs::find(&self.env)?.one(&self.params)?;
        self.optimum.get_or_init(|| env.optimum());
        let mut run = Run::new(self, surroundings);
        run.since = Some(stopwatch);
        let played = match surroundings.device {
            Device::Cpu => {
                surroundings.device.math(Some(self.math))?;
                run.play(Cpu::new()?.into())
            }
            Device::Cuda { kernels } => {
                let cuda = Cuda::with(CudaConfig { math: self.math, kernels })?;
                run.device = format!("cuda: {}", cuda.name());
                run.play(cuda.into())
            }
        };
        let status = match played {
            Ok(()) => record::Status::Ok,
            Err(Error::Interrupted | Error::Agent(agents::Error::Interrupted)) => return Err(Error::Interrupted),
            Err(Error::Agent(error @ agents::Error::Diverged { .. })) => {
                run.forget()?;
                record::Status::Diverged { message: error.to_string() }
            }
            Err(error) => record::Status::Failed { message: error.to_string() },
        };
        run.progress.wall_s += stopwatch.seconds();
        if matches!(self.player, Player::Agent(_)) {
            run.hashes.trail = Some(run.trail.hash());
            run.hashes.published_trail = Some(run.trail.published().hash());
            if let Some(folder) = surroundings.folder {
                let path = trail_path(folder, &self.id());
                create_folder(&path)?;
                run.trail.write(&path)?;
            }
        }
        let trail = std::mem::take(&mut run.trail);
        Ok((self.record(run, status)?, trail))
    }

    /// The record of a trial that ended with `message` before it could write one itself.
    ///
    /// # Errors
    /// When the world cannot be made.
    pub fn failed(&self, surroundings: &Surroundings<'_>, message: &str) -> Result<record::Record> {
        self.record(Run::new(self, surroundings), record::Status::Failed { message: message.into() })
    }

    fn record(&self, run: Run<'_>, status: record::Status) -> Result<record::Record> {
        let env = envs::find(&self.env)?.one(&self.params)?;
        let optimum = self.optimum.get_or_init(|| env.optimum());
        let Run { progress, outcome, hashes, around, device, .. } = run;
        let config = match &self.player {
            Player::Reference(policy) => json!({ "policy": policy }),
            Player::Agent(spec) => to_json(spec),
        };
        Ok(record::Record {
            schema: record::SCHEMA,
            trial: self.id(),
            experiment: around.experiment.into(),
            env: self.env.clone(),
            env_params: Value::Object(self.params.clone()),
            agent: self.agent.clone(),
            agent_config: config,
            learned: matches!(self.player, Player::Agent(_)),
            seed: self.seed,
            budget: self.steps,
            evaluation: record::Evaluation {
                episodes: self.evaluation.episodes,
                point_episodes: self.evaluation.point_episodes,
                seed: self.evaluation.seed,
                every: self.every(),
            },
            asked: self.asked,
            tuning: self.tuning.clone().filter(|_| matches!(self.player, Player::Agent(_))),
            log: self.log.clone().filter(|_| matches!(self.player, Player::Agent(_))),
            device,
            math: self.math.name().into(),
            status,
            objective: env.spec().objective().into(),
            hashes: record::Hashes { curve: Some(curve_hash(&progress.curve)), ..hashes },
            curve: progress.curve,
            training_points: self.training_points,
            training: progress.training,
            outcome: outcome.unwrap_or(record::Outcome { episodes: 0, metrics: BTreeMap::new() }),
            reference: record::Reference {
                optimum_lower: optimum.lower,
                optimum_upper: optimum.upper,
                optimum_method: optimum.method.into(),
                tolerance: optimum.tolerance,
                random: optimum.random,
                random_se: optimum.random_se,
                myopic: optimum.others.iter().find(|(name, _)| *name == "myopic").map(|(_, value)| *value),
                named: (optimum.others.iter())
                    .filter(|(name, _)| *name != "myopic")
                    .map(|(name, value)| (name.to_string(), *value))
                    .collect(),
            },
            code: provenance::code(&Cpu::new()?),
            machine: Some(provenance::machine()),
            time: record::Time {
                wall_s: progress.wall_s,
                train_s: progress.train_s,
                updates_per_s: (progress.train_s > 0.0 && progress.updates > 0)
                    .then(|| progress.updates as f64 / progress.train_s),
                peak_memory_mb: peak_memory(),
                jobs: around.jobs,
            },
        })
    }

    /// Points that the record of its training has at most.
    fn points_of_training(&self) -> u32 {
        self.training_points.unwrap_or(record::TRAINING_POINTS)
    }

    /// Training transitions between two evaluations.
    fn every(&self) -> u64 {
        if self.evaluation.points == 0 { 0 } else { self.steps.div_ceil(u64::from(self.evaluation.points)) }
    }

    /// Rows of the training vector.
    fn rows(&self) -> usize {
        match &self.player {
            Player::Reference(_) => 1,
            Player::Agent(spec) => spec.rows(),
        }
    }
}

/// The configuration of a trial that learns from `log`, if from any: what is in the file decides, not its name.
fn with_log(mut config: Value, log: Option<&Log>) -> Value {
    if let Some(Log { sha256, hold_out, patience, .. }) = log {
        config["log"] = json!({ "sha256": sha256, "hold_out": hold_out, "patience": patience });
    }
    config
}

/// Settings as JSON; they have string keys and no floats that JSON lacks, so this cannot fail.
fn to_json<T: Serialize>(settings: &T) -> Value {
    envs::registry::to_json(settings).unwrap_or(Value::Null)
}

/// The id of a trial with this configuration.
fn id_of(config: &Value) -> String {
    hex(&Sha256::digest(config.to_string()))[..16].to_string()
}
