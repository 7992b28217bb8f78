//! What a checkpoint of weights holds, and the agent in it.
use super::Player;
use crate::error::Result;
use agents::{Agent, AgentSpec, Checkpoint};
use envs::Params;
use kernels::Cpu;
use std::path::Path;

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
    agent.restore(&checkpoint.tensors).map_err(|error| where_trained(path, checkpoint, id, error))?;
    Ok(agent)
}

/// The same error, and where the checkpoint comes from if its tensors are what does not fit the world `id`.
pub(super) fn where_trained(path: &Path, checkpoint: &Checkpoint, id: &str, error: agents::Error) -> agents::Error {
    if !matches!(error, agents::Error::Checkpoint { .. }) {
        return error;
    }
    let own = checkpoint.metadata.get("env").map(String::as_str).unwrap_or_default();
    let problem = format!("it was trained in {own} and does not fit {id}: {error}");
    agents::Error::Checkpoint { path: path.display().to_string(), problem }
}
