//! What changed from one set of records to another: code, settings, scores, bits.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::number::plain;
use crate::stats::{self, Interval, rounded};
use crate::summary::{Cell, Summary};

/// Number of the layout of [`Changes`].
pub const SCHEMA: u32 = 1;

/// All that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Changes {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// Code, compiler and machine.
    pub code: Vec<Change>,
    /// Worlds and agents, in the order of the newer summary; what is gone comes last.
    pub cells: Vec<CellChange>,
}

/// A value before and after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// What it is a value of.
    pub name: String,
    /// Before; absent if there was none.
    pub before: Option<String>,
    /// After; absent if there is none.
    pub after: Option<String>,
}

/// How one agent in one world changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All hashes of all runs are equal.
    Identical,
    /// Other bits, and no difference of means is shown.
    NotSeparated,
    /// A higher mean, with Holm's p below 0.05.
    Better,
    /// A lower mean, with Holm's p below 0.05.
    Worse,
    /// Only after.
    New,
    /// Only before.
    Gone,
}

/// One agent in one world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellChange {
    /// Label of the world.
    pub world: String,
    /// Name of the agent.
    pub agent: String,
    /// How it changed.
    pub verdict: Verdict,
    /// Runs before and after.
    pub n: [usize; 2],
    /// Means of the objective before and after.
    pub means: [Option<f64>; 2],
    /// 95 % interval of their difference, after minus before (Welch); absent where runs have no spread.
    pub difference: Option<Interval>,
    /// Holm's p over all cells that are on both sides with other bits.
    pub p_holm: Option<f64>,
    /// Seeds whose runs have the same hashes.
    pub identical_runs: usize,
    /// Settings that changed: world, agent, budget, evaluation.
    pub settings: Vec<Change>,
}

/// Compares two summaries.
pub fn changes(before: &Summary, after: &Summary) -> Changes {
    let find = |summary: &'_ Summary, cell: &Cell| -> Option<Cell> {
        summary.results.iter().find(|other| other.world == cell.world && other.agent == cell.agent).cloned()
    };
    let mut cells: Vec<(CellChange, Option<f64>)> = Vec::new();
    for cell in &after.results {
        cells.push(match find(before, cell) {
            Some(then) => changed([before, after], [&then, cell]),
            None => (alone(cell, Verdict::New, [None, Some(cell.mean)]), None),
        });
    }
    for cell in before.results.iter().filter(|cell| find(after, cell).is_none()) {
        cells.push((alone(cell, Verdict::Gone, [Some(cell.mean), None]), None));
    }
    let raw: Vec<f64> = cells.iter().filter_map(|(_, p)| *p).collect();
    let tested = cells.iter_mut().filter(|(_, p)| p.is_some());
    for ((cell, _), p) in tested.zip(stats::holm(&raw)) {
        cell.p_holm = Some(rounded(p));
        if let (true, [Some(then), Some(now)]) = (p < 0.05, cell.means) {
            cell.verdict = if now > then { Verdict::Better } else { Verdict::Worse };
        }
    }
    Changes { schema: SCHEMA, code: code(before, after), cells: cells.into_iter().map(|(cell, _)| cell).collect() }
}

fn alone(cell: &Cell, verdict: Verdict, means: [Option<f64>; 2]) -> CellChange {
    CellChange {
        world: cell.world.clone(),
        agent: cell.agent.clone(),
        verdict,
        n: means.map(|mean| if mean.is_some() { cell.n } else { 0 }),
        means,
        difference: None,
        p_holm: None,
        identical_runs: 0,
        settings: Vec::new(),
    }
}

/// The change of a cell that is on both sides, and the raw p of its difference if its bits changed.
fn changed(summaries: [&Summary; 2], cells: [&Cell; 2]) -> (CellChange, Option<f64>) {
    let [then, now] = cells;
    let alike = |run: &&crate::summary::Run| {
        now.runs.iter().any(|other| {
            // A trail is a matter of the version that wrote it.
            let bits = |run: &crate::summary::Run| {
                let hashes = run.hashes.clone();
                (run.seed, hashes.curve, hashes.weights, hashes.evaluation, run.objective.map(f64::to_bits))
            };
            bits(run) == bits(other)
        })
    };
    let identical_runs = then.runs.iter().filter(alike).count();
    let all = identical_runs == then.n && then.n == now.n;
    let values = cells.map(|cell| {
        let world = summaries[0].worlds.iter().chain(&summaries[1].worlds).find(|world| world.label == cell.world);
        let floor = world.map_or(0.0, |world| world.reference.random);
        cell.runs.iter().map(|run| run.objective.unwrap_or(floor)).collect::<Vec<f64>>()
    });
    let test = stats::welch(&values[1], &values[0]).filter(|_| !all);
    let settings = |summary: &Summary, cell: &Cell| {
        let world = summary.worlds.iter().find(|world| world.label == cell.world);
        serde_json::json!({
            "world": world.map(|world| &world.params),
            "agent": cell.config,
            "budget": cell.budget,
            "evaluation": cell.evaluation,
        })
    };
    let mut differing = Vec::new();
    leaves("", &settings(summaries[0], then), &settings(summaries[1], now), &mut differing);
    let change = CellChange {
        verdict: if all { Verdict::Identical } else { Verdict::NotSeparated },
        n: [then.n, now.n],
        means: [Some(then.mean), Some(now.mean)],
        difference: test.map(|test| Interval { low: rounded(test.interval.low), high: rounded(test.interval.high) }),
        identical_runs,
        settings: differing,
        ..alone(now, Verdict::New, [None, None])
    };
    (change, test.map(|test| test.p))
}

