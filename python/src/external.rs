//! A world that somebody else wrote in Python: an opponent for mercato's agents, stepped under the interpreter's lock.
use crate::failure::given;
use mercato::envs::{
    self, Actions, Domain, Entry, Error, Field, Optimum, Params, Purpose, Reference, Result, Rng, Slot, Spec, Stage,
    Start, VectorEnv, oracle::finite::Finite, registry::Build, space::Row,
};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::{exceptions::PyValueError, prelude::*};
use serde::{Deserialize, Serialize};
use space::Space;
use std::sync::Arc;

mod space;

/// Makes `make()` known as the world `id`. `description` is JSON with fields, shape, discount, params and optimum as a
/// world's specification has them; `make` returns an object with `start(seed)` and `step(items, reals)`.
#[pyfunction]
pub fn register(id: &str, page: &str, description: &str, make: Py<PyAny>) -> PyResult<()> {
    let description: Description = crate::failure::parsed("the description", description)?;
    if description.fields.is_empty() || description.fields.iter().any(|field| field.len == 0) {
        return Err(PyValueError::new_err("an observation needs at least one number"));
    }
    let page: String = page.lines().map(|line| format!("//! {line}\n")).collect();
    let world = Arc::new((description, make));
    // Worlds are few and live as long as the program, like those of the suite.
    let build: &'static Build = Box::leak(Box::new(move |id: &'static str, params: &Params, rows: usize| {
        External::open(id, params, rows, &world)
    }));
    envs::register(Entry::custom(leaked(id), leaked(&page), build)).map_err(given)
}

/// What Python says about its world.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    fields: Vec<Part>,
    shape: Space,
    discount: f64,
    params: Params,
    lower: f64,
    upper: f64,
    method: String,
    random: f64,
    random_se: f64,
}

/// A named part of an observation row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    name: String,
    len: usize,
    low: f32,
    high: f32,
}

/// Episodes of a world from Python.
struct External {
    world: Arc<(Description, Py<PyAny>)>,
    spec: Spec,
    rows: Vec<Episode>,
    rng: Rng,
    first_row: u32,
}

/// One row: its environment, which episode it plays, and the actions so far, from which the episode can be played again.
struct Episode {
    env: Py<PyAny>,
    number: u32,
    actions: Vec<(Vec<u32>, Vec<f32>)>,
    over: bool,
}

/// What is kept of a row: a Python environment cannot be saved, but its episode can be repeated.
#[derive(Serialize, Deserialize)]
struct Kept {
    number: u32,
    actions: Vec<(Vec<u32>, Vec<f32>)>,
    over: bool,
}

/// All that is kept.
#[derive(Serialize, Deserialize)]
struct Saved {
    id: String,
    params: serde_json::Value,
    rng: Rng,
    first_row: u32,
    rows: Vec<Kept>,
}

