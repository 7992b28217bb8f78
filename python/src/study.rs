//! Experiments, reports and rollouts, as the command line has them.
use crate::failure::{given, parsed, raised};
use mercato::{
    Error, Experiment, Trial,
    envs::{ENVS, Params, find, make},
    kernels::{KernelSource, Math},
    provenance,
    reports::{Record, read_records},
    runner::{Observer, Runner},
    store::{self, records_path},
    transitions::{self, Behaviour, Form},
    trial::Device,
    verify::Verifier,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    time::Duration,
};

/// Ids of the worlds in the order of the documentation: those with one agent, which is what Gymnasium knows, or those
/// with `several`, which is what PettingZoo knows.
#[pyfunction]
pub fn ids(several: bool) -> Vec<&'static str> {
    let chosen = |agents: usize| (agents > 1) == several;
    ENVS.iter().filter(|entry| entry.agents(&Params::new()).is_ok_and(chosen)).map(|entry| entry.id).collect()
}

/// Agents in one world `id` with `params`, a JSON object, over its defaults.
#[pyfunction]
pub fn agents(id: &str, params: &str) -> PyResult<usize> {
    let params: Params = parsed("params", params)?;
    find(id).and_then(|entry| entry.agents(&params)).map_err(raised)
}

/// The page of the world `id` in Markdown.
#[pyfunction]
pub fn page(id: &str) -> PyResult<String> {
    Ok(find(id).map_err(raised)?.page())
}

/// What a reference policy earns: JSON, as `mercato rollout --format json` prints it.
#[pyfunction]
pub fn rollout(py: Python<'_>, id: &str, params: &str, policy: &str, episodes: u32, seed: u64) -> PyResult<String> {
    let params: Params = parsed("params", params)?;
    if episodes == 0 || seed >= 1 << 56 {
        return Err(PyValueError::new_err("episodes must be at least 1 and the seed below 2^56"));
    }
    let played = py.detach(|| mercato::rollout::rollout(id, &params, (policy, 0.0), episodes, seed, 256));
    Ok(played.map_err(raised)?.0.to_string())
}

/// Plays episodes of a reference policy, mixed with random actions, and writes their transitions to `path` as comma-
/// separated text, with the probabilities of their actions: what `mercato rollout --log FILE.csv` writes.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "each is an option of that command")]
#[pyo3(signature = (id, params, path, policy, epsilon, target, episodes, seed))]
pub fn log(
    py: Python<'_>,
    id: &str,
    params: &str,
    path: PathBuf,
    policy: &str,
    epsilon: f32,
    target: Option<&str>,
    episodes: u32,
    seed: u64,
) -> PyResult<()> {
    let params: Params = parsed("params", params)?;
    if episodes == 0 || seed >= 1 << 56 {
        return Err(PyValueError::new_err("episodes must be at least 1 and the seed below 2^56"));
    }
    let rows = if episodes < 256 { episodes } else { 256 } as usize;
    let mut env = make(id, &params, rows).map_err(given)?;
    let named = |name: &str| env.spec().policy(name).map_err(given);
    let (policy, target) = (named(policy)?, target.map(named).transpose()?);
    let behaviour = Behaviour { policy, epsilon, target, seed, episodes };
    py.detach(|| transitions::write_file(env.as_mut(), &behaviour, Form::Csv, &path)).map_err(raised)
}

