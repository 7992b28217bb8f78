//! Experiments, reports and rollouts, as the command line has them.
use crate::failure::{parsed, raised};
use mercato::{
    Error, Experiment, Trial,
    envs::{ENVS, Params, find},
    kernels::{Cpu, Cuda},
    reports::{Record, read_records},
    runner::{Observer, Runner},
    trial::Device,
};
use pyo3::{
    exceptions::{PyRuntimeError, PyValueError},
    prelude::*,
};
use std::{
    path::PathBuf,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    time::Duration,
};

/// Ids of the worlds with one agent, which is what Gymnasium knows, in the order of the documentation.
#[pyfunction]
pub fn ids() -> Vec<&'static str> {
    let alone = ENVS.iter().filter(|entry| entry.agents(&Params::new()).is_ok_and(|agents| agents == 1));
    alone.map(|entry| entry.id).collect()
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

/// The experiment of this name or in this TOML file, as JSON.
#[pyfunction]
pub fn embedded(source: &str) -> PyResult<String> {
    let experiment = Experiment::load(source, &[]).map_err(raised)?;
    serde_json::to_string(&experiment).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// Runs what is missing of the experiment, JSON, in `folder` and returns its records, a line of JSON each. `progress` is
/// called now and then with the transitions made and to be made. Ctrl-C stops it where everything can go on later.
#[pyfunction]
#[pyo3(signature = (experiment, folder, jobs, device, progress=None))]
pub fn run(
    py: Python<'_>,
    experiment: &str,
    folder: PathBuf,
    jobs: usize,
    device: &str,
    progress: Option<Py<PyAny>>,
) -> PyResult<Vec<String>> {
    if jobs == 0 {
        return Err(PyValueError::new_err("jobs is 0; it must be at least 1"));
    }
    let device = opened(device)?;
    let experiment = Experiment::from_json("experiment", parsed("experiment", experiment)?).map_err(raised)?;
    let trials = experiment.trials().map_err(raised)?;
    let total: u64 = trials.iter().map(|trial| trial.steps).sum();
    let (stop, counter) = (AtomicBool::new(false), Counter(AtomicU64::new(0)));
    let records = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = channel();
            let (stop, counter, trials) = (&stop, &counter, &trials);
            let (folder, name) = (&folder, &experiment.name);
            scope.spawn(move || {
                let runner = Runner {
                    folder,
                    experiment: name,
                    jobs,
                    device,
                    tensorboard: false,
                    trace: false,
                    stop,
                    observer: counter,
                };
                // The receiver only goes away after it has been told.
                let _ = sender.send(runner.run(trials));
            });
            let mut interruption = None;
            loop {
                match receiver.recv_timeout(Duration::from_millis(100)) {
                    Ok(records) => return interruption.map_or(Ok(records), Err),
                    Err(RecvTimeoutError::Disconnected) => {
                        return Err(PyRuntimeError::new_err("a defect of the program: the runner went away"));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
                let told = Python::attach(|py| {
                    py.check_signals()?;
                    let made = counter.0.load(Ordering::Relaxed);
                    progress.as_ref().map_or(Ok(()), |progress| progress.call1(py, (made, total)).map(|_| ()))
                });
                if let (Err(error), None) = (told, &interruption) {
                    stop.store(true, Ordering::Relaxed);
                    interruption = Some(error);
                }
            }
        })
    })?;
    Ok(records.map_err(raised)?.iter().map(Record::to_line).collect())
}

/// The device called `name`, opened once: better now than in every trial.
fn opened(name: &str) -> PyResult<Device> {
    let device = match name {
        "cpu" => Cpu::new().map(|_| Device::Cpu),
        "cuda" => Cuda::new().map(|_| Device::Cuda),
        _ => return Err(PyValueError::new_err(format!("the device is {name:?}; it must be \"cpu\" or \"cuda\""))),
    };
    device.map_err(raised)
}

/// Writes the report of the records in `folder` and returns its figures, as JSON.
#[pyfunction]
pub fn report(folder: PathBuf, title: &str, command: &str) -> PyResult<String> {
    let records = read_records(&folder.join("records.jsonl")).map_err(|error| raised(Error::from(error)))?;
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
