//! Training from a log: everything is remembered first, then only studied; nobody plays but to evaluate.
use super::{
    files::hex,
    run::{Run, next_multiple},
};
use crate::{
    error::{Error, Result, file},
    stopwatch::Stopwatch,
    transitions::{Episode, read},
};
use agents::{Agent, AgentSpec, Processor, Tensors};
use envs::{Actions, Spec, Stage, VectorEnv};
use reports::record::{self, Log};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    sync::atomic::Ordering,
};

/// Rounds of updates that a loss on held-out episodes is the mean of.
const MEASURED: u32 = 16;

/// SHA-256 of a file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn hash_of_file(path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let mut source = BufReader::with_capacity(1 << 20, File::open(path).map_err(file(path))?);
    loop {
        let part = source.fill_buf().map_err(file(path))?;
        let length = part.len();
        if length == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(part);
        source.consume(length);
    }
}

/// What remembers the held-out episodes, and the best weights by them.
struct Validation {
    measure: Box<dyn Agent>,
    best: Option<(f32, Tensors)>,
    /// Evaluations since the best.
    since: u32,
}

impl Validation {
    /// Looks at `agent`'s loss on the held-out episodes, its own network being the target; whether it was the best yet.
    fn look(&mut self, agent: &dyn Agent) -> Result<f32> {
        let weights = agent.weights()?;
        self.measure.restore(&weights)?;
        let mut sum = 0.0;
        for _ in 0..MEASURED {
            self.measure.study()?;
            sum += self.measure.progress()?.loss.unwrap_or(0.0);
        }
        let loss = sum / MEASURED as f32;
        self.since += 1;
        if self.best.as_ref().is_none_or(|(best, _)| loss < *best) {
            (self.best, self.since) = (Some((loss, weights)), 0);
        }
        Ok(loss)
    }
}

impl Run<'_> {
    /// An agent that has learnt from the log.
    pub(super) fn learn_from_log(
        &mut self,
        processor: Processor,
        env: &dyn VectorEnv,
        spec: &AgentSpec,
        log: &Log,
    ) -> Result<Box<dyn Agent>> {
        let path = Path::new(&log.path);
        if hash_of_file(path)? != log.sha256 {
            let problem = "it is not the log of this trial: its hash is another".to_string();
            return Err(Error::Spec { path: log.path.clone(), problem });
        }
        let (mut shown, mut held_out) = (Vec::new(), Vec::new());
        for (at, episode) in read(path, env.spec())?.into_iter().enumerate() {
            let apart = log.hold_out > 0 && (at + 1).is_multiple_of(log.hold_out as usize);
            if apart { held_out.push(episode) } else { shown.push(episode) }
        }
        if shown.is_empty() || log.hold_out > 0 && held_out.is_empty() {
            let problem = format!("it has too few episodes to hold out every {}th", log.hold_out);
            return Err(Error::Spec { path: log.path.clone(), problem });
        }
        let seed = self.trial.seed;
        let mut agent = remembering(processor.clone(), spec.clone(), env.spec(), &shown, seed)?;
        let mut validation = match held_out.is_empty() {
            true => None,
            false => {
                let measure = remembering(processor, spec.clone().measuring(), env.spec(), &held_out, seed)?;
                Some(Validation { measure, best: None, since: 0 })
            }
        };
        self.study(env, agent.as_mut(), validation.as_mut(), log.patience)?;
        if let Some((_, weights)) = validation.and_then(|validation| validation.best) {
            agent.restore(&weights)?;
        }
        Ok(agent)
    }

    fn study(
        &mut self,
        env: &dyn VectorEnv,
        agent: &mut dyn Agent,
        mut validation: Option<&mut Validation>,
        patience: u32,
    ) -> Result<()> {
        let (rounds, every) = (self.trial.steps, self.trial.every());
        let log_every = rounds.div_ceil(record::TRAINING_POINTS.into());
        let (mut next_log, mut next_point) = (next_multiple(0, log_every), next_multiple(0, every));
        let mut lap = Stopwatch::start();
        for round in 1..=rounds {
            if self.around.stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            agent.study()?;
            self.progress.transitions = round;
            (self.around.progress)(1);
            if self.trail.is_due() {
                self.trail.mark(&agent.update()?);
            }
            let due = round >= next_point;
            let measured = match &mut validation {
                Some(validation) if due || round == rounds => Some(validation.look(agent)?),
                _ => None,
            };
            if round >= next_log || measured.is_some() {
                next_log = next_multiple(round, log_every);
                let now = agent.progress()?;
                self.progress.updates = now.updates;
                self.progress.training.push(record::TrainingPoint {
                    step: round,
                    total_reward: None,
                    loss: now.loss.map(f64::from),
                    mean_q: now.mean_q.map(f64::from),
                    epsilon: None,
                    multiplier: None,
                    validation_loss: measured.map(f64::from),
                });
            }
            if due {
                next_point = next_multiple(round, every);
                self.progress.train_s += lap.seconds();
                self.evaluate_agent(env, agent, false)?;
                lap = Stopwatch::start();
            }
            if patience > 0 && validation.as_ref().is_some_and(|validation| validation.since >= patience) {
                break;
            }
        }
        self.progress.train_s += lap.seconds();
        self.progress.updates = agent.progress()?.updates;
        Ok(())
    }
}

/// An agent that remembers `episodes`, one after another in one row.
fn remembering(
    processor: Processor,
    spec: AgentSpec,
    world: &Spec,
    episodes: &[Episode],
    seed: u64,
) -> Result<Box<dyn Agent>> {
    let mut agent = spec.from_log(cells(episodes)).build(processor, world, seed)?;
    remember(agent.as_mut(), world, episodes)?;
    Ok(agent)
}

/// Transitions and ends of `episodes`.
pub(super) fn cells(episodes: &[Episode]) -> usize {
    episodes.iter().map(|episode| episode.action.len() + 1).sum()
}

/// Has `agent` remember `episodes`, one after another in its row.
pub(super) fn remember(agent: &mut dyn Agent, world: &Spec, episodes: &[Episode]) -> Result<()> {
    let mut actions = Actions::new(1, world.width);
    for episode in episodes {
        for (t, observation) in episode.observation.chunks_exact(world.observation).enumerate() {
            let slot = agent.slot();
            slot.observation.copy_from_slice(observation);
            slot.reward[0] = if t == 0 { 0.0 } else { episode.reward[t - 1] };
            slot.stage[0] = match t {
                0 => Stage::First,
                t if t == episode.action.len() => episode.end,
                _ => Stage::Mid,
            };
            // Where the episode is over nothing was done.
            actions.items[0] = episode.action.get(t).copied().unwrap_or(0);
            agent.watch(&actions)?;
        }
    }
    Ok(())
}