/// The experiment of this name or in this TOML file, as JSON.
#[pyfunction]
pub fn embedded(source: &str) -> PyResult<String> {
    let experiment = Experiment::load(source, &[]).map_err(raised)?;
    serde_json::to_string(&experiment).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Runs what is missing of the experiment, JSON, in `folder` and returns its records, a line of JSON each; of its trials
/// `only` those with these ids, or all. `progress` is called now and then with the transitions made and to be made.
/// Ctrl-C stops it where everything can go on later.
#[pyfunction]
#[pyo3(signature = (experiment, folder, jobs, device, progress=None, only=None))]
pub fn run(
    py: Python<'_>,
    experiment: &str,
    folder: PathBuf,
    jobs: usize,
    device: &str,
    progress: Option<Py<PyAny>>,
    only: Option<Vec<String>>,
) -> PyResult<Vec<String>> {
    if jobs == 0 {
        return Err(PyValueError::new_err("jobs is 0; it must be at least 1"));
    }
    let device = named(device)?;
    let (name, math, mut trials) = trials(experiment, device)?;
    device.check(math).map_err(raised)?;
    if let Some(only) = only {
        trials.retain(|trial| only.contains(&trial.id()));
        if trials.len() != only.len() {
            let (found, asked) = (trials.len(), only.len());
            return Err(PyValueError::new_err(format!("the experiment has {found} of the {asked} trials asked for")));
        }
    }
    let total: u64 = trials.iter().map(|trial| trial.steps).sum();
    let records = watched(py, total, progress.as_ref(), |stop, counter| {
        let (folder, experiment) = (&folder, &name);
        Runner { folder, experiment, jobs, device, tensorboard: false, trace: false, stop, observer: counter }
            .run(&trials)
    })?;
    Ok(records.iter().map(Record::to_line).collect())
}

/// Runs the trials of the records in `folder` again, or a `sample` of them, and returns what `mercato verify --format
/// json` prints.
#[pyfunction]
#[pyo3(signature = (folder, sample, jobs, progress=None))]
pub fn verify(
    py: Python<'_>,
    folder: PathBuf,
    sample: Option<usize>,
    jobs: usize,
    progress: Option<Py<PyAny>>,
) -> PyResult<String> {
    if jobs == 0 {
        return Err(PyValueError::new_err("jobs is 0; it must be at least 1"));
    }
    let records = read_records(&records_path(&folder)).map_err(|error| raised(Error::from(error)))?;
    let total = records.iter().map(|record| record.budget).sum();
    let found = watched(py, total, progress.as_ref(), |stop, observer| {
        Verifier { folder: &folder, sample, only: &[], seed: 0, tier: None, jobs, stop, observer }.verify(&records)
    })?;
    let mut value = serde_json::json!(found);
    value["exit_code"] = found.exit_code().into();
    Ok(value.to_string())
}

/// The name of an experiment, JSON, its arithmetic on the device, and its trials.
fn trials(experiment: &str, device: Device) -> PyResult<(String, Math, Vec<Trial>)> {
    let mut experiment = Experiment::from_json("experiment", parsed("experiment", experiment)?).map_err(raised)?;
    let math = device.math(experiment.math).map_err(raised)?;
    experiment.math = Some(math);
    let trials = experiment.trials().map_err(raised)?;
    Ok((experiment.name, math, trials))
}

/// Does `work` on a thread of its own, the interpreter being free, and listens meanwhile: to Ctrl-C, and to exceptions
/// of `progress`, which both stop it.
fn watched<T: Send>(
    py: Python<'_>,
    total: u64,
    progress: Option<&Py<PyAny>>,
    work: impl FnOnce(&AtomicBool, &Counter) -> mercato::Result<T> + Send,
) -> PyResult<T> {
    let (stop, counter) = (AtomicBool::new(false), Counter(AtomicU64::new(0)));
    let result = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let (stop, counter) = (&stop, &counter);
            scope.spawn(move || {
                // The receiver only goes away after it has been told.
                let _ = sender.send(work(stop, counter));
            });
            let mut interruption = None;
            loop {
                match receiver.recv_timeout(Duration::from_millis(100)) {
                    Ok(result) => return interruption.map_or(Ok(result), Err),
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(PyRuntimeError::new_err("a defect of the program: the runner went away"));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
                let told = Python::attach(|py| {
                    py.check_signals()?;
                    let made = counter.0.load(Ordering::Relaxed);
                    progress.map_or(Ok(()), |progress| progress.call1(py, (made, total)).map(|_| ()))
                });
                if let (Err(error), None) = (told, &interruption) {
                    stop.store(true, Ordering::Relaxed);
                    interruption = Some(error);
                }
            }
        })
    })?;
    result.map_err(raised)
}

