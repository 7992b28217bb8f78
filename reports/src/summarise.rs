//! Records in, figures out.
//!
//! A trial that diverged or failed is never dropped: it counts with the value of the random policy, so with score 0.

mod across;
mod cell;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::number;
use crate::record::{Record, Reference, Status};
use crate::stats::{Draw, rounded};
use crate::summary::*;
use crate::verdicts;
use across::{improvement, overall};
use cell::{cell, cell_time};

/// Resamples behind each bootstrap interval.
pub const RESAMPLES: u32 = 10_000;

/// Why records make no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SummaryError {
    /// There is nothing to report.
    #[error("there are no records; run the experiment first")]
    Empty,
    /// A trial would count twice.
    #[error(
        "{env}, {agent}, seed {seed} appears twice (trials {first} and {second}); keep one of the two lines, or give one agent another name"
    )]
    Duplicate {
        /// Id of the world.
        env: String,
        /// Name of the agent.
        agent: String,
        /// The seed.
        seed: u64,
        /// Id of one trial.
        first: String,
        /// Id of the other.
        second: String,
    },
    /// Runs that would be averaged were not run alike.
    #[error(
        "{env}, {agent}: `{field}` differs between trials {first} and {second}, so they have no common mean; report them from separate folders, or give one agent another name"
    )]
    Mixed {
        /// Id of the world.
        env: String,
        /// Name of the agent.
        agent: String,
        /// Field of the record that differs.
        field: &'static str,
        /// Id of one trial.
        first: String,
        /// Id of the other.
        second: String,
    },
}

/// Computes all figures. The order of the records has no influence; the same `draw` gives the same summary.
///
/// # Errors
/// [`SummaryError`]: no records, a trial that appears twice, or runs that cannot be averaged.
pub fn summarise(title: &str, command: &str, records: &[Record], draw: Draw) -> Result<Summary, SummaryError> {
    if records.is_empty() {
        return Err(SummaryError::Empty);
    }
    let mut worlds = Vec::new();
    let mut results = Vec::new();
    let mut time = Vec::new();
    for trials in groups(records, |record| (record.env.clone(), record.env_params.to_string())) {
        let first = trials[0];
        for other in &trials {
            alike(first, other, "objective", |record| &record.objective)?;
            alike(first, other, "reference", |record| &record.reference)?;
        }
        let world = World {
            label: label(first, records),
            env: first.env.clone(),
            params: first.env_params.clone(),
            objective: first.objective.clone(),
            reference: first.reference.clone(),
        };
        for runs in groups(trials, |record| (!record.learned, record.agent.clone())) {
            results.push(cell(&world, &runs)?);
            time.push(cell_time(&world, &runs));
        }
        worlds.push(world);
    }
    let mut summary = Summary {
        schema: SCHEMA,
        id: String::new(),
        title: title.into(),
        command: command.into(),
        verdicts: Vec::new(),
        ticks: Vec::new(),
        trials: count(records),
        overall: overall(&results, draw),
        improvement: improvement(&results, draw),
        tests: across::tests(&worlds, &results, draw),
        negative: Vec::new(),
        since: None,
        provenance: provenance(records),
        worlds,
        results,
        time,
    };
    summary.verdicts = verdicts::verdicts(&summary);
    summary.ticks = verdicts::ticks(&summary);
    summary.negative = verdicts::negative(&summary);
    summary.id = summary.digest();
    Ok(summary)
}

impl Reference {
    /// Whether the optimum is known exactly, not only between two bounds.
    pub fn is_exact(&self) -> bool {
        self.optimum_lower == self.optimum_upper
    }

    /// Normalised score of a value against the lower bound of the optimum; `None` if that is no better than random.
    pub fn score(&self, value: f64) -> Option<f64> {
        normalised(value, self.random, self.optimum_lower)
    }
}

fn normalised(value: f64, random: f64, optimum: f64) -> Option<f64> {
    (optimum > random).then(|| rounded((value - random) / (optimum - random)))
}

/// Splits records into groups of equal key, sorted by key and, within a group, by agent and seed.
fn groups<'a, K: Ord>(
    records: impl IntoIterator<Item = &'a Record>,
    key: impl Fn(&Record) -> K,
) -> impl Iterator<Item = Vec<&'a Record>> {
    let mut groups: BTreeMap<K, Vec<&Record>> = BTreeMap::new();
    for record in records {
        groups.entry(key(record)).or_default().push(record);
    }
    groups.into_values().map(|mut group| {
        group.sort_by(|a, b| (&a.agent, a.seed, &a.trial).cmp(&(&b.agent, b.seed, &b.trial)));
        group
    })
}

/// Id of a world, with those parameters in which records of the same id differ.
fn label(record: &Record, records: &[Record]) -> String {
    let namesakes: Vec<&Record> = records.iter().filter(|other| other.env == record.env).collect();
    let keys: BTreeSet<&String> =
        namesakes.iter().filter_map(|other| other.env_params.as_object()).flat_map(|params| params.keys()).collect();
    let differing: Vec<String> = keys
        .into_iter()
        .filter(|key| namesakes.iter().any(|other| other.env_params.get(key) != record.env_params.get(key)))
        .map(|key| match record.env_params.get(key) {
            Some(value) => format!("{key}={}", number::plain(value)),
            None => format!("{key}=default"),
        })
        .collect();
    if differing.is_empty() { record.env.clone() } else { format!("{} ({})", record.env, differing.join(", ")) }
}

fn alike<'a, T: PartialEq>(
    first: &'a Record,
    other: &'a Record,
    field: &'static str,
    get: impl Fn(&'a Record) -> T,
) -> Result<(), SummaryError> {
    if get(first) == get(other) {
        return Ok(());
    }
    let (env, agent) = (other.env.clone(), other.agent.clone());
    Err(SummaryError::Mixed { env, agent, field, first: first.trial.clone(), second: other.trial.clone() })
}

fn provenance(records: &[Record]) -> Vec<Provenance> {
    let key = |record: &Record| {
        let code = serde_json::to_string(&record.code).expect("code has string keys only");
        (code, record.device.clone(), record.math.clone())
    };
    groups(records, key)
        .map(|group| Provenance {
            code: group[0].code.clone(),
            device: group[0].device.clone(),
            math: group[0].math.clone(),
            machines: group
                .iter()
                .filter_map(|record| record.machine.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            trials: group.len(),
        })
        .collect()
}

fn count(records: &[Record]) -> Trials {
    let with = |is: fn(&Status) -> bool| records.iter().filter(|record| is(&record.status)).count();
    Trials {
        total: records.len(),
        ok: with(|status| *status == Status::Ok),
        diverged: with(|status| matches!(status, Status::Diverged { .. })),
        failed: with(|status| matches!(status, Status::Failed { .. })),
    }
}
