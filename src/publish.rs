//! A folder for others: records, thinned trails and the report, without weights and whatever else a run leaves.
use crate::{
    error::{Error, Result, file},
    report,
    store::{part_paths, parts_path, records_path},
    trail::Trail,
    trial::trail_path,
};
use reports::{Record, Summary};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Publishes `records`, which are those of the folder `from`, in the folder `to`: a file of records for each world
/// (`records/FAMILY-NAME.jsonl`), of each trail every 64th entry, and the report. Records that are older than published
/// trails go without. What an earlier publication has of worlds that are no longer there goes.
///
/// # Errors
/// When `to` is the folder of a run, whose records.jsonl would hide what is published; those of the file system; when the
/// records make no report.
pub fn publish(
    from: &Path,
    to: &Path,
    records: &[Record],
    title: &str,
    command: &str,
    before: Option<Summary>,
) -> Result<Summary> {
    if records_path(to).exists() {
        return Err(Error::PublishedOverRun(to.display().to_string()));
    }
    let summary = report::write_since(to, records, title, command, before)?;
    write_records(to, records)?;
    for record in records.iter().filter(|record| record.hashes.published_trail.is_some()) {
        let path = trail_path(from, &record.trial);
        if !path.exists() {
            continue;
        }
        let whole = Trail::from_bytes(&std::fs::read(&path).map_err(file(&path))?);
        let published = whole.map(|trail| trail.published());
        if let Some(trail) = published.filter(|trail| Some(trail.hash()) == record.hashes.published_trail) {
            let path = trail_path(to, &record.trial);
            let folder = path.parent().unwrap_or(to);
            std::fs::create_dir_all(folder).map_err(file(folder))?;
            trail.write(&path)?;
        }
    }
    Ok(summary)
}

fn write_records(to: &Path, records: &[Record]) -> Result<()> {
    let folder = parts_path(to);
    std::fs::create_dir_all(&folder).map_err(file(&folder))?;
    let mut worlds: BTreeMap<PathBuf, String> = BTreeMap::new();
    for record in records {
        let path = folder.join(format!("{}.jsonl", record.env.replace('/', "-")));
        *worlds.entry(path).or_default() += &record.to_line();
    }
    for path in part_paths(to)?.iter().filter(|path| !worlds.contains_key(*path)) {
        std::fs::remove_file(path).map_err(file(path))?;
    }
    for (path, lines) in worlds {
        std::fs::write(&path, lines).map_err(file(&path))?;
    }
    Ok(())
}