impl External {
    fn open(
        id: &'static str,
        params: &Params,
        rows: usize,
        world: &Arc<(Description, Py<PyAny>)>,
    ) -> Result<Box<dyn VectorEnv>> {
        let (description, make) = &**world;
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(envs::error::parameter("rows", rows, "between 1 and 2^32 - 1"));
        }
        for (key, value) in params {
            let own = description.params.get(key).ok_or_else(|| Error::UnknownParameter {
                env: id.into(),
                key: key.clone(),
                nearest: "none: give a world from Python its parameters in Python".into(),
            })?;
            if own != value {
                let range = format!("{own}: that is the environment which this process knows by the id {id}");
                return Err(envs::error::parameter(key, value, &range));
            }
        }
        let fields = |part: &Part| Field { name: leaked(&part.name), len: part.len, low: part.low, high: part.high };
        let spec = Spec {
            id,
            params: serde_json::Value::Object(description.params.clone()),
            rows,
            agents: 1,
            fields: description.fields.iter().map(fields).collect(),
            observation: description.fields.iter().map(|part| part.len).sum(),
            shape: description.shape.shape(),
            width: description.shape.width(),
            // It cuts its episodes itself.
            horizon: u32::MAX,
            discount: description.discount,
            metrics: Vec::new(),
            costs: &[],
            items: None,
            weights: &[],
            policies: &[],
        };
        let rows = Python::attach(|py| {
            let episode = |_| -> PyResult<Episode> {
                Ok(Episode { env: make.call0(py)?, number: 0, actions: Vec::new(), over: false })
            };
            (0..rows).map(episode).collect::<PyResult<Vec<_>>>().map_err(|error| failed(py, id, &error))
        })?;
        let world = Arc::clone(world);
        Ok(Box::new(External { world, spec, rows, rng: Rng::new(0, Domain::Training), first_row: 0 }))
    }

    /// Starts the episode of `row` that its number says, and writes its first observation.
    fn start(&mut self, py: Python<'_>, row: usize, out: &mut [f32]) -> Result<()> {
        let episode = &mut self.rows[row];
        let here = self.rng.at(self.first_row.wrapping_add(row as u32), episode.number, 0);
        // Gymnasium's generators take any seed below 2^32, and some environments no larger one.
        let seed = here.stream(Purpose::RESET).word();
        (episode.over, episode.actions) = (false, Vec::new());
        let observation = episode.env.call_method1(py, "start", (seed,));
        observation
            .and_then(|observation| copied(py, &observation, out))
            .map_err(|error| failed(py, self.spec.id, &error))
    }

    /// One step of `row`: the reward, and where the episode stands.
    fn play(&mut self, py: Python<'_>, row: usize, action: Row<'_>, out: &mut [f32]) -> Result<(f32, Stage)> {
        let episode = &mut self.rows[row];
        let mut step = || -> PyResult<(f32, Stage)> {
            let arguments = (PyArray1::from_slice(py, action.items), PyArray1::from_slice(py, action.reals));
            let result = episode.env.call_method1(py, "step", arguments)?;
            let (observation, reward, terminated, truncated): (Py<PyAny>, f64, bool, bool) = result.extract(py)?;
            copied(py, &observation, out)?;
            let stage = match (terminated, truncated) {
                (true, _) => Stage::Terminated,
                (false, true) => Stage::Truncated,
                _ => Stage::Mid,
            };
            Ok((reward as f32, stage))
        };
        let (reward, stage) = step().map_err(|error| failed(py, self.spec.id, &error))?;
        episode.actions.push((action.items.to_vec(), action.reals.to_vec()));
        episode.over = stage.is_last();
        Ok((reward, stage))
    }

    fn check_slot(&self, out: &Slot<'_>) -> Result<()> {
        let rows = self.spec.rows;
        length("observation", out.observation.len(), rows * self.spec.observation)?;
        length("reward", out.reward.len(), rows)?;
        length("stage", out.stage.len(), rows)
    }
}

impl VectorEnv for External {
    fn spec(&self) -> &Spec {
        &self.spec
    }

    fn reset(&mut self, start: Start, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        (self.rng, self.first_row) = (Rng::new(start.seed, start.domain), start.first_row);
        let len = self.spec.observation;
        Python::attach(|py| {
            for row in 0..self.spec.rows {
                self.rows[row].number = 0;
                self.start(py, row, &mut out.observation[row * len..][..len])?;
                (out.reward[row], out.stage[row]) = (0.0, Stage::First);
            }
            Ok(())
        })
    }

    fn check(&self, actions: &Actions) -> Result<()> {
        length("items", actions.items.len(), self.spec.rows * self.spec.width.items)?;
        length("reals", actions.reals.len(), self.spec.rows * self.spec.width.reals)?;
        for row in (0..self.spec.rows).filter(|row| !self.rows[*row].over) {
            self.world.0.shape.check(actions.row(row)).map_err(|fault| Error::Action { row, fault })?;
        }
        Ok(())
    }

    fn step(&mut self, actions: &Actions, out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        self.check(actions)?;
        let len = self.spec.observation;
        Python::attach(|py| {
            for row in 0..self.spec.rows {
                let observation = &mut out.observation[row * len..][..len];
                (out.reward[row], out.stage[row]) = if self.rows[row].over {
                    self.rows[row].number = self.rows[row].number.wrapping_add(1);
                    self.start(py, row, observation)?;
                    (0.0, Stage::First)
                } else {
                    self.play(py, row, actions.row(row), observation)?
                };
            }
            Ok(())
        })
    }

    fn next_episode(&mut self, chosen: &[bool], out: Slot<'_>) -> Result<()> {
        self.check_slot(&out)?;
        length("chosen rows", chosen.len(), self.spec.rows)?;
        let len = self.spec.observation;
        Python::attach(|py| {
            for row in (0..chosen.len()).filter(|row| chosen[*row]) {
                self.rows[row].number = self.rows[row].number.wrapping_add(1);
                self.start(py, row, &mut out.observation[row * len..][..len])?;
                (out.reward[row], out.stage[row]) = (0.0, Stage::First);
            }
            Ok(())
        })
    }

