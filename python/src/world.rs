//! A vector of episodes whose slots are NumPy arrays.
use crate::failure::{given, parsed};
use mercato::envs::{Actions, Params, Reference, Slot, Stage, Start, VectorEnv, make, vector::THREADED_ROWS};
use numpy::{
    Element, PyArray1, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods,
    ToPyArray,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
    types::PyDict,
};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};

type Given<'py, T> = Option<PyReadonlyArrayDyn<'py, T>>;
type Slots<'py, T> = PyReadwriteArrayDyn<'py, T>;
type Step<'py> = (Bound<'py, PyArray1<f32>>, f32, bool, bool, Bound<'py, PyDict>);

/// Episodes of one world. Arrays are written in place and must be C-contiguous; for `rows` episodes of a world with
/// `n` numbers in an observation, `i` items and `r` reals in an action: observation float32 (rows, n), reward float32
/// (rows,), terminated and truncated bool (rows,), items int64 (rows, i), reals float32 (rows, r).
#[pyclass(frozen, module = "mercato._native")]
pub struct World {
    held: Mutex<Held>,
}

/// What one caller at a time uses.
struct Held {
    world: Option<Box<dyn VectorEnv>>,
    actions: Actions,
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
    tallies: Vec<Tally>,
    metrics: Vec<&'static str>,
    discount: f64,
}

/// What a row's running episode has brought so far.
#[derive(Clone)]
struct Tally {
    returned: f64,
    discounted: f64,
    discount: f64,
    length: u32,
}

impl Tally {
    const NEW: Tally = Tally { returned: 0.0, discounted: 0.0, discount: 1.0, length: 0 };
}

/// The first metrics; then the objective where it is neither, then the world's own.
const COMMON: [&str; 2] = ["episode_return", "length"];

#[pymethods]
impl World {
    /// `rows` episodes of the world `id` with `params`, a JSON object, over its defaults.
    #[new]
    fn new(id: &str, params: &str, rows: usize) -> PyResult<Self> {
        let params: Params = parsed("params", params)?;
        let world = make(id, &params, rows).map_err(given)?;
        let spec = world.spec();
        let objective = Some(spec.objective()).filter(|name| !COMMON.contains(name));
        let held = Held {
            actions: Actions::new(rows, spec.width),
            observation: vec![0.0; rows * spec.observation],
            reward: vec![0.0; rows],
            stage: vec![Stage::First; rows],
            tallies: vec![Tally::NEW; rows],
            metrics: COMMON.into_iter().chain(objective).chain(spec.metrics.iter().copied()).collect(),
            discount: spec.discount,
            world: Some(world),
        };
        Ok(World { held: Mutex::new(held) })
    }

    /// The specification as JSON: id, params, fields, shape, horizon, discount, metrics, policies, objective.
    fn spec(&self) -> PyResult<String> {
        let mut held = self.held()?;
        let spec = held.world()?.spec().clone();
        let width = [spec.width.items, spec.width.reals];
        let spec =
            serde_json::json!({ "spec": spec, "objective": spec.objective(), "width": width, "metrics": held.metrics });
        Ok(spec.to_string())
    }

    /// The optimum as JSON.
    fn optimum(&self, py: Python<'_>) -> PyResult<String> {
        let mut held = self.held()?;
        let world = held.world()?;
        let optimum = py.detach(move || world.optimum());
        Ok(serde_json::json!(optimum).to_string())
    }

    /// Starts episode 0 of rows `first_row`.. of `seed`, in the training or the evaluation domain.
    fn reset(&self, seed: u64, evaluation: bool, first_row: u32, mut observation: Slots<'_, f32>) -> PyResult<()> {
        let start =
            if evaluation { Start::evaluation(seed, first_row) } else { Start { first_row, ..Start::training(seed) } };
        let mut held = self.held()?;
        let Held { world, reward, stage, tallies, .. } = &mut *held;
        let observation = observation.as_slice_mut()?;
        open(world)?.reset(start, Slot { observation, reward, stage }).map_err(given)?;
        tallies.fill(Tally::NEW);
        Ok(())
    }

