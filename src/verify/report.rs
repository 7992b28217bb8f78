//! Whether the report of a folder is the one that its records make.
use super::{Mismatch, Verification};
use crate::{
    error::{Result, file},
    provenance, report, resampling,
};
use kernels::Cpu;
use reports::{
    Record, Summary, report_files, summarise,
    summary::{Cell, SCHEMA},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Compares report.json in every figure, and the files beside it byte by byte, with what `records` make; a folder without
/// a report is none to compare.
pub(super) fn compare(folder: &Path, records: &[Record], found: &mut Verification) -> Result<()> {
    let path = folder.join("report.json");
    if !path.exists() {
        return Ok(());
    }
    let again = format!("`mercato report {}` makes it again", folder.display());
    let text = std::fs::read_to_string(&path).map_err(file(&path))?;
    let tree: Value = match serde_json::from_str(&text) {
        Ok(tree) => tree,
        Err(error) => {
            found.mismatches.push(about("report.json", format!("it is no report: {error}; {again}")));
            return Ok(());
        }
    };
    if tree["schema"] != SCHEMA {
        let layout = &tree["schema"];
        let problem = format!("report.json has layout {layout}, and {SCHEMA} is the one that can be compared; {again}");
        found.ambiguous.push(problem);
        return Ok(());
    }
    let then: Summary = match serde_json::from_value(tree) {
        Ok(report) => report,
        Err(error) => {
            found.mismatches.push(about("report.json", format!("it is no report: {error}; {again}")));
            return Ok(());
        }
    };
    let mut now = match summarise(&then.title, &then.command, records, &resampling::draw(0)) {
        Ok(now) => now,
        Err(error) => {
            found.mismatches.push(about("records", error.to_string()));
            return Ok(());
        }
    };
    if cells(&then, &now, found) {
        // Whatever else the report says is about those runs too.
        return Ok(());
    }
    // Earlier reports and clocks are known to the report alone.
    (now.since, now.time) = (then.since.clone(), then.time.clone());
    now.id = now.digest();
    fields(&then, &now, found);
    files(folder, records, &now, found)
}

fn about(subject: &str, what: String) -> Mismatch {
    Mismatch { subject: subject.into(), trial: None, what: vec![what], divergence: None, place: None }
}

/// Compares what is said of each agent in each world; whether the report has runs that the records do not have.
fn cells(then: &Summary, now: &Summary, found: &mut Verification) -> bool {
    let of = |summary: &Summary| -> BTreeMap<(String, String), Cell> {
        summary.results.iter().map(|cell| ((cell.world.clone(), cell.agent.clone()), cell.clone())).collect()
    };
    let (then, now) = (of(then), of(now));
    let mut gone = false;
    for ((world, agent), before) in &then {
        let subject = format!("{world}, {agent}");
        let after = now.get(&(world.clone(), agent.clone()));
        let seeds: BTreeSet<u64> = after.iter().flat_map(|cell| cell.runs.iter().map(|run| run.seed)).collect();
        let lost: Vec<_> = before.runs.iter().filter(|run| !seeds.contains(&run.seed)).collect();
        gone |= !lost.is_empty();
        for run in &lost {
            let what = format!("the report has this run (trial {}), the records do not", run.trial);
            found.missing.push(format!("{subject}, seed {}: {what}", run.seed));
        }
        if lost.is_empty() && after != Some(before) {
            let what = "report.json has other figures than the records give: one of the two was edited";
            found.mismatches.push(about(&subject, what.into()));
        }
    }
    for (world, agent) in now.keys().filter(|key| !then.contains_key(*key)) {
        let what = "report.json leaves it out, and the records have it: one of the two was edited";
        found.mismatches.push(about(&format!("{world}, {agent}"), what.into()));
    }
    gone
}

/// Compares everything that is not said of one agent in one world.
fn fields(then: &Summary, now: &Summary, found: &mut Verification) {
    let tree = |summary: &Summary| serde_json::to_value(summary).ok().and_then(|tree| tree.as_object().cloned());
    let (Some(then), Some(now)) = (tree(then), tree(now)) else { return };
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).filter(|name| *name != "results").collect();
    let differ: Vec<&str> =
        names.into_iter().filter(|name| then.get(*name) != now.get(*name)).map(|s| &s[..]).collect();
    if !differ.is_empty() {
        let what = format!("other than the records give: {}; one of the two was edited", differ.join(", "));
        found.mismatches.push(about("report.json", what));
    }
}

/// Compares the files beside report.json. Text and charts change with the version of mercato, tables do not.
fn files(folder: &Path, records: &[Record], now: &Summary, found: &mut Verification) -> Result<()> {
    let context = report::context(records, &now.title, &now.command, None);
    let here = Cpu::new().map(|cpu| provenance::code(&cpu).fingerprint).unwrap_or_default();
    let same_code = records.iter().all(|record| record.code.fingerprint == here);
    let mut other = Vec::new();
    for (name, text) in report_files(now, &context)? {
        let path = folder.join(&name);
        if name == "report.json" || !path.exists() {
            continue;
        }
        if std::fs::read(&path).map_err(file(&path))? != text.as_bytes() {
            if same_code || name.ends_with(".csv") {
                found
                    .mismatches
                    .push(about(&name, "it is not what the records make: one of the two was edited".into()));
            } else {
                other.push(name);
            }
        }
    }
    if !other.is_empty() {
        let names = other.join(", ");
        found.notes.push(format!("not what this version makes of the records, which another wrote: {names}"));
    }
    Ok(())
}