    /// Only `random`: nobody knows another one.
    fn reference(&self, _: &Reference, actions: &mut Actions) -> Result<()> {
        length("items", actions.items.len(), self.spec.rows * self.spec.width.items)?;
        length("reals", actions.reals.len(), self.spec.rows * self.spec.width.reals)?;
        for (row, episode) in self.rows.iter().enumerate() {
            let here =
                self.rng.at(self.first_row.wrapping_add(row as u32), episode.number, episode.actions.len() as u32);
            self.world.0.shape.sample(&mut here.stream(Purpose::POLICY), actions.row_mut(row));
        }
        Ok(())
    }

    /// It has none.
    fn total_costs(&self, _: usize, _: &mut [f64]) {}

    /// Nobody knows it.
    fn finite(&self) -> Option<(Finite, Vec<f64>)> {
        None
    }

    /// Nobody knows them, which a record says by `null`.
    fn expected_reward(&self, actions: &Actions, out: &mut [f64]) -> Result<()> {
        self.check(actions)?;
        length("expected reward", out.len(), self.spec.rows)?;
        out.fill(f64::NAN);
        Ok(())
    }

    fn metrics(&self, _: usize, _: &mut [f64]) {}

    fn optimum(&self) -> Optimum {
        let known = &self.world.0;
        Optimum {
            lower: known.lower,
            upper: known.upper,
            tolerance: 0.0,
            method: leaked(&known.method),
            random: known.random,
            random_se: known.random_se,
            others: Vec::new(),
        }
    }

    fn save(&self) -> serde_json::Value {
        let kept = |row: &Episode| Kept { number: row.number, actions: row.actions.clone(), over: row.over };
        serde_json::json!(Saved {
            id: self.spec.id.into(),
            params: self.spec.params.clone(),
            rng: self.rng,
            first_row: self.first_row,
            rows: self.rows.iter().map(kept).collect(),
        })
    }

    /// Plays the running episodes again, up to where they were.
    fn restore(&mut self, saved: &serde_json::Value) -> Result<()> {
        let saved = Saved::deserialize(saved).map_err(|error| Error::Restore(error.to_string()))?;
        if (saved.id.as_str(), &saved.params) != (self.spec.id, &self.spec.params) {
            let problem = format!("it belongs to {} with {}, this is {}", saved.id, saved.params, self.spec.id);
            return Err(Error::Restore(problem));
        }
        length("saved episodes", saved.rows.len(), self.spec.rows)?;
        (self.rng, self.first_row) = (saved.rng, saved.first_row);
        let mut observation = vec![0.0; self.spec.observation];
        Python::attach(|py| {
            for (row, kept) in saved.rows.iter().enumerate() {
                self.rows[row].number = kept.number;
                self.start(py, row, &mut observation)?;
                for (items, reals) in &kept.actions {
                    self.play(py, row, Row { items, reals }, &mut observation)?;
                }
                if self.rows[row].over != kept.over {
                    let problem = "the episode went another way when it was played again: the environment does not \
                                   repeat itself after reset(seed=…)";
                    return Err(Error::Restore(problem.into()));
                }
            }
            Ok(())
        })
    }
}

/// Text that lives as long as the program, as a world's names do: a registration or a vector makes few.
fn leaked(text: &str) -> &'static str {
    use std::{
        collections::BTreeSet,
        sync::{Mutex, PoisonError},
    };
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = known.get(text) {
        return same;
    }
    let text: &'static str = Box::leak(text.into());
    known.insert(text);
    text
}

/// The numbers of `observation`, a float32 array.
fn copied(py: Python<'_>, observation: &Py<PyAny>, out: &mut [f32]) -> PyResult<()> {
    let observation: PyReadonlyArray1<'_, f32> = observation.extract(py)?;
    let observation = observation.as_slice()?;
    if observation.len() != out.len() {
        let (found, expected) = (observation.len(), out.len());
        return Err(PyValueError::new_err(format!("an observation has {found} numbers, its space {expected}")));
    }
    out.copy_from_slice(observation);
    Ok(())
}

/// An exception of the environment, with the place that raised it.
fn failed(py: Python<'_>, id: &str, error: &PyErr) -> Error {
    let place = error.traceback(py).and_then(|traceback| traceback.format().ok()).unwrap_or_default();
    let last =
        place.trim_end().rsplit_once("File ").map_or(String::new(), |(_, last)| format!(" (in {})", last.trim()));
    Error::External(format!("{id} raised {}{last}", error.to_string().trim_end()))
}

fn length(what: &'static str, found: usize, expected: usize) -> Result<()> {
    if found == expected { Ok(()) } else { Err(Error::Length { what, found, expected }) }
}
