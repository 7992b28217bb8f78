//! The layout of `report.json`: every figure that a report shows, and nothing that a renderer would have to compute.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::changes::Changes;
use crate::comparison::{Pair, Tests};
use crate::record::{Asked, Code, Evaluation, Hashes, Machine, Reference, Status, Tuning};
use crate::stats::{Estimate, Interval};
use crate::verdicts::Tick;

/// Number of the layout of `report.json`. A figure that is new counts too: a report without it is not what its records give,
/// and nobody edited it.
pub const SCHEMA: u32 = 3;

/// Thresholds of performance profiles, as normalised scores.
pub const PROFILE: [f64; 9] = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// The score whose first time the figures of sample efficiency ask for.
pub const REACHED: f64 = 0.9;

/// All figures of a report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// SHA-256 over the canonical JSON of everything else but `time`.
    pub id: String,
    /// Title of the report.
    pub title: String,
    /// Command that makes the records again.
    pub command: String,
    /// What the figures say, in sentences.
    pub verdicts: Vec<String>,
    /// What a careful reader checks first.
    pub ticks: Vec<Tick>,
    /// Trials by how they ended.
    pub trials: Trials,
    /// Worlds, sorted by id and parameters.
    pub worlds: Vec<World>,
    /// One entry for each world and agent: worlds as above, in each the learned agents first, then by name.
    pub results: Vec<Cell>,
    /// Learned agents over all worlds in which they ran, for those with at least two.
    pub overall: Vec<Overall>,
    /// Probability that a run of one learned agent beats one of another, for pairs that ran in the same worlds, at least
    /// two.
    pub improvement: Vec<Pair>,
    /// Tests of every pair of learned agents in every world, on normalised scores; Holm's family is the whole list.
    pub tests: Vec<Tests>,
    /// What did not work, in sentences.
    pub negative: Vec<String>,
    /// What changed since an earlier report, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// Every combination of code, device and arithmetic among the records.
    pub provenance: Vec<Provenance>,
    /// Clock and memory, which the id does not read.
    pub time: Vec<CellTime>,
}

/// An earlier report and what changed since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Since {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What changed.
    pub changes: Changes,
}

/// Number of trials by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trials {
    /// All of them.
    pub total: usize,
    /// Those that came to their last evaluation.
    pub ok: usize,
    /// Those whose numbers stopped being finite.
    pub diverged: usize,
    /// Those that an error ended.
    pub failed: usize,
}

/// A world with one set of parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct World {
    /// Id and, where the same id appears with other parameters, those that differ. Unique in a report.
    pub label: String,
    /// Id with version.
    pub env: String,
    /// Resolved parameters.
    pub params: Value,
    /// Metric that counts.
    pub objective: String,
    /// Published values.
    pub reference: Reference,
}

/// One agent in one world, over its seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Label of the world.
    pub world: String,
    /// Id of the world.
    pub env: String,
    /// Name of the agent.
    pub agent: String,
    /// Whether it learns.
    pub learned: bool,
    /// Its resolved configuration.
    pub config: Value,
    /// Training transitions of each run.
    pub budget: u64,
    /// How each run was evaluated.
    pub evaluation: Evaluation,
    /// The most that its records say their experiment asks for by itself; absent where one of them does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// How its settings were chosen, where the experiment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
    /// Runs, those that diverged or failed among them.
    pub n: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Runs that failed.
    pub failed: usize,
    /// Mean of the objective over the runs.
    pub mean: f64,
    /// Median over the runs.
    pub median: f64,
    /// The least and the greatest over the runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Standard deviation over the runs; absent for one run.
    pub sd: Option<f64>,
    /// 95 % interval of the mean.
    pub ci: Option<Confidence>,
    /// (mean - random) / (optimum - random): 0 is the random policy, 1 the optimum. Where the optimum is only bounded,
    /// this is against the lower bound, and may pass 1. Absent where the optimum is no better than random.
    pub score: Option<f64>,
    /// Interval of `score`, from `ci`.
    pub score_ci: Option<Confidence>,
    /// Score against the upper bound of the optimum, where that differs: the least that the true score can be.
    pub score_upper: Option<f64>,
    /// Optimum (its upper bound) - mean: where the optimum is only bounded, the most that the true regret can be.
    pub regret: f64,
    /// All metrics of the last evaluations, over the runs that came to one.
    pub metrics: BTreeMap<String, Spread>,
    /// Learning curve over the runs; empty for reference policies.
    pub curve: Vec<CurvePoint>,
    /// How soon it learnt; absent for reference policies, without a curve, and where there is no score.
    pub efficiency: Option<Efficiency>,
    /// The runs, by seed.
    pub runs: Vec<Run>,
}

