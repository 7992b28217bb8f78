//! Trials over a pool of threads, each record appended as soon as it is whole; what is there already is not repeated.
use crate::{
    error::{Error, Result, file},
    provenance,
    trial::{Device, Surroundings, Trial},
};
use reports::record::{Record, RecordError, read_records};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions, TryLockError},
    io::Write,
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
        self.folder.join("records.jsonl")
    }

    /// Runs what is missing of `trials` and returns the records of all of them, in the order of `trials`.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when it was stopped; errors of the file system. A failing trial is a record, not an error.
    pub fn run(&self, trials: &[Trial]) -> Result<Vec<Record>> {
        std::fs::create_dir_all(self.folder).map_err(file(self.folder))?;
        let _lock = self.lock()?;
        let ids: Vec<String> = trials.iter().map(Trial::id).collect();
        let mut done = self.take_over(&ids.iter().map(String::as_str).collect())?;
        let missing: Vec<usize> = (0..trials.len()).filter(|at| !done.contains_key(&ids[*at])).collect();
        let path = self.records_path();
        let mut records = OpenOptions::new().create(true).append(true).open(&path).map_err(file(&path))?;
        for record in self.run_missing(trials, &missing, |record| {
            // One write, so that a record is whole or cut, never mixed with another.
            records.write_all(record.to_line().as_bytes()).and_then(|()| records.flush()).map_err(file(&path))
        })? {
            done.insert(record.trial.clone(), record);
        }
        Ok(ids.iter().filter_map(|id| done.remove(id)).collect())
    }

    /// Keeps other processes out of the folder for as long as the file is open: two writers would lose records.
    fn lock(&self) -> Result<File> {
        let path = self.folder.join(".lock");
        let lock = File::create(&path).map_err(file(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => Err(Error::Busy(self.folder.display().to_string())),
            Err(TryLockError::Error(error)) => Err(file(&path)(error)),
        }
    }

    /// Records of these trials from an earlier run of the same code. What has to be repeated, since other code made it
    /// or it failed, goes to `superseded.jsonl`; only a cut last line is dropped. Records of other trials stay.
    fn take_over(&self, ids: &BTreeSet<&str>) -> Result<BTreeMap<String, Record>> {
        let path = self.records_path();
        if !path.exists() {
            return Ok(BTreeMap::new());
        }
        let (all, cut) = match read_records(&path) {
            Ok(all) => (all, None),
            Err(RecordError::Truncated { intact, line, .. }) => (intact, Some(line)),
            Err(error) => return Err(error.into()),
        };
        let is_stale = |record: &Record| {
            let failed = matches!(record.status, reports::record::Status::Failed { .. });
            ids.contains(record.trial.as_str()) && (failed || record.code.fingerprint != provenance::fingerprint())
        };
        let (stale, kept): (Vec<Record>, Vec<Record>) = all.into_iter().partition(is_stale);
        let lines = |records: &[Record]| records.iter().map(Record::to_line).collect::<String>();
        let mut remarks = Vec::new();
        if let Some(line) = cut {
            remarks.push(format!("line {line} was cut off and is dropped"));
        }
        if !stale.is_empty() {
            let aside = self.folder.join("superseded.jsonl");
            append(&aside, &lines(&stale)).map_err(file(&aside))?;
            remarks.push(format!("{} of other code or failed went to superseded.jsonl", stale.len()));
        }
        if !remarks.is_empty() {
            let partial = path.with_extension("partial");
            let written = std::fs::write(&partial, lines(&kept));
            written.and_then(|()| std::fs::rename(&partial, &path)).map_err(file(&path))?;
        }
        let wanted: BTreeMap<String, Record> = (kept.into_iter())
            .filter(|record| ids.contains(record.trial.as_str()))
            .map(|record| (record.trial.clone(), record))
            .collect();
        self.observer.resumed(wanted.len(), (!remarks.is_empty()).then(|| remarks.join("; ")));
        Ok(wanted)
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

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().map(String::from);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a defect of the program: {}", text.unwrap_or_else(|| "it panicked".into()))
}
