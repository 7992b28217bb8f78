//! The records of a folder: one writer at a time, a line for each trial; what is there already is not repeated.
use crate::{
    error::{Error, Result, file},
    provenance,
};
use reports::record::{Record, RecordError, Status, read_records};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    path::{Path, PathBuf},
};

/// The records of a folder, open for writing. Other writers are kept out for as long as it lives: two would lose records.
pub struct Store {
    path: PathBuf,
    records: File,
    _lock: File,
}

/// The file of the records in `folder`.
pub fn records_path(folder: &Path) -> PathBuf {
    folder.join("records.jsonl")
}

/// The records of `folder`: those of records.jsonl, which a run writes; else those of all files records/*.jsonl, which
/// [`publish`](crate::publish::publish) writes, in the order of their names.
///
/// # Errors
/// Those of the file system, and of lines that are no records.
pub fn records(folder: &Path) -> Result<Vec<Record>> {
    let path = records_path(folder);
    let parts = if parts_path(folder).is_dir() { part_paths(folder)? } else { Vec::new() };
    // Without either it is the file of a run that is missing.
    if path.exists() || parts.is_empty() {
        return Ok(read_records(&path)?);
    }
    let mut records = Vec::new();
    for part in parts {
        records.extend(read_records(&part)?);
    }
    Ok(records)
}

/// The folder of the records in `folder` when they are a file for each world.
pub fn parts_path(folder: &Path) -> PathBuf {
    folder.join("records")
}

/// The files of records in [`parts_path`], in the order of their names.
///
/// # Errors
/// Those of the file system.
pub fn part_paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let parts = parts_path(folder);
    let entries = std::fs::read_dir(&parts).and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
    let paths = entries.map_err(file(&parts))?.into_iter().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension() == Some("jsonl".as_ref())).collect();
    paths.sort();
    Ok(paths)
}

impl Store {
    /// The store in `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// [`Error::Busy`] when somebody else writes there; errors of the file system.
    pub fn open(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(file(folder))?;
        let lock_path = folder.join(".lock");
        let lock = File::create(&lock_path).map_err(file(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy(folder.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(file(&lock_path)(error)),
        }
        let path = records_path(folder);
        Ok(Store { records: appending(&path)?, path, _lock: lock })
    }

    /// Records of the trials `ids` from an earlier run of the same code, and a remark on what was not kept, if anything.
    /// What has to be repeated, since other code made it or it failed, goes to `superseded.jsonl`; only a cut last line
    /// is dropped. Records of other trials stay.
    ///
    /// # Errors
    /// When a line is no record; errors of the file system.
    pub fn take_over(&mut self, ids: &[String]) -> Result<(BTreeMap<String, Record>, Option<String>)> {
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        let (all, cut) = match read_records(&self.path) {
            Ok(all) => (all, None),
            Err(RecordError::Truncated { intact, line, .. }) => (intact, Some(line)),
            Err(error) => return Err(error.into()),
        };
        let is_stale = |record: &Record| {
            let failed = matches!(record.status, Status::Failed { .. });
            ids.contains(record.trial.as_str()) && (failed || record.code.fingerprint != provenance::fingerprint())
        };
        let (stale, kept): (Vec<Record>, Vec<Record>) = all.into_iter().partition(is_stale);
        let lines = |records: &[Record]| records.iter().map(Record::to_line).collect::<String>();
        let mut remarks = Vec::new();
        if let Some(line) = cut {
            remarks.push(format!("line {line} was cut off and is dropped"));
        }
        if !stale.is_empty() {
            let aside = self.path.with_file_name("superseded.jsonl");
            appending(&aside)?.write_all(lines(&stale).as_bytes()).map_err(file(&aside))?;
            remarks.push(format!("{} of other code or failed went to superseded.jsonl", stale.len()));
        }
        if !remarks.is_empty() {
            let partial = self.path.with_extension("partial");
            let written = std::fs::write(&partial, lines(&kept));
            written.and_then(|()| std::fs::rename(&partial, &self.path)).map_err(file(&self.path))?;
            self.records = appending(&self.path)?;
        }
        let kept = kept.into_iter().filter(|record| ids.contains(record.trial.as_str()));
        let kept = kept.map(|record| (record.trial.clone(), record)).collect();
        Ok((kept, (!remarks.is_empty()).then(|| remarks.join("; "))))
    }

    /// Appends a record.
    ///
    /// # Errors
    /// Of the file system.
    pub fn add(&mut self, record: &Record) -> Result<()> {
        // One write, so that a record is whole or cut, never mixed with another.
        let written = self.records.write_all(record.to_line().as_bytes());
        written.and_then(|()| self.records.flush()).map_err(file(&self.path))
    }
}

fn appending(path: &Path) -> Result<File> {
    OpenOptions::new().create(true).append(true).open(path).map_err(file(path))
}