/// The records of an experiment in a folder, for whoever brings trials from elsewhere.
#[pyclass(module = "mercato._native")]
pub struct Store {
    trials: Vec<(String, u64)>,
    /// None once it is closed.
    store: Option<store::Store>,
    records: BTreeMap<String, Record>,
}

#[pymethods]
impl Store {
    /// Opens the store in `folder`, and takes over what is there of the experiment, JSON, on the device from the same
    /// code.
    #[new]
    fn new(experiment: &str, folder: PathBuf, device: &str) -> PyResult<Self> {
        let (_, _, trials) = trials(experiment, named(device)?)?;
        let trials = trials.iter().map(|trial| (trial.id(), trial.steps)).collect::<Vec<_>>();
        let mut store = store::Store::open(&folder).map_err(raised)?;
        let ids: Vec<String> = trials.iter().map(|(id, _)| id.clone()).collect();
        let (records, _) = store.take_over(&ids).map_err(raised)?;
        Ok(Store { trials, store: Some(store), records })
    }

    /// Id and training transitions of the trials that have no record yet.
    fn missing(&self) -> Vec<(String, u64)> {
        self.trials.iter().filter(|(id, _)| !self.records.contains_key(id)).cloned().collect()
    }

    /// Adds the record of one of them, a line of JSON that was made by the same code.
    fn add(&mut self, line: &str) -> PyResult<()> {
        let record: Record = parsed("the record", line)?;
        if !self.missing().iter().any(|(id, _)| *id == record.trial) {
            let text = format!("no record of trial {} is missing in this experiment", record.trial);
            return Err(PyValueError::new_err(text));
        }
        let (theirs, ours) = (&record.code.fingerprint, provenance::fingerprint());
        if theirs != ours {
            let text =
                format!("trial {} was run by code {theirs}, here is {ours}: install the same mercato", record.trial);
            return Err(PyRuntimeError::new_err(text));
        }
        let store = self.store.as_mut().ok_or_else(|| PyRuntimeError::new_err("this store is closed"))?;
        store.add(&record).map_err(raised)?;
        self.records.insert(record.trial.clone(), record);
        Ok(())
    }

    /// The records in the order of the trials, a line of JSON each.
    fn records(&self) -> Vec<String> {
        self.trials.iter().filter_map(|(id, _)| self.records.get(id)).map(Record::to_line).collect()
    }

    /// Lets other writers into the folder.
    fn close(&mut self) {
        self.store = None;
    }
}

/// The device called `name`.
fn named(name: &str) -> PyResult<Device> {
    match name {
        "cpu" => Ok(Device::Cpu),
        "cuda" => Ok(Device::Cuda { kernels: KernelSource::Shipped }),
        _ => Err(PyValueError::new_err(format!("the device is {name:?}; it must be \"cpu\" or \"cuda\""))),
    }
}

/// Writes the report of the records in `folder` and returns its figures, as JSON.
#[pyfunction]
pub fn report(folder: PathBuf, title: &str, command: &str) -> PyResult<String> {
    let records = read_records(&records_path(&folder)).map_err(|error| raised(Error::from(error)))?;
    let summary = mercato::report::write(&folder, &records, title, command).map_err(raised)?;
    serde_json::to_string(&summary).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Transitions made so far.
struct Counter(AtomicU64);

impl Observer for Counter {
    fn resumed(&self, _kept: usize, _remark: Option<String>) {}
    fn started(&self, _job: usize, _trial: &Trial) {}
    fn advanced(&self, _job: usize, transitions: u64) {
        self.0.fetch_add(transitions, Ordering::Relaxed);
    }
    fn finished(&self, _job: usize, _trial: &Trial, _record: &Record) {}
}
