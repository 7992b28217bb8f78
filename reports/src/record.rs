//! One trial as one line of JSON: what was asked, what came out, which code and machine did it.
//!
//! Every float that may fail to be finite is an `Option`: JSON has no NaN, so `Some(NaN)` is written as `null` and
//! read back as `None`. Fields that this version doesn't know are ignored on reading; the schema number is not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

mod provenance;
pub use provenance::{Code, Isa, Machine, Time};

/// Number of the record layout that this version writes, and the only one that it reads.
pub const SCHEMA: u32 = 1;

/// Points of its training in a record that does not tell another number.
pub const TRAINING_POINTS: u32 = 100;

/// One trial: a world, an agent and a seed, with everything that a report or a re-run needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// Layout of this record, [`SCHEMA`].
    pub schema: u32,
    /// First 16 hex digits of the hash over what was asked (world, agent, seed, budget, evaluation, arithmetic).
    pub trial: String,
    /// Name of the experiment that asked for the trial.
    pub experiment: String,
    /// Id of the world with its version, such as `rec/markov-interest-v1`.
    pub env: String,
    /// Resolved parameters of the world, defaults included: a JSON object.
    pub env_params: Value,
    /// Name of the agent as reports show it, such as `dqn`.
    pub agent: String,
    /// Resolved configuration of the agent, defaults included: a JSON object.
    pub agent_config: Value,
    /// Whether the agent learns; reference policies do not, and their curve is a single evaluation.
    pub learned: bool,
    /// Seed of the trial.
    pub seed: u64,
    /// Training budget in transitions; 0 for reference policies.
    pub budget: u64,
    /// How the trial was evaluated.
    pub evaluation: Evaluation,
    /// What the experiment asks for by itself, before anybody changes it for a run; records of earlier versions do not
    /// tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// How the agent's settings were chosen, where the experiment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// What it learnt from instead of playing, if it did; the budget then counts rounds of updates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Device that trained, such as `cpu`.
    pub device: String,
    /// Arithmetic: `exact` (equal bits everywhere) or `fast`.
    pub math: String,
    /// How the trial ended.
    pub status: Status,
    /// Name of the metric that counts: `episode_return`, `discounted_return` or `mean_reward`. Larger is better.
    pub objective: String,
    /// Evaluations during training, in rising order of `step`.
    pub curve: Vec<Point>,
    /// Points that `training` divides the budget into, where it is not [`TRAINING_POINTS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub training_points: Option<u32>,
    /// What training itself saw, in rising order of `step`; empty for reference policies.
    pub training: Vec<TrainingPoint>,
    /// The last evaluation, which is the result of the trial: never the best one.
    #[serde(rename = "final")]
    pub outcome: Outcome,
    /// What the world's page publishes, in units of `objective`.
    pub reference: Reference,
    /// Hashes by which a re-run is compared.
    pub hashes: Hashes,
    /// Code that ran the trial.
    pub code: Code,
    /// Machine that ran the trial, in kind: no names of hosts or people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Machine>,
    /// Clock and memory. No hash and no derived figure reads them.
    pub time: Time,
}

/// How often and on which episodes a trial was evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// Episodes in the last evaluation, which is the result.
    pub episodes: u32,
    /// Episodes in each evaluation along the training.
    pub point_episodes: u32,
    /// Trial s is evaluated on the episodes of this seed plus s, whoever plays; they are apart from all training.
    pub seed: u64,
    /// Training transitions between two evaluations; 0 if only the end was evaluated.
    pub every: u64,
}

/// What an experiment asks for by itself: a run with less is no run of that experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Training budget of this agent in this world, in transitions.
    pub budget: u64,
    /// Number of seeds.
    pub seeds: u64,
    /// Episodes of the last evaluation.
    pub episodes: u32,
}

/// A log that a trial learnt from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Log {
    /// The file; its name has no part in the id of a trial.
    pub path: String,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Every how manieth episode is held out to measure a loss; 0 for none. The weights with the least are kept.
    #[serde(default)]
    pub hold_out: u32,
    /// Evaluations without a smaller loss after which training ends; 0 for never.
    #[serde(default)]
    pub patience: u32,
}

/// How the settings of an agent were chosen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Tuning {
    /// Seeds on which settings were compared; results on these are too good.
    pub seeds: Vec<u64>,
    /// In words.
    pub how: String,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Status {
    /// The whole budget was used and the last evaluation stands.
    Ok,
    /// A loss, a weight or an action stopped being finite.
    Diverged {
        /// What was not finite, and when.
        message: String,
    },
    /// An error ended the trial.
    Failed {
        /// The error and its causes.
        message: String,
    },
}