/// A 95 % interval and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Confidence {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// `t`: Student's t over runs; `episodes`: 1.96 standard errors over the evaluation episodes of a reference
    /// policy, all of whose runs are the same.
    pub method: String,
}

/// Mean and standard deviation over runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Mean.
    pub mean: f64,
    /// Standard deviation; absent for one run.
    pub sd: Option<f64>,
}

/// One point of the learning curve over runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Training transitions.
    pub step: u64,
    /// Runs behind the point. Past its end a diverged or failed run counts with the value of the random policy.
    pub n: usize,
    /// Mean of the objective.
    pub mean: f64,
    /// Student's t interval of that mean, for this point alone; absent for one run.
    pub ci: Option<Interval>,
}

/// How soon an agent learnt in a world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Efficiency {
    /// Score averaged over the points of the curve, past a run's early end that of the random policy; mean over the runs
    /// with Student's t interval.
    pub area: Estimate,
    /// Runs that reached a score of [`REACHED`] at some point.
    pub reached: usize,
    /// Median over all runs of the transitions after which they first did, where more than half of the runs did.
    pub median_steps: Option<u64>,
}

/// One run: a trial as a line of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Id of the trial.
    pub trial: String,
    /// Seed.
    pub seed: u64,
    /// How it ended.
    pub status: Status,
    /// Objective at the last evaluation; absent if there was none.
    pub objective: Option<f64>,
    /// Its standard error over the episodes.
    pub se: Option<f64>,
    /// Its score, 0 for a run that diverged or failed.
    pub score: Option<f64>,
    /// Evaluations as (training transitions, objective).
    pub curve: Vec<(u64, f64)>,
    /// Hashes for comparing a re-run.
    pub hashes: Hashes,
}

/// A learned agent over the worlds in which it ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Overall {
    /// Name of the agent.
    pub agent: String,
    /// Labels of the worlds.
    pub worlds: Vec<String>,
    /// Runs in all of them.
    pub runs: usize,
    /// Interquartile mean of all runs' scores.
    pub iqm: Estimate,
    /// Mean of the worlds' mean scores.
    pub mean: Estimate,
    /// Median of the worlds' mean scores.
    pub median: Estimate,
    /// How far scores fall short of 1 on average, those above 1 counting as 1.
    pub optimality_gap: Estimate,
    /// Share of runs with a score strictly above each of [`PROFILE`], worlds weighing equally.
    pub profile: Vec<Estimate>,
}

/// Records that one build made on one kind of device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// The code.
    pub code: Code,
    /// The device.
    pub device: String,
    /// The arithmetic.
    pub math: String,
    /// The kinds of machine, where records tell them.
    #[serde(default)]
    pub machines: Vec<Machine>,
    /// How many trials.
    pub trials: usize,
}

/// Clock and memory of one agent in one world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CellTime {
    /// Label of the world.
    pub world: String,
    /// Name of the agent.
    pub agent: String,
    /// Seconds of all its trials together.
    pub wall_s: f64,
    /// Mean over its trials of the updates in a second of training.
    pub updates_per_s: Option<f64>,
    /// Largest resident memory among its trials' processes, MiB.
    pub peak_memory_mb: Option<f64>,
    /// Most trials that ran side by side.
    pub jobs: u32,
    /// Seconds of each trial by itself, in the order of the runs; absent in reports of earlier versions.
    #[serde(default)]
    pub runs_wall_s: Vec<f64>,
}

impl Summary {
    /// The results of one world, learned agents first.
    pub fn cells<'a>(&'a self, world: &'a World) -> impl Iterator<Item = &'a Cell> {
        self.results.iter().filter(|cell| cell.world == world.label)
    }

    /// Names of the learned agents, sorted: their places give each its colour and marker.
    pub fn learned_agents(&self) -> Vec<&str> {
        let names: BTreeSet<&str> =
            self.results.iter().filter(|cell| cell.learned).map(|cell| cell.agent.as_str()).collect();
        names.into_iter().collect()
    }

    /// `report.json`: indented, with a newline at the end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a summary has string keys only");
        text.push('\n');
        text
    }

    /// SHA-256 in hex over the canonical JSON (sorted keys, no white space) of all fields but `id` and `time`.
    pub fn digest(&self) -> String {
        let mut content = serde_json::to_value(self).expect("a summary has string keys only");
        if let Some(fields) = content.as_object_mut() {
            fields.remove("id");
            fields.remove("time");
        }
        Sha256::digest(content.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
