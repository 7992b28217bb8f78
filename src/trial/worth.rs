//! What a policy is worth by a log of somebody else's decisions: nobody plays.
use super::{
    checkpoint::where_trained,
    offline::{cells, remember},
};
use crate::{
    error::{Error, Result},
    transitions::read,
};
use agents::{AgentSpec, Checkpoint};
use envs::{Spec, Stage};
use kernels::Cpu;
use std::path::Path;

/// Observations that are valued at once.
const AT_ONCE: usize = 4096;

/// What a policy is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Worth {
    /// Episodes of the log.
    pub episodes: usize,
    /// Observations that the value is the mean over: those that episodes begin with; all that were acted on where the
    /// world's discount is 0.
    pub observations: usize,
    /// Mean value of what the policy does there: the world's objective, in a log without a step limit.
    pub value: f64,
    /// Standard error of that mean from the choice of observations; `None` for a single one.
    pub se: Option<f64>,
    /// Updates made.
    pub updates: u64,
    /// Loss of the last update.
    pub loss: f64,
}

/// What the greedy policy of the agent `spec` in the checkpoint `from` is worth by the log at `path`: values are learnt by
/// fitted Q evaluation in at least `updates` updates, a round of them at a time.
///
/// # Errors
/// When the log cannot be read, the checkpoint does not fit the world, the agent has no values of actions, learning diverges, or episodes without a discount were
/// cut: what would follow has no end and no value.
pub fn worth(
    path: &Path,
    world: &Spec,
    spec: &AgentSpec,
    (from, checkpoint): (&Path, &Checkpoint),
    (updates, seed): (u32, u64),
) -> Result<Worth> {
    let episodes = read(path, world)?;
    if world.discount >= 1.0 && episodes.iter().any(|episode| episode.end == Stage::Truncated) {
        let problem = format!(
            "some of its episodes were cut at a step limit, and {} has no discount: what would follow has no value",
            world.id
        );
        return Err(Error::Spec { path: path.display().to_string(), problem });
    }
    let judging = spec.judge(Cpu::new()?, &checkpoint.tensors, (cells(&episodes), updates), world, seed);
    let mut agent = judging.map_err(|error| where_trained(from, checkpoint, world.id, error))?;
    remember(agent.as_mut(), world, &episodes)?;
    let mut made = 0;
    while made < u64::from(updates) {
        agent.study()?;
        made = agent.update()?.updates;
    }
    let loss = agent.progress()?.loss.map_or(0.0, f64::from);
    let width = world.observation;
    let seen: Vec<f32> = (episodes.iter())
        .flat_map(|episode| {
            let acted_on = if world.discount > 0.0 { 1 } else { episode.action.len() };
            &episode.observation[..acted_on * width]
        })
        .copied()
        .collect();
    let mut values = Vec::with_capacity(seen.len() / width);
    for observations in seen.chunks(AT_ONCE * width) {
        let explained = agent.explain(observations)?.unwrap_or_default();
        values.extend(
            explained.iter().map(|explanation| {
                f64::from(explanation.values[explanation.items[0] as usize].1 / spec.reward_scale())
            }),
        );
    }
    let n = values.len() as f64;
    let value = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|other| (other - value) * (other - value)).sum::<f64>();
    let se = (values.len() > 1).then(|| (squares / (n - 1.0) / n).sqrt());
    Ok(Worth { episodes: episodes.len(), observations: values.len(), value, se, updates: made, loss })
}