/// One evaluation during training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Training transitions before this evaluation.
    pub step: u64,
    /// Training episodes finished before this evaluation.
    pub episodes: u64,
    /// Mean of the objective over the evaluation episodes.
    pub objective: Option<f64>,
    /// Standard error of that mean over the episodes.
    pub se: Option<f64>,
}

/// What training saw at one logging point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingPoint {
    /// Training transitions so far.
    pub step: u64,
    /// Mean undiscounted return of the training episodes that ended since the point before.
    pub total_reward: Option<f64>,
    /// Loss of the last update.
    pub loss: Option<f64>,
    /// Mean action value of the last update's transitions.
    pub mean_q: Option<f64>,
    /// Exploration rate, 0 to 1.
    pub epsilon: Option<f64>,
    /// The learnt price of a unit of cost, where the agent learns one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f64>,
    /// Loss on episodes of a log that are held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
}

/// The last evaluation of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Evaluation episodes.
    pub episodes: u32,
    /// Metrics by name, the objective among them; empty if the trial never came to its last evaluation.
    pub metrics: BTreeMap<String, Metric>,
}

/// One metric over the episodes of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Metric {
    /// Mean over the episodes.
    pub mean: Option<f64>,
    /// Standard deviation over the episodes, with n - 1 below.
    pub sd: Option<f64>,
    /// Standard error of the mean over the episodes.
    pub se: Option<f64>,
}

/// Published values of the world, so that score and regret need nothing but the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    /// Proven lower bound of the optimum; equal to `optimum_upper` where the optimum is known exactly.
    pub optimum_lower: f64,
    /// Proven upper bound of the optimum.
    pub optimum_upper: f64,
    /// How the optimum was found, such as `value iteration`.
    pub optimum_method: String,
    /// Largest error of the published optimum.
    pub tolerance: f64,
    /// Value of the uniformly random policy.
    pub random: f64,
    /// Standard error of `random`; 0 where it is exact.
    pub random_se: f64,
    /// Value of the myopic policy, where the world has one.
    pub myopic: Option<f64>,
    /// Values of other reference policies by name, such as `best_fixed_price`.
    pub named: BTreeMap<String, f64>,
}

/// SHA-256 hashes in hex; `None` where the trial has no such thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hashes {
    /// Over the learning curve.
    pub curve: Option<String>,
    /// Over the final weights.
    pub weights: Option<String>,
    /// Over the trace of the last evaluation.
    pub evaluation: Option<String>,
    /// Over the trail of the training, which records of earlier versions do not have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// Over every 64th entry of that trail, which is what a published folder keeps of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_trail: Option<String>,
}

/// Why records could not be read. Lines count from 1.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file could not be read.
    #[error("cannot read {}: {cause}; check that the run's folder holds this file", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The last line has no end: its writer was stopped in the middle.
    #[error("{}, line {line}: cut off before its end; run the experiment again, which drops this line and repeats its trial", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Number of the cut line.
        line: usize,
        /// Bytes before the cut line: cutting the file to this length leaves whole records only.
        intact_bytes: u64,
        /// The records before the cut line.
        intact: Vec<Record>,
    },
    /// A whole line is not a record.
    #[error("{}, line {line}: not a record: {cause}; remove the line and run the experiment again, which repeats its trial", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
        /// What is wrong with it.
        cause: serde_json::Error,
    },
    /// A line was written by a version with another layout.
    #[error("{}, line {line}: record schema {found}, this version reads {SCHEMA}; use the version that wrote it, or run the experiment again in a new folder", path.display())]
    Schema {
        /// The file.
        path: PathBuf,
        /// Number of the line.
        line: usize,
        /// The schema that the line declares.
        found: u32,
    },
}

impl Record {
    /// The record as one line of JSON, with the newline that marks it as whole.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).expect("a record has string keys only");
        line.push('\n');
        line
    }

    /// What counts of the last evaluation, in units of `objective`; `None` for a run that did not end well.
    pub fn result(&self) -> Option<f64> {
        let metric = self.outcome.metrics.get(&self.objective)?;
        metric.mean.filter(|mean| mean.is_finite() && self.status == Status::Ok)
    }
}

