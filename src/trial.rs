//! One trial: a world, an agent and a seed, from the first step to its record.
use crate::{
    error::{Error, Result, file},
    provenance,
    stopwatch::{Stopwatch, peak_memory, wall_clock},
    trace::TraceFile,
    trail::Trail,
};
use agents::{Agent, AgentSpec, Checkpoint, Tensor, evaluate_until, simple::Untrained};
use envs::{Actions, Optimum, Params, Stage, Start, VectorEnv};
use kernels::{Backend, Cpu, Cuda, CudaConfig, KernelSource, Math};
use reports::{record, tensorboard::EventWriter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
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
    /// Training transitions; 0 for reference policies.
    pub steps: u64,
    /// How it is evaluated.
    pub evaluation: Evaluation,
    /// How products are computed in training: exactly, or as only a GPU does.
    pub math: Math,
    /// How its settings were chosen, for the record.
    pub tuning: Option<record::Tuning>,
    /// The world's optimum once somebody has asked: shared by the trials of a world, because some take a while.
    pub optimum: Arc<OnceLock<Optimum>>,
}

/// Where a trial computes; in exact arithmetic the bits are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor, a core for each trial.
    Cpu,
    /// The first GPU, a stream for each trial.
    Cuda {
        /// Where its kernels come from; the bits are the same.
        kernels: KernelSource,
    },
}

impl Device {
    /// The arithmetic that is used here when `asked` for one, or for none: a GPU's default is fast.
    ///
    /// # Errors
    /// When the processor, which is always exact, is asked for another.
    pub fn math(self, asked: Option<Math>) -> Result<Math> {
        match (self, asked) {
            (Device::Cuda { .. }, None) => Ok(Math::Fast),
            (Device::Cuda { .. }, Some(math)) => Ok(math),
            (Device::Cpu, None | Some(Math::Exact)) => Ok(Math::Exact),
            (Device::Cpu, Some(math)) => {
                let problem =
                    format!("it is {}, and a processor is always exact; leave it out, or use a GPU", math.name());
                Err(Error::Spec { path: "math".into(), problem })
            }
        }
    }