/// Adds every value that differs, by its path.
fn leaves(path: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let of = |fields: &serde_json::Map<String, Value>| fields.get(key).cloned().unwrap_or(Value::Null);
                leaves(&path, &of(before), &of(after), found);
            }
        }
        (before, after) if before != after => {
            let text = |value: &Value| (!value.is_null()).then(|| plain(value));
            found.push(Change { name: path.into(), before: text(before), after: text(after) });
        }
        _ => {}
    }
}

fn code(before: &Summary, after: &Summary) -> Vec<Change> {
    let of = |summary: &Summary| {
        let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for origin in &summary.provenance {
            let value = serde_json::to_value(&origin.code).expect("code has string keys only");
            let with = [("device", &origin.device), ("arithmetic", &origin.math)];
            for (name, text) in with {
                fields.entry(name.into()).or_default().insert(text.clone());
            }
            for (name, value) in value.as_object().into_iter().flatten() {
                fields.entry(name.clone()).or_default().insert(plain(value));
            }
        }
        let joined = fields.into_iter().map(|(name, values)| (name, values.into_iter().collect::<Vec<_>>().join(", ")));
        joined.collect::<BTreeMap<String, String>>()
    };
    let (before, after) = (of(before), of(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differing = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    differing
        .map(|name| Change { name: name.clone(), before: before.get(name).cloned(), after: after.get(name).cloned() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;
    use crate::{sample, summarise};

    fn summary(change: impl Fn(&mut Record)) -> Summary {
        let mut records = sample::records();
        records.iter_mut().for_each(change);
        summarise("t", "c", &records, &sample::draw).unwrap()
    }

    fn of<'a>(changes: &'a Changes, agent: &str) -> &'a CellChange {
        changes.cells.iter().find(|cell| cell.world == "rec/markov-interest-v1" && cell.agent == agent).unwrap()
    }

    /// The same records changed in nothing, whatever the clock says.
    #[test]
    fn the_same_records_are_identical() {
        let found = changes(&sample::summary(), &summary(|record| record.time.wall_s += 1.0));
        assert!(found.code.is_empty());
        assert!(found.cells.iter().all(|cell| cell.verdict == Verdict::Identical && cell.settings.is_empty()));
    }

    /// A large loss is worse, a small one is not separated, a changed setting and another compiler are named.
    #[test]
    fn each_change_is_named() {
        let after = summary(|record| {
            record.code.rustc = "1.96.0".into();
            let shift = match record.agent.as_str() {
                "dqn" => -1.0,
                "article" => 1e-4,
                _ => return,
            };
            record.agent_config["lr"] = 0.5.into();
            if let Some(metric) = record.outcome.metrics.get_mut(&record.objective) {
                metric.mean = metric.mean.map(|mean| mean + shift);
            }
        });
        let found = changes(&sample::summary(), &after);
        let rustc = Change { name: "rustc".into(), before: Some("1.95.0".into()), after: Some("1.96.0".into()) };
        assert_eq!(found.code, [rustc]);
        let dqn = of(&found, "dqn");
        assert_eq!((dqn.verdict, dqn.identical_runs), (Verdict::Worse, 0));
        assert!(dqn.difference.unwrap().high < 0.0 && dqn.p_holm.unwrap() < 0.05);
        let lr = Change { name: "agent.lr".into(), before: Some("0.001".into()), after: Some("0.5".into()) };
        assert_eq!(dqn.settings, [lr]);
        assert_eq!(of(&found, "article").verdict, Verdict::NotSeparated);
        assert_eq!(of(&found, "rainbow-lite").verdict, Verdict::Identical);
    }

    /// What is only on one side is new or gone.
    #[test]
    fn new_and_gone_cells_are_listed() {
        let whole = sample::summary();
        let few: Vec<Record> = sample::records().into_iter().filter(|record| record.agent != "article").collect();
        let few = summarise("t", "c", &few, &sample::draw).unwrap();
        assert_eq!(of(&changes(&few, &whole), "article").verdict, Verdict::New);
        let gone = changes(&whole, &few);
        assert_eq!((of(&gone, "article").verdict, of(&gone, "article").n), (Verdict::Gone, [5, 0]));
    }
}
