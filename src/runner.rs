//! Trials over a pool of threads, each record appended as soon as it is whole; what is there already is not repeated.
use crate::{
    error::{Error, Result},
    store::{self, Store},
    trial::{Device, Surroundings, Trial},
};
use reports::record::Record;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};

/// How a set of trials is run.
pub struct Runner<'a> {
    /// Folder of the results; created when it is missing.
    pub folder: &'a Path,
    /// Name of the experiment.
    pub experiment: &'a str,
    /// Trials side by side, at least 1.
    pub jobs: usize,
    /// Whether event files for TensorBoard are written.
    pub tensorboard: bool,
    /// Whether files say what every update looked like.
    pub trace: bool,
    /// Where trials compute.
    pub device: Device,
    /// Set from outside to stop early.
    pub stop: &'a AtomicBool,
    /// Told what happens.
    pub observer: &'a dyn Observer,
}

/// Someone who wants to know how a run goes; called from several threads.
pub trait Observer: Sync {
    /// How many records are taken over from an earlier run, and what was not, if anything.
    fn resumed(&self, kept: usize, remark: Option<String>);
    /// A trial starts on thread `job`.
    fn started(&self, job: usize, trial: &Trial);
    /// The trial on thread `job` made so many transitions more.
    fn advanced(&self, job: usize, transitions: u64);
    /// The trial on thread `job` has ended.
    fn finished(&self, job: usize, trial: &Trial, record: &Record);
}

impl Runner<'_> {
    /// The file of the records.
    pub fn records_path(&self) -> PathBuf {
        store::records_path(self.folder)
    }

    /// Runs what is missing of `trials` and returns the records of all of them, in the order of `trials`.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when it was stopped; errors of the file system. A failing trial is a record, not an error.
    pub fn run(&self, trials: &[Trial]) -> Result<Vec<Record>> {
        let ids: Vec<String> = trials.iter().map(Trial::id).collect();
        let mut store = Store::open(self.folder)?;
        let (mut done, remark) = store.take_over(&ids)?;
        if !done.is_empty() || remark.is_some() {
            self.observer.resumed(done.len(), remark);
        }
        let missing: Vec<usize> = (0..trials.len()).filter(|at| !done.contains_key(&ids[*at])).collect();
        for record in self.run_missing(trials, &missing, |record| store.add(record))? {
            done.insert(record.trial.clone(), record);
        }
        Ok(ids.iter().filter_map(|id| done.remove(id)).collect())
    }

    fn run_missing(
        &self,
        trials: &[Trial],
        missing: &[usize],
        mut write: impl FnMut(&Record) -> Result<()>,
    ) -> Result<Vec<Record>> {
        let next = AtomicUsize::new(0);
        let jobs = if self.jobs < missing.len() { self.jobs } else { missing.len() };
        let (sender, receiver) = mpsc::channel::<Result<Record>>();
        std::thread::scope(|scope| {
            for job in 0..jobs {
                let (next, sender) = (&next, sender.clone());
                scope.spawn(move || {
                    while let Some(at) = missing.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let record = self.run_one(job, &trials[*at]);
                        let go_on = record.is_ok();
                        if sender.send(record).is_err() || !go_on {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut records = Vec::new();
            let mut failure = None;
            for result in receiver {
                match result.and_then(|record| write(&record).map(|()| record)) {
                    Ok(record) => records.push(record),
                    Err(error) => {
                        // The other trials stop where they can go on later.
                        self.stop.store(true, Ordering::Relaxed);
                        failure = match failure {
                            Some(Error::Interrupted) | None => Some(error),
                            first => first,
                        };
                    }
                }
            }
            failure.map_or(Ok(records), Err)
        })
    }

    fn run_one(&self, job: usize, trial: &Trial) -> Result<Record> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        self.observer.started(job, trial);
        let surroundings = Surroundings {
            folder: Some(self.folder),
            tensorboard: self.tensorboard,
            trace: self.trace,
            device: self.device,
            experiment: self.experiment,
            jobs: u32::try_from(self.jobs).unwrap_or(u32::MAX),
            stop: self.stop,
            progress: &|transitions| self.observer.advanced(job, transitions),
        };
        let guarded = |play: &dyn Fn() -> Result<Record>| {
            catch_unwind(AssertUnwindSafe(play)).map_err(|panic| panic_message(panic.as_ref()))
        };
        let record = match guarded(&|| trial.run(&surroundings)) {
            Ok(record) => record?,
            Err(defect) => guarded(&|| trial.failed(&surroundings, &defect)).map_err(Error::Defect)??,
        };
        self.observer.finished(job, trial, &record);
        Ok(record)
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(String::from);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a defect of the program: {}", text.unwrap_or_else(|| "it panicked".into()))
}