    /// Starts the next episode of every row, whether or not the last one is over.
    fn next_episode(&self, mut observation: Slots<'_, f32>) -> PyResult<()> {
        let mut held = self.held()?;
        let Held { world, reward, stage, tallies, .. } = &mut *held;
        let (chosen, observation) = (vec![true; stage.len()], observation.as_slice_mut()?);
        open(world)?.next_episode(&chosen, Slot { observation, reward, stage }).map_err(given)?;
        tallies.fill(Tally::NEW);
        Ok(())
    }

    /// One step of every row, the interpreter being free meanwhile; returns whether an episode ended.
    ///
    /// `metrics`, float64 (rows, number of metrics), is written where an episode ended. Without `final_observation` the
    /// step after an episode's last one starts the next (its action is ignored); with it, float32 (rows, n), rows whose
    /// episode ended start the next at once, and their last observation goes there.
    #[pyo3(signature = (items, reals, observation, reward, terminated, truncated, metrics, final_observation=None))]
    #[expect(clippy::too_many_arguments, reason = "each is an array of Gymnasium's step")]
    fn step(
        &self,
        py: Python<'_>,
        items: Given<'_, i64>,
        reals: Given<'_, f32>,
        observation: &Bound<'_, PyArrayDyn<f32>>,
        reward: &Bound<'_, PyArrayDyn<f32>>,
        terminated: &Bound<'_, PyArrayDyn<bool>>,
        truncated: &Bound<'_, PyArrayDyn<bool>>,
        metrics: &Bound<'_, PyArrayDyn<f64>>,
        final_observation: Option<&Bound<'_, PyArrayDyn<f32>>>,
    ) -> PyResult<bool> {
        let mut held = self.held()?;
        threads_survive(held.stage.len())?;
        held.take(&items, &reals)?;
        // Only now, because two threads on one environment share its arrays too.
        let (mut observation, mut reward) = (slots(observation)?, slots(reward)?);
        let (mut terminated, mut truncated) = (slots(terminated)?, slots(truncated)?);
        let mut metrics = slots(metrics)?;
        let mut final_observation = final_observation.map(slots).transpose()?;
        let (observation, reward) = (observation.as_slice_mut()?, reward.as_slice_mut()?);
        let (terminated, truncated) = (terminated.as_slice_mut()?, truncated.as_slice_mut()?);
        let metrics = metrics.as_slice_mut()?;
        let finals = final_observation.as_mut().map(|array| array.as_slice_mut()).transpose()?;
        let held = &mut *held;
        py.detach(|| held.step(observation, reward, terminated, truncated, metrics, finals))
    }

    /// One step of a world of one row and discrete actions: observation, reward, terminated, truncated, info.
    fn step_discrete<'py>(&self, py: Python<'py>, action: i64) -> PyResult<Step<'py>> {
        let mut held = self.held()?;
        held.actions.items[0] = item(0, action)?;
        held.step_one(py)
    }

    /// One step of a world of one row: observation, reward, terminated, truncated, info.
    fn step_one<'py>(&self, py: Python<'py>, items: Given<'py, i64>, reals: Given<'py, f32>) -> PyResult<Step<'py>> {
        let mut held = self.held()?;
        held.take(&items, &reals)?;
        held.step_one(py)
    }

    /// Writes the actions of the reference policy `name`, which reads the true states.
    fn reference(&self, name: &str, mut items: Slots<'_, i64>, mut reals: Slots<'_, f32>) -> PyResult<()> {
        let mut held = self.held()?;
        let Held { world, actions, .. } = &mut *held;
        let world = open(world)?;
        let policy: Reference = world.spec().policy(name).map_err(given)?;
        world.reference(&policy, actions).map_err(given)?;
        let (to_items, to_reals) = (items.as_slice_mut()?, reals.as_slice_mut()?);
        fits("items", to_items.len(), actions.items.len())?;
        fits("reals", to_reals.len(), actions.reals.len())?;
        to_items.iter_mut().zip(&actions.items).for_each(|(to, from)| *to = i64::from(*from));
        to_reals.copy_from_slice(&actions.reals);
        Ok(())
    }

    /// E[reward | state, action] of every row, float64 (rows,); 0 where the episode is over.
    fn expected_reward<'py>(
        &self,
        py: Python<'py>,
        items: Given<'py, i64>,
        reals: Given<'py, f32>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let mut held = self.held()?;
        held.take(&items, &reals)?;
        let mut expected = vec![0.0; held.stage.len()];
        let Held { world, actions, .. } = &mut *held;
        open(world)?.expected_reward(actions, &mut expected).map_err(given)?;
        Ok(expected.to_pyarray(py))
    }

    /// Gives the memory back; every later call raises.
    fn close(&self) -> PyResult<()> {
        let mut held = self.held()?;
        held.world = None;
        Ok(())
    }
}

