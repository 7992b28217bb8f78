//! A folder for others: records, thinned trails and the report, without weights and whatever else a run leaves.
use crate::{
    error::{Result, file},
    report,
    trail::Trail,
    trial::trail_path,
};
use reports::{Record, Summary};
use std::path::Path;

/// Publishes `records`, which are those of the folder `from`, in the folder `to`: records.jsonl, of each trail every 64th
/// entry, and the report. Records that are older than published trails go without.
///
/// # Errors
/// Those of the file system, and when the records make no report.
pub fn publish(
    from: &Path,
    to: &Path,
    records: &[Record],
    title: &str,
    command: &str,
    before: Option<Summary>,
) -> Result<Summary> {
    let summary = report::write_since(to, records, title, command, before)?;
    let lines: String = records.iter().map(Record::to_line).collect();
    let path = to.join("records.jsonl");
    std::fs::write(&path, lines).map_err(file(&path))?;
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
