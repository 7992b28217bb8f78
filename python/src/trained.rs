//! Trained agents from their checkpoints.
use crate::failure::{parsed, raised};
use mercato::{
    agents::{Agent, Checkpoint, Player, evaluate},
    envs::{Actions, Params, Spec, find, make},
    rollout::metrics,
    trial::{described, trained},
};
use numpy::{PyReadonlyArrayDyn, PyReadwriteArrayDyn};
use pyo3::{exceptions::PyValueError, prelude::*};
use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A trained agent that only plays.
#[pyclass(frozen, module = "mercato._native")]
pub struct Trained {
    agent: Mutex<Box<dyn Agent>>,
    spec: Spec,
    params: Params,
    metadata: String,
}

#[pymethods]
impl Trained {
    /// The agent in the file `path`.
    #[new]
    fn new(path: PathBuf) -> PyResult<Self> {
        let checkpoint = Checkpoint::read(&path).map_err(raised)?;
        let (id, params, agent) = described(&path, &checkpoint).map_err(raised)?;
        let agent = trained(&path, &checkpoint, &id, &params, agent).map_err(raised)?;
        let spec = find(&id).and_then(|entry| entry.one(&params)).map_err(raised)?.spec().clone();
        let metadata = serde_json::json!(checkpoint.metadata).to_string();
        Ok(Trained { agent: Mutex::new(agent), spec, params, metadata })
    }

    /// What the checkpoint says about itself, as JSON.
    fn metadata(&self) -> &str {
        &self.metadata
    }

    /// Writes the greedy action for each row of `observation`, float32 (rows, n), into `items`, int64 (rows, i), and
    /// `reals`, float32 (rows, r).
    fn act(
        &self,
        observation: PyReadonlyArrayDyn<'_, f32>,
        mut items: PyReadwriteArrayDyn<'_, i64>,
        mut reals: PyReadwriteArrayDyn<'_, f32>,
    ) -> PyResult<()> {
        let (observation, len) = (observation.as_slice()?, self.spec.observation);
        let rows = observation.len() / len;
        let (items, reals) = (items.as_slice_mut()?, reals.as_slice_mut()?);
        let mut actions = Actions::new(rows, self.spec.width);
        if rows == 0
            || rows * len != observation.len()
            || (items.len(), reals.len()) != (actions.items.len(), actions.reals.len())
        {
            let text = format!("observations must be rows of {len} numbers, and the actions must have as many rows");
            return Err(PyValueError::new_err(text));
        }
        let agent = self.agent();
        let mut policy = agent.greedy(rows).map_err(raised)?;
        policy.slot().observation.copy_from_slice(observation);
        policy.act(&mut actions).map_err(raised)?;
        items.iter_mut().zip(&actions.items).for_each(|(to, from)| *to = i64::from(*from));
        reals.copy_from_slice(&actions.reals);
        Ok(())
    }

    /// What the agent earns in its world, as `mercato eval` says it: JSON.
    fn evaluate(&self, py: Python<'_>, episodes: u32, seed: u64, params: &str) -> PyResult<String> {
        let mut all = self.params.clone();
        all.extend(parsed::<Params>("params", params)?);
        if episodes == 0 || seed >= 1 << 56 {
            return Err(PyValueError::new_err("episodes must be at least 1 and the seed below 2^56"));
        }
        let rows = if episodes < 256 { episodes } else { 256 } as usize;
        let mut world = make(self.spec.id, &all, rows).map_err(raised)?;
        py.detach(|| {
            let agent = self.agent();
            let mut policy = agent.greedy(rows).map_err(raised)?;
            let player = Player::Policy(policy.as_mut());
            let evaluation = evaluate(world.as_mut(), player, seed, episodes).map_err(raised)?;
            Ok(serde_json::Value::Object(metrics(&evaluation)).to_string())
        })
    }
}

impl Trained {
    /// A panic while somebody acted leaves the weights as they were.
    fn agent(&self) -> MutexGuard<'_, Box<dyn Agent>> {
        self.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