/// Reads all records of a file written line by line with [`Record::to_line`].
///
/// # Errors
/// As [`parse`], and [`RecordError::Read`] if the file cannot be read.
pub fn read_records(path: &Path) -> Result<Vec<Record>, RecordError> {
    let bytes = std::fs::read(path).map_err(|cause| RecordError::Read { path: path.into(), cause })?;
    parse(&bytes, path)
}

/// Reads all records of a file's content; `path` only names it in errors. Empty lines are skipped.
///
/// # Errors
/// [`RecordError::Truncated`] if the last line has no newline, whatever it holds: only the newline, written last,
/// says that a line is whole. [`RecordError::Broken`] and [`RecordError::Schema`] name the first bad line.
pub fn parse(content: &[u8], path: &Path) -> Result<Vec<Record>, RecordError> {
    #[derive(Deserialize)]
    struct Layout {
        schema: u32,
    }
    let mut records = Vec::new();
    let mut intact_bytes = 0;
    for (index, line) in content.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let number = index + 1;
        if !line.ends_with(b"\n") {
            return Err(RecordError::Truncated { path: path.into(), line: number, intact_bytes, intact: records });
        }
        intact_bytes += line.len() as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let broken = |cause| RecordError::Broken { path: path.into(), line: number, cause };
        let Layout { schema } = serde_json::from_slice(line).map_err(broken)?;
        if schema != SCHEMA {
            return Err(RecordError::Schema { path: path.into(), line: number, found: schema });
        }
        records.push(serde_json::from_slice(line).map_err(broken)?);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn lines(records: &[Record]) -> Vec<u8> {
        records.iter().map(Record::to_line).collect::<String>().into_bytes()
    }

    /// Writing and reading lose nothing, to the last bit of every float.
    #[test]
    fn records_survive_their_own_text() {
        let records = sample::records();
        assert_eq!(parse(&lines(&records), Path::new("records.jsonl")).unwrap(), records);
    }

    /// JSON has no NaN: it becomes `null`, and comes back as absent.
    #[test]
    fn a_loss_that_is_not_finite_becomes_absent() {
        let mut record = sample::records().remove(0);
        record.curve = vec![Point { step: 5, episodes: 1, objective: Some(f64::NAN), se: Some(f64::INFINITY) }];
        let read = parse(record.to_line().as_bytes(), Path::new("records.jsonl")).unwrap();
        assert_eq!(read[0].curve, [Point { step: 5, episodes: 1, objective: None, se: None }]);
    }

    /// A run that was killed while writing can cut the file at `intact_bytes` and go on, wherever the cut fell.
    #[test]
    fn a_cut_last_line_leaves_the_records_before_it() {
        let records = sample::records()[..3].to_vec();
        let (first_two, whole) = (lines(&records[..2]), lines(&records));
        for length in [first_two.len() + 1, first_two.len() + 40, whole.len() - 1] {
            let error = parse(&whole[..length], Path::new("runs/records.jsonl")).unwrap_err();
            assert!(error.to_string().contains("runs/records.jsonl, line 3: cut off"), "{error}");
            let RecordError::Truncated { intact_bytes, intact, .. } = error else { panic!("{error}") };
            assert_eq!((intact_bytes as usize, intact.as_slice()), (first_two.len(), &records[..2]));
        }
    }

    /// Damage in the middle is no cut: nothing may be dropped in silence.
    #[test]
    fn a_broken_line_is_named() {
        let mut content = lines(&sample::records()[..1]);
        content.extend(b"{\"schema\":1,\"trial\":\n");
        content.extend(lines(&sample::records()[1..2]));
        let error = parse(&content, Path::new("records.jsonl")).unwrap_err();
        assert!(matches!(error, RecordError::Broken { line: 2, .. }), "{error}");
        assert!(error.to_string().contains("remove the line"), "{error}");
    }

    /// A later layout is refused by its number, before any of its fields is looked at.
    #[test]
    fn another_schema_is_refused() {
        let error = parse(b"\n{\"schema\":2}\n", Path::new("records.jsonl")).unwrap_err();
        assert!(matches!(error, RecordError::Schema { line: 2, found: 2, .. }), "{error}");
    }

    /// A field added by a later version of the same layout does no harm.
    #[test]
    fn unknown_fields_are_ignored() {
        let record = sample::records().remove(0);
        let line = record.to_line().replacen('{', "{\"colour\":\"green\",", 1);
        assert_eq!(parse(line.as_bytes(), Path::new("records.jsonl")).unwrap(), [record]);
    }
}
