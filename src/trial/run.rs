//! A trial while it is played: training, evaluations, interruption and resumption.
use super::{
    Device, Player, Surroundings, Trial,
    files::{hex, weights_hash, weights_path},
};
use crate::{
    error::{Error, Result, file},
    provenance,
    stopwatch::{Stopwatch, wall_clock},
    trace::TraceFile,
    trail::Trail,
};
use agents::{Agent, Checkpoint, Processor, Tensor, evaluate_until, simple::Untrained};
use envs::{Actions, Stage, Start, VectorEnv};
use reports::{record, tensorboard::EventWriter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

/// Name of the trail in the file that a stopped trial goes on from.
const TRAIL: &str = "trail";
/// Rows held at once in an evaluation; changes no number.
const EVALUATION_ROWS: u32 = 128;

/// What of a run must survive an interruption, beside the agent and the world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) transitions: u64,
    episodes: u64,
    pub(super) updates: u64,
    /// Undiscounted return of the running episode of each row.
    returns: Vec<f64>,
    /// Sum and number of the returns since the last training point.
    finished: (f64, u64),
    pub(super) curve: Vec<record::Point>,
    pub(super) training: Vec<record::TrainingPoint>,
    pub(super) wall_s: f64,
    pub(super) train_s: f64,
}

/// A trial while it is played.
pub(super) struct Run<'a> {
    pub(super) trial: &'a Trial,
    pub(super) around: &'a Surroundings<'a>,
    pub(super) progress: Progress,
    pub(super) trail: Trail,
    pub(super) outcome: Option<record::Outcome>,
    pub(super) hashes: record::Hashes,
    pub(super) since: Option<Stopwatch>,
    pub(super) device: String,
}

impl<'a> Run<'a> {
    pub(super) fn new(trial: &'a Trial, around: &'a Surroundings<'a>) -> Self {
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

    pub(super) fn play(&mut self, processor: Processor) -> Result<()> {
        let trial = self.trial;
        match &trial.player {
            Player::Reference(name) => {
                let mut env = envs::make(&trial.env, &trial.params, self.rows_of(trial.evaluation.episodes)?)?;
                let mut policy = Untrained::parse(name, env.spec())?;
                self.evaluate(env.as_mut(), policy.player(), true)
            }
            Player::Agent(spec) => {
                let (env, agent) = match &trial.log {
                    Some(log) => {
                        let env = envs::make(&trial.env, &trial.params, 1)?;
                        let agent = self.learn_from_log(processor, env.as_ref(), spec, log)?;
                        (env, agent)
                    }
                    None => {
                        let mut env = envs::make(&trial.env, &trial.params, trial.rows())?;
                        let mut agent = spec.build(processor, env.spec(), trial.seed)?;
                        self.train(env.as_mut(), agent.as_mut())?;
                        (env, agent)
                    }
                };
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
        let log_every = trial.steps.div_ceil(trial.points_of_training().into());
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
            multiplier: now.multiplier.map(f64::from),
            validation_loss: None,
        })
    }

    fn rows_of(&self, episodes: u32) -> Result<usize> {
        let rows = if episodes < EVALUATION_ROWS { episodes } else { EVALUATION_ROWS };
        Ok(envs::find(&self.trial.env)?.whole(&self.trial.params, rows as usize)?)
    }

    /// Evaluates `agent`, which learns in `training`.
    pub(super) fn evaluate_agent(&mut self, training: &dyn VectorEnv, agent: &dyn Agent, last: bool) -> Result<()> {
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
        metadata.insert("training_points".into(), self.trial.points_of_training().to_string());
        metadata.insert("world".into(), env.save().to_string());
        metadata.insert("progress".into(), json!(progress).to_string());
        let mut tensors = agent.save()?;
        tensors.insert(TRAIL.into(), Tensor::U8(self.trail.to_bytes()));
        Ok(Checkpoint { metadata, tensors }.write(&path)?)
    }

    /// Removes what [`suspend`](Run::suspend) wrote.
    pub(super) fn forget(&self) -> Result<()> {
        self.around.folder.map_or(Ok(()), |folder| remove(&self.resume_path(folder)))
    }

    /// Takes over what [`suspend`](Run::suspend) wrote, if it did, the code is the same and so are the points of training.
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
        let points = self.trial.points_of_training().to_string();
        if text("fingerprint") != provenance::fingerprint() || text("training_points") != points {
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
        ("multiplier", point.multiplier),
        ("validation_loss", point.validation_loss),
    ];
    for (tag, value) in scalars {
        if let Some(value) = value {
            events.scalar(tag, point.step, value as f32).map_err(file(Path::new("tensorboard")))?;
        }
    }
    Ok(())
}

/// The least multiple of `step` above `count`; never, when `step` is 0.
pub(super) fn next_multiple(count: u64, step: u64) -> u64 {
    count.checked_div(step).map_or(u64::MAX, |times| (times + 1) * step)
}

pub(super) fn create_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(file(folder))
}

fn remove(path: &Path) -> Result<()> {
    if path.exists() { std::fs::remove_file(path).map_err(file(path)) } else { Ok(()) }
}