impl World {
    fn held(&self) -> PyResult<MutexGuard<'_, Held>> {
        match self.held.try_lock() {
            Ok(held) => Ok(held),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                let text = "another thread is using this environment; make one for each thread, or use a vector";
                Err(PyRuntimeError::new_err(text))
            }
        }
    }
}

fn open(world: &mut Option<Box<dyn VectorEnv>>) -> PyResult<&mut Box<dyn VectorEnv>> {
    world.as_mut().ok_or_else(|| PyRuntimeError::new_err("this environment is closed; make a new one"))
}

fn slots<'py, T: Element>(array: &Bound<'py, PyArrayDyn<T>>) -> PyResult<Slots<'py, T>> {
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err(
            "an array cannot be written: its rows do not follow each other (order=\"C\")",
        ));
    }
    array.try_readwrite().map_err(|error| PyValueError::new_err(format!("an array cannot be written: {error}")))
}

fn fits(what: &str, found: usize, expected: usize) -> PyResult<()> {
    if found == expected {
        return Ok(());
    }
    Err(PyValueError::new_err(format!("{what} has {found} entries, expected {expected}")))
}

fn item(row: usize, action: i64) -> PyResult<u32> {
    u32::try_from(action).map_err(|_| {
        PyValueError::new_err(format!("action of row {row}: item {action} is out of range; no row was stepped"))
    })
}

/// Large vectors are stepped by a pool of threads, which a fork does not copy: waiting for it would never end.
fn threads_survive(rows: usize) -> PyResult<()> {
    static OWNER: OnceLock<u32> = OnceLock::new();
    if rows >= THREADED_ROWS && *OWNER.get_or_init(std::process::id) != std::process::id() {
        let text = "this process was forked after a large vector had been stepped in threads, which a fork does not \
                    copy; start processes by `spawn` or `forkserver`";
        return Err(PyRuntimeError::new_err(text));
    }
    Ok(())
}

impl Held {
    fn world(&mut self) -> PyResult<&mut Box<dyn VectorEnv>> {
        open(&mut self.world)
    }

    /// Takes in the caller's actions.
    fn take(&mut self, items: &Given<'_, i64>, reals: &Given<'_, f32>) -> PyResult<()> {
        let items = items.as_ref().map_or(Ok(&[][..]), |array| array.as_slice())?;
        let reals = reals.as_ref().map_or(Ok(&[][..]), |array| array.as_slice())?;
        fits("items", items.len(), self.actions.items.len())?;
        fits("reals", reals.len(), self.actions.reals.len())?;
        for (at, (to, from)) in self.actions.items.iter_mut().zip(items).enumerate() {
            *to = item(at / self.actions.width.items, *from)?;
        }
        self.actions.reals.copy_from_slice(reals);
        Ok(())
    }