    /// Opens the device and closes it again: better before anything is begun than in every trial.
    ///
    /// # Errors
    /// When it, or a library that it needs for `math`, is missing.
    pub fn check(self, math: Math) -> Result<()> {
        match self {
            Device::Cpu => Cpu::new().map(|_| ())?,
            Device::Cuda { kernels } => Cuda::with(CudaConfig { math, kernels }).map(|_| ())?,
        }
        Ok(())
    }
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
/// Training metrics are written this many times along a trial.
const TRAINING_POINTS: u64 = 100;
/// Name of the trail in the file that a stopped trial goes on from.
const TRAIL: &str = "trail";
/// Rows held at once in an evaluation; changes no number.
const EVALUATION_ROWS: u32 = 128;

impl Trial {
    /// Everything that decides the trial's bits.
    pub fn config(&self) -> Value {
        json!({
            "env": self.env,
            "params": self.params,
            "player": to_json(&self.player),
            "seed": self.seed,
            "steps": self.steps,
            "evaluation": self.evaluation,
            "math": self.math,
        })
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
            json!({
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
            })
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
                evaluation: serde_json::from_value(config["evaluation"].clone())?,
                math: serde_json::from_value(config["math"].clone())?,
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
        self.optimum.get_or_init(|| optimum_of(&self.env, &self.params));
        let mut run = Run::new(self, surroundings);
        run.since = Some(stopwatch);
        let played = match surroundings.device {
            Device::Cpu => {
                surroundings.device.math(Some(self.math))?;
                run.play(Cpu::new()?)
            }
            Device::Cuda { kernels } => {
                let cuda = Cuda::with(CudaConfig { math: self.math, kernels })?;
                run.device = format!("cuda: {}", cuda.name());
                run.play(cuda)
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
        let optimum = self.optimum.get_or_init(|| optimum_of(&self.env, &self.params));
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
            tuning: self.tuning.clone().filter(|_| matches!(self.player, Player::Agent(_))),
            device,
            math: self.math.name().into(),
            status,
            objective: env.spec().objective().into(),
            hashes: record::Hashes { curve: Some(curve_hash(&progress.curve)), ..hashes },
            curve: progress.curve,
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

/// What of a run must survive an interruption, beside the agent and the world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    transitions: u64,
    episodes: u64,
    updates: u64,
    /// Undiscounted return of the running episode of each row.
    returns: Vec<f64>,
    /// Sum and number of the returns since the last training point.
    finished: (f64, u64),
    curve: Vec<record::Point>,
    training: Vec<record::TrainingPoint>,
    wall_s: f64,
    train_s: f64,
}

/// A trial while it is played.
struct Run<'a> {
    trial: &'a Trial,
    around: &'a Surroundings<'a>,
    progress: Progress,
    trail: Trail,
    outcome: Option<record::Outcome>,
    hashes: record::Hashes,
    since: Option<Stopwatch>,
    device: String,
}

impl<'a> Run<'a> {
    fn new(trial: &'a Trial, around: &'a Surroundings<'a>) -> Self {
        let hashes =
            record::Hashes { curve: None, weights: None, evaluation: None, trail: None, published_trail: None };
        Run {
            trial,
            around,
            progress: Progress::default(),
            // A mark waits for the device, which otherwise runs ahead.
            trail: Trail::every(if around.device == Device::Cpu { 1 } else { 64 }),
            outcome: None,
            hashes,
            since: None,
            device: "cpu".into(),
        }
    }

    fn play<B: Backend>(&mut self, backend: B) -> Result<()> {
        let trial = self.trial;
        match &trial.player {
            Player::Reference(name) => {
                let mut env = envs::make(&trial.env, &trial.params, self.rows_of(trial.evaluation.episodes)?)?;
                let mut policy = Untrained::parse(name, env.spec())?;
                self.evaluate(env.as_mut(), policy.player(), true)
            }
            Player::Agent(spec) => {
                let mut env = envs::make(&trial.env, &trial.params, trial.rows())?;
                let mut agent = spec.build(backend, env.spec(), trial.seed)?;
                self.train(env.as_mut(), agent.as_mut())?;
                self.evaluate_agent(env.as_ref(), agent.as_ref(), true)?;
                let weights = agent.weights()?;
                self.hashes.weights = Some(weights_hash(&weights));
                if let Some(folder) = self.around.folder {
                    let path = weights_path(folder, &trial.id());
                    create_folder(&path)?;
                    Checkpoint { metadata: self.metadata(), tensors: weights }.write(&path)?;
                }
                self.forget()
            }
        }
    }

    fn train(&mut self, env: &mut dyn VectorEnv, agent: &mut dyn Agent) -> Result<()> {
        let (trial, rows) = (self.trial, env.spec().rows);
        let mut actions = Actions::new(rows, env.spec().width);
        if !self.resume(env, agent)? {
            env.reset(Start::training(trial.seed), agent.slot())?;
            self.progress.returns = vec![0.0; rows];
        }
        let mut events = self.events()?;
        let mut trace = self.trace_file(agent)?;
        let log_every = trial.steps.div_ceil(TRAINING_POINTS);
        let mut next_log = next_multiple(self.progress.transitions, log_every);
        // Not from the transitions: the point due at this very one may have been interrupted.
        let mut next_point = next_multiple(self.progress.curve.last().map_or(0, |point| point.step), trial.every());
        (self.around.progress)(self.progress.transitions);
        let mut lap = Stopwatch::start();
        loop {
            if self.progress.transitions >= next_point {
                next_point = next_multiple(self.progress.transitions, trial.every());
                self.progress.train_s += lap.seconds();
                self.evaluate_agent(env, agent, false)?;
                lap = Stopwatch::start();
            }
            if self.progress.transitions >= trial.steps {
                break;
            }
            if self.around.stop.load(Ordering::Relaxed) {
                self.progress.train_s += lap.seconds();
                self.suspend(env, agent)?;
                finish(trace)?;
                return Err(Error::Interrupted);
            }
            agent.act(&mut actions)?;
            env.step(&actions, agent.slot())?;
            agent.learn()?;
            if let Some(trace) = &mut trace
                && let Some(update) = agent.trace()?
            {
                trace.write(&update).map_err(file(Path::new("trace")))?;
            }
            self.trail.step(&actions, &agent.slot());
            if self.trail.is_due() {
                self.trail.mark(&agent.update()?);
            }
            let made = self.tally(agent);
            (self.around.progress)(made);
            if self.progress.transitions >= next_log {
                next_log = next_multiple(self.progress.transitions, log_every);
                let point = self.training_point(agent)?;
                if let Some(events) = &mut events {
                    write_events(events, &point)?;
                }
                self.progress.training.push(point);
            }
        }
        self.progress.train_s += lap.seconds();
        finish(trace)?;
        // Asked once more, because what is no longer finite at the very end is a divergence too.
        self.progress.updates = agent.progress()?.updates;
        if let Some(events) = events {
            events.finish().map_err(file(Path::new("tensorboard")))?;
        }
        Ok(())
    }

    /// Counts what the last step brought; returns its transitions (resets are none).
    fn tally(&mut self, agent: &mut dyn Agent) -> u64 {
        let slot = agent.slot();
        let mut made = 0;
        for ((total, reward), stage) in self.progress.returns.iter_mut().zip(slot.reward).zip(slot.stage) {
            made += u64::from(*stage != Stage::First);
            *total += f64::from(*reward);
            if stage.is_last() {
                self.progress.finished.0 += *total;
                self.progress.finished.1 += 1;
                self.progress.episodes += 1;
                *total = 0.0;
            }
        }
        self.progress.transitions += made;
        made
    }

    fn training_point(&mut self, agent: &dyn Agent) -> Result<record::TrainingPoint> {
        let now = agent.progress()?;
        let (sum, count) = std::mem::take(&mut self.progress.finished);
        self.progress.updates = now.updates;
        Ok(record::TrainingPoint {
            step: self.progress.transitions,
            total_reward: (count > 0).then(|| sum / count as f64),
            loss: now.loss.map(f64::from),
            mean_q: now.mean_q.map(f64::from),
            epsilon: Some(now.epsilon.into()),
        })
    }

    fn rows_of(&self, episodes: u32) -> Result<usize> {
        let rows = if episodes < EVALUATION_ROWS { episodes } else { EVALUATION_ROWS };
        Ok(envs::find(&self.trial.env)?.whole(&self.trial.params, rows as usize)?)
    }

    /// Evaluates `agent`, which learns in `training`.
    fn evaluate_agent(&mut self, training: &dyn VectorEnv, agent: &dyn Agent, last: bool) -> Result<()> {
        let evaluation = self.trial.evaluation;
        let rows = self.rows_of(if last { evaluation.episodes } else { evaluation.point_episodes })?;
        let mut env = envs::make(&self.trial.env, &self.trial.params, rows)?;
        let mut policy = agent.greedy(rows)?;
        let result = self.evaluate(env.as_mut(), agents::Player::Policy(policy.as_mut()), last);
        if let Err(Error::Agent(agents::Error::Interrupted)) = result {
            self.suspend(training, agent)?;
        }
        result
    }

    fn evaluate(&mut self, env: &mut dyn VectorEnv, player: agents::Player<'_>, last: bool) -> Result<()> {
        let evaluation = self.trial.evaluation;
        let episodes = if last { evaluation.episodes } else { evaluation.point_episodes };
        let objective = env.spec().objective();
        let result = evaluate_until(self.around.stop, env, player, evaluation.seed + self.trial.seed, episodes)?;
        let root = f64::from(episodes).sqrt();
        if last {
            let metrics = (result.metrics.iter())
                .map(|metric| {
                    let (mean, sd) = (Some(metric.mean), Some(metric.sd));
                    (metric.name.clone(), record::Metric { mean, sd, se: Some(metric.sd / root) })
                })
                .collect();
            self.outcome = Some(record::Outcome { episodes, metrics });
            let bytes: Vec<u8> = result.traces.iter().flat_map(|trace| trace.to_le_bytes()).collect();
            self.hashes.evaluation = Some(hex(&Sha256::digest(bytes)));
        }
        if !last || self.trial.steps == 0 {
            let metric = result.metric(objective);
            self.progress.curve.push(record::Point {
                step: self.planned_step(),
                episodes: self.progress.episodes,
                objective: metric.map(|metric| metric.mean),
                se: metric.map(|metric| metric.sd / root),
            });
        }
        Ok(())
    }

    /// The multiple of [`Trial::every`] that has just been passed: a batch can end a few transitions after it, which
    /// ones depends on the seed, and only curves with the same steps have a mean.
    fn planned_step(&self) -> u64 {
        let every = self.trial.every();
        self.progress.transitions - self.progress.transitions.checked_rem(every).unwrap_or(0)
    }

    /// What a checkpoint says about itself.
    fn metadata(&self) -> BTreeMap<String, String> {
        let trial = self.trial;
        BTreeMap::from([
            ("trial".into(), trial.id()),
            ("env".into(), trial.env.clone()),
            ("params".into(), Value::Object(trial.params.clone()).to_string()),
            ("agent".into(), trial.agent.clone()),
            ("player".into(), json!(trial.player).to_string()),
            ("seed".into(), trial.seed.to_string()),
            ("steps".into(), trial.steps.to_string()),
        ])
    }

    fn resume_path(&self, folder: &Path) -> PathBuf {
        folder.join("resume").join(format!("{}.safetensors", self.trial.id()))
    }

    /// Writes everything to go on from.
    fn suspend(&self, env: &dyn VectorEnv, agent: &dyn Agent) -> Result<()> {
        let Some(folder) = self.around.folder else { return Ok(()) };
        let path = self.resume_path(folder);
        create_folder(&path)?;
        let mut progress = self.progress.clone();
        progress.wall_s += self.since.map_or(0.0, |since| since.seconds());
        let mut metadata = self.metadata();
        metadata.insert("fingerprint".into(), provenance::fingerprint().into());
        metadata.insert("world".into(), env.save().to_string());
        metadata.insert("progress".into(), json!(progress).to_string());
        let mut tensors = agent.save()?;
        tensors.insert(TRAIL.into(), Tensor::U8(self.trail.to_bytes()));
        Ok(Checkpoint { metadata, tensors }.write(&path)?)
    }

    /// Removes what [`suspend`](Run::suspend) wrote.
    fn forget(&self) -> Result<()> {
        self.around.folder.map_or(Ok(()), |folder| remove(&self.resume_path(folder)))
    }

    /// Takes over what [`suspend`](Run::suspend) wrote, if it did and the code is the same.
    fn resume(&mut self, env: &mut dyn VectorEnv, agent: &mut dyn Agent) -> Result<bool> {
        let Some(path) = self.around.folder.map(|folder| self.resume_path(folder)) else { return Ok(false) };
        if !path.exists() {
            return Ok(false);
        }
        let checkpoint = Checkpoint::read(&path).map_err(|error| {
            let problem = format!("{error}; --fresh starts every trial anew");
            agents::Error::Checkpoint { path: path.display().to_string(), problem }
        })?;
        let text = |key: &str| checkpoint.metadata.get(key).map(String::as_str).unwrap_or_default();
        if text("fingerprint") != provenance::fingerprint() {
            return Ok(false);
        }
        let broken = |error: serde_json::Error| {
            let (path, problem) = (path.display().to_string(), format!("{error}; --fresh starts every trial anew"));
            Error::Agent(agents::Error::Checkpoint { path, problem })
        };
        agent.restore(&checkpoint.tensors)?;
        env.restore(&serde_json::from_str::<Value>(text("world")).map_err(broken)?)?;
        self.progress = serde_json::from_str(text("progress")).map_err(broken)?;
        let trail = match checkpoint.tensors.get(TRAIL) {
            Some(Tensor::U8(bytes)) => Trail::from_bytes(bytes),
            _ => None,
        };
        self.trail = trail.ok_or_else(|| {
            let problem = "it holds no whole trail; --fresh starts every trial anew".to_string();
            agents::Error::Checkpoint { path: path.display().to_string(), problem }
        })?;
        Ok(true)
    }

    /// The file of every update, where the trial goes on.
    fn trace_file(&self, agent: &dyn Agent) -> Result<Option<TraceFile>> {
        let Some(folder) = self.around.folder.filter(|_| self.around.trace) else { return Ok(None) };
        let path = folder.join("trace").join(format!("{}.csv", self.trial.id()));
        create_folder(&path)?;
        let updates = agent.update()?.updates;
        Ok(Some(TraceFile::open(&path, updates).map_err(file(&path))?))
    }

    /// The event file, with all training points so far.
    fn events(&self) -> Result<Option<EventWriter>> {
        let Some(folder) = self.around.folder.filter(|_| self.around.tensorboard) else { return Ok(None) };
        let trial = self.trial;
        let name = format!("{}-{}-{}", trial.env.replace('/', "-"), trial.agent, trial.seed);
        let path = folder.join("tensorboard").join(name).join(format!("events.out.tfevents.0.{}", trial.id()));
        create_folder(&path)?;
        let mut events = EventWriter::create(&path, wall_clock()).map_err(file(&path))?;
        for point in &self.progress.training {
            write_events(&mut events, point)?;
        }
        Ok(Some(events))
    }
}

fn finish(trace: Option<TraceFile>) -> Result<()> {
    trace.map_or(Ok(()), |mut trace| trace.flush().map_err(file(Path::new("trace"))))
}

fn write_events(events: &mut EventWriter, point: &record::TrainingPoint) -> Result<()> {
    let scalars = [
        ("total_reward", point.total_reward),
        ("loss", point.loss),
        ("mean_q", point.mean_q),
        ("epsilon", point.epsilon),
    ];
    for (tag, value) in scalars {
        if let Some(value) = value {
            events.scalar(tag, point.step, value as f32).map_err(file(Path::new("tensorboard")))?;
        }
    }
    Ok(())
}

/// The world's optimum. Trials are made after their world, so that one that cannot be made has been refused before.
fn optimum_of(env: &str, params: &Params) -> Optimum {
    envs::find(env).and_then(|entry| entry.one(params)).expect("the world was made when the trial was").optimum()
}

/// Settings as JSON; they have string keys and no floats that JSON lacks, so this cannot fail.
fn to_json<T: Serialize>(settings: &T) -> Value {
    envs::registry::to_json(settings).unwrap_or(Value::Null)
}

/// The least multiple of `step` above `count`; never, when `step` is 0.
fn next_multiple(count: u64, step: u64) -> u64 {
    count.checked_div(step).map_or(u64::MAX, |times| (times + 1) * step)
}

fn create_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(file(folder))
}

fn remove(path: &Path) -> Result<()> {
    if path.exists() { std::fs::remove_file(path).map_err(file(path)) } else { Ok(()) }
}

/// The id of a trial with this configuration.
fn id_of(config: &Value) -> String {
    hex(&Sha256::digest(config.to_string()))[..16].to_string()
}

/// Where a trial leaves its weights.
pub(crate) fn weights_path(folder: &Path, trial: &str) -> PathBuf {
    folder.join("weights").join(format!("{trial}.safetensors"))
}

/// Where a trial leaves its trail.
pub(crate) fn trail_path(folder: &Path, trial: &str) -> PathBuf {
    folder.join("trail").join(format!("{trial}.bin"))
}

pub(crate) fn weights_hash(weights: &agents::Tensors) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in weights {
        hash.update(name);
        match tensor {
            Tensor::F32(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::F64(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::U32(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::U64(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            Tensor::U8(numbers) => hash.update(numbers),
        }
    }
    hex(&hash.finalize())
}

pub(crate) fn curve_hash(curve: &[record::Point]) -> String {
    let mut hash = Sha256::new();
    for point in curve {
        hash.update(point.step.to_le_bytes());
        hash.update(point.episodes.to_le_bytes());
        for number in [point.objective, point.se].into_iter().flatten() {
            hash.update(number.to_bits().to_le_bytes());
        }
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The learning agent, world and parameters that a checkpoint of weights is about.
///
/// # Errors
/// When its metadata lacks them.
pub fn described(path: &Path, checkpoint: &Checkpoint) -> Result<(String, Params, AgentSpec)> {
    let missing = |key: &str| agents::Error::Checkpoint {
        path: path.display().to_string(),
        problem: format!("its metadata has no usable `{key}`; it is not a checkpoint of weights"),
    };
    let text = |key: &str| checkpoint.metadata.get(key).ok_or_else(|| missing(key));
    let params = serde_json::from_str(text("params")?).map_err(|_| missing("params"))?;
    match serde_json::from_str(text("player")?).map_err(|_| missing("player"))? {
        Player::Agent(spec) => Ok((text("env")?.clone(), params, spec)),
        Player::Reference(_) => Err(missing("player").into()),
    }
}

/// The agent that `checkpoint` holds, for playing in the world `id`, which may be another than its own.
///
/// # Errors
/// When the world cannot be made, or observes or acts differently.
pub fn trained(
    path: &Path,
    checkpoint: &Checkpoint,
    id: &str,
    params: &Params,
    spec: AgentSpec,
) -> Result<Box<dyn Agent>> {
    let spec = spec.playing();
    let world = envs::make(id, params, spec.rows())?;
    let mut agent = spec.build(Cpu::new()?, world.spec(), 0)?;
    agent.restore(&checkpoint.tensors).map_err(|error| {
        let own = checkpoint.metadata.get("env").map(String::as_str).unwrap_or_default();
        let problem = format!("it was trained in {own} and does not fit {id}: {error}");
        agents::Error::Checkpoint { path: path.display().to_string(), problem }
    })?;
    Ok(agent)
}