    fn step(
        &mut self,
        observation: &mut [f32],
        reward: &mut [f32],
        terminated: &mut [bool],
        truncated: &mut [bool],
        metrics: &mut [f64],
        finals: Option<&mut [f32]>,
    ) -> PyResult<bool> {
        let rows = self.stage.len();
        fits("terminated", terminated.len(), rows)?;
        fits("truncated", truncated.len(), rows)?;
        let names = self.metrics.len();
        fits("metrics", metrics.len(), rows * names)?;
        if let Some(finals) = &finals {
            fits("final observation", finals.len(), observation.len())?;
        }
        let Held { world, actions, stage, .. } = self;
        let slot = Slot { observation: &mut *observation, reward: &mut *reward, stage };
        open(world)?.step(actions, slot).map_err(given)?;
        let mut ended = false;
        for row in 0..rows {
            self.count(row, self.paid(row, reward[row]));
            terminated[row] = self.stage[row] == Stage::Terminated;
            truncated[row] = self.stage[row] == Stage::Truncated;
            if self.stage[row].is_last() {
                ended = true;
                self.write_metrics(row, &mut metrics[row * names..][..names])?;
            }
        }
        if let Some(finals) = finals.filter(|_| ended) {
            self.start_at_once(observation, finals)?;
        }
        Ok(ended)
    }

    /// Starts the next episode of the rows whose episode ended; their last observation goes to `finals`.
    fn start_at_once(&mut self, observation: &mut [f32], finals: &mut [f32]) -> PyResult<()> {
        finals.copy_from_slice(observation);
        let chosen: Vec<bool> = self.stage.iter().map(|stage| stage.is_last()).collect();
        let Held { world, reward, stage, tallies, .. } = self;
        // The step's own rewards stay in the caller's array.
        open(world)?.next_episode(&chosen, Slot { observation, reward, stage }).map_err(given)?;
        tallies.iter_mut().zip(chosen).filter(|(_, chosen)| *chosen).for_each(|(tally, _)| *tally = Tally::NEW);
        Ok(())
    }

    fn step_one<'py>(&mut self, py: Python<'py>) -> PyResult<Step<'py>> {
        fits("rows", self.stage.len(), 1)?;
        let Held { world, actions, observation, reward, stage, .. } = self;
        let world = open(world)?;
        if stage[0].is_last() {
            return Err(PyRuntimeError::new_err("the episode is over; call reset() before the next step"));
        }
        world.step(actions, Slot { observation, reward, stage }).map_err(given)?;
        let (reward, stage) = (self.reward[0], self.stage[0]);
        self.count(0, self.paid(0, reward));
        let info = PyDict::new(py);
        if let Some(cost) = self.world.as_ref().and_then(|world| world.cost()) {
            info.set_item("cost", cost[0])?;
        }
        if stage.is_last() {
            let mut values = vec![0.0; self.metrics.len()];
            self.write_metrics(0, &mut values)?;
            let metrics = PyDict::new(py);
            for (name, value) in self.metrics.iter().zip(values) {
                metrics.set_item(name, value)?;
            }
            info.set_item("metrics", metrics)?;
        }
        let observation = PyArray1::from_slice(py, &self.observation);
        Ok((observation, reward, stage == Stage::Terminated, stage == Stage::Truncated, info))
    }

    /// What the world itself paid `row`, where a modifier showed it `shown`.
    fn paid(&self, row: usize, shown: f32) -> f32 {
        self.world.as_ref().and_then(|world| world.paid()).map_or(shown, |paid| paid[row])
    }

    /// Adds a step to the running episode of `row`.
    fn count(&mut self, row: usize, reward: f32) {
        let tally = &mut self.tallies[row];
        if self.stage[row] == Stage::First {
            *tally = Tally::NEW;
            return;
        }
        tally.returned += f64::from(reward);
        tally.discounted += tally.discount * f64::from(reward);
        tally.discount *= self.discount;
        tally.length += 1;
    }

    /// Writes the metrics of `row`, whose episode is over.
    fn write_metrics(&mut self, row: usize, out: &mut [f64]) -> PyResult<()> {
        let tally = self.tallies[row].clone();
        let world = self.world()?;
        (out[0], out[1]) = (tally.returned, f64::from(tally.length));
        let own = match world.spec().objective() {
            "discounted_return" => {
                out[2] = tally.discounted;
                3
            }
            "mean_reward" => {
                out[2] = tally.returned / f64::from(tally.length);
                3
            }
            _ => 2,
        };
        world.metrics(row, &mut out[own..]);
        Ok(())
    }
}
