//! Records in, figures out.
//!
//! A trial that diverged or failed is never dropped: it counts with the value of the random policy, so with score 0.

use std::collections::{BTreeMap, BTreeSet};

use crate::comparison::{self, Pair, Tests};
use crate::number;
use crate::record::{Record, Reference, Status};
use crate::stats::{self, Draw, Estimate, Improvement, Interval, rounded};
use crate::summary::*;
use crate::verdicts;

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
        tests: tests(&worlds, &results, draw),
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

fn cell(world: &World, records: &[&Record]) -> Result<Cell, SummaryError> {
    let first = records[0];
    for other in records {
        alike(first, other, "agent_config", |record| &record.agent_config)?;
        alike(first, other, "budget", |record| record.budget)?;
        alike(first, other, "evaluation", |record| &record.evaluation)?;
        alike(first, other, "tuning", |record| &record.tuning)?;
    }
    if let Some(pair) = records.windows(2).find(|pair| pair[0].seed == pair[1].seed) {
        return Err(SummaryError::Duplicate {
            env: first.env.clone(),
            agent: first.agent.clone(),
            seed: first.seed,
            first: pair[0].trial.clone(),
            second: pair[1].trial.clone(),
        });
    }
    let reference = &world.reference;
    let values: Vec<f64> = records.iter().map(|record| objective(record).unwrap_or(reference.random)).collect();
    let mean = stats::mean(&values).expect("a group has a record");
    let ci = confidence(records, &values, mean);
    let score_ci = ci.as_ref().and_then(|ci| {
        let (low, high) = (reference.score(ci.low)?, reference.score(ci.high)?);
        Some(Confidence { low, high, method: ci.method.clone() })
    });
    let bounded = !reference.is_exact();
    Ok(Cell {
        world: world.label.clone(),
        env: world.env.clone(),
        agent: first.agent.clone(),
        learned: first.learned,
        config: first.agent_config.clone(),
        budget: first.budget,
        evaluation: first.evaluation.clone(),
        tuning: first.tuning.clone(),
        n: records.len(),
        diverged: records.iter().filter(|record| matches!(record.status, Status::Diverged { .. })).count(),
        failed: records.iter().filter(|record| matches!(record.status, Status::Failed { .. })).count(),
        mean: rounded(mean),
        median: rounded(stats::median(&values).expect("a group has a record")),
        range: Some(
            [f64::total_cmp, |a: &f64, b: &f64| b.total_cmp(a)]
                .map(|order| rounded(values.iter().copied().min_by(order).expect("a group has a record"))),
        ),
        sd: stats::sd(&values).map(rounded),
        ci,
        score: reference.score(mean),
        score_ci,
        score_upper: normalised(mean, reference.random, reference.optimum_upper).filter(|_| bounded),
        regret: rounded(reference.optimum_upper - mean),
        metrics: metrics(records),
        curve: if first.learned { curve(records, reference.random) } else { Vec::new() },
        efficiency: if first.learned { efficiency(records, reference) } else { None },
        runs: records.iter().map(|record| run(record, reference)).collect(),
    })
}

/// The objective at the last evaluation of a trial that came to it.
fn objective(record: &Record) -> Option<f64> {
    let metric = record.outcome.metrics.get(&record.objective)?;
    metric.mean.filter(|mean| mean.is_finite() && record.status == Status::Ok)
}

fn confidence(records: &[&Record], values: &[f64], mean: f64) -> Option<Confidence> {
    let reference_policy = !records[0].learned && values.iter().all(|value| *value == values[0]);
    let (interval, method) = if reference_policy {
        let metric = records[0].outcome.metrics.get(&records[0].objective)?;
        let half_width = 1.96 * metric.se.filter(|se| se.is_finite())?;
        (Interval { low: mean - half_width, high: mean + half_width }, "episodes")
    } else {
        (stats::t_interval(values)?, "t")
    };
    Some(named(interval, method))
}

fn named(interval: Interval, method: &str) -> Confidence {
    Confidence { low: rounded(interval.low), high: rounded(interval.high), method: method.into() }
}

fn metrics(records: &[&Record]) -> BTreeMap<String, Spread> {
    let mut values: BTreeMap<&String, Vec<f64>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.status == Status::Ok) {
        for (name, metric) in &record.outcome.metrics {
            values.entry(name).or_default().extend(metric.mean.filter(|mean| mean.is_finite()));
        }
    }
    let spread =
        |values: &[f64]| Some(Spread { mean: rounded(stats::mean(values)?), sd: stats::sd(values).map(rounded) });
    values.into_iter().filter_map(|(name, values)| Some((name.clone(), spread(&values)?))).collect()
}

fn finite_points(record: &Record) -> impl Iterator<Item = (u64, f64)> {
    record
        .curve
        .iter()
        .filter_map(|point| Some((point.step, point.objective.filter(|objective| objective.is_finite())?)))
}

fn curve(records: &[&Record], floor: f64) -> Vec<CurvePoint> {
    let runs: Vec<(&Status, BTreeMap<u64, f64>)> =
        records.iter().map(|record| (&record.status, finite_points(record).collect())).collect();
    let steps: BTreeSet<u64> = runs.iter().flat_map(|(_, points)| points.keys().copied()).collect();
    let at = |step: u64| {
        let value = |(status, points): &(&Status, BTreeMap<u64, f64>)| {
            let ended = **status != Status::Ok && points.keys().next_back().is_none_or(|last| *last < step);
            points.get(&step).copied().or(ended.then_some(floor))
        };
        let values: Vec<f64> = runs.iter().filter_map(value).collect();
        let ci = stats::t_interval(&values);
        let ci = ci.map(|ci| Interval { low: rounded(ci.low), high: rounded(ci.high) });
        Some(CurvePoint { step, n: values.len(), mean: rounded(stats::mean(&values)?), ci })
    };
    steps.into_iter().filter_map(at).collect()
}

/// How soon the runs learnt, by the steps that any of them was evaluated at.
fn efficiency(records: &[&Record], reference: &Reference) -> Option<Efficiency> {
    let steps: BTreeSet<u64> = records.iter().flat_map(|record| finite_points(record)).map(|(step, _)| step).collect();
    let (mut areas, mut firsts) = (Vec::new(), Vec::new());
    for record in records {
        let points: BTreeMap<u64, f64> = finite_points(record).collect();
        let scores = steps.iter().map(|step| {
            let value = points.get(step).copied().unwrap_or(reference.random);
            Some((*step, reference.score(value)?))
        });
        let scores: Vec<(u64, f64)> = scores.collect::<Option<_>>()?;
        areas.push(stats::mean(&scores.iter().map(|(_, score)| *score).collect::<Vec<_>>())?);
        firsts.extend(scores.iter().find(|(_, score)| *score >= REACHED).map(|(step, _)| *step));
    }
    firsts.sort_unstable();
    let ends = stats::t_interval(&areas);
    let area = Estimate {
        point: stats::mean(&areas)?,
        low: ends.map(|ends| ends.low),
        high: ends.map(|ends| ends.high),
        n: areas.len(),
        method: if ends.is_some() { "t" } else { "none" }.into(),
        resamples: 0,
    };
    // The lower middle of all runs; those that never reached it stand behind the others.
    let median_steps = firsts.get((records.len() - 1) / 2).copied().filter(|_| 2 * firsts.len() > records.len());
    Some(Efficiency { area: area.rounded(), reached: firsts.len(), median_steps })
}

fn run(record: &Record, reference: &Reference) -> Run {
    let value = objective(record);
    let se = record.outcome.metrics.get(&record.objective).and_then(|metric| metric.se);
    Run {
        trial: record.trial.clone(),
        seed: record.seed,
        status: record.status.clone(),
        objective: value,
        se: se.filter(|se| se.is_finite() && value.is_some()),
        score: reference.score(value.unwrap_or(reference.random)),
        curve: finite_points(record).collect(),
        hashes: record.hashes.clone(),
    }
}

fn overall(results: &[Cell], draw: Draw) -> Vec<Overall> {
    let mut agents = learners(results);
    agents.retain(|_, cells| cells.len() >= 2);
    let over_worlds = |(agent, cells): (&str, Vec<&Cell>)| {
        let tasks: Vec<Vec<f64>> = cells.iter().map(|cell| scores(cell)).collect();
        let runs = tasks.iter().map(Vec::len).sum();
        let figures = stats::aggregates(&tasks, stats::stream_of(agent), RESAMPLES, draw)?;
        let [iqm, mean, median, optimality_gap] =
            figures.map(|(point, interval)| Estimate::bootstrap(point, interval, runs, RESAMPLES).rounded());
        let worlds = cells.iter().map(|cell| cell.world.clone()).collect();
        let profile = stats::profile(&tasks, &PROFILE, stats::stream_of(agent), RESAMPLES, draw).into_iter();
        let profile =
            profile.map(|(point, interval)| Estimate::bootstrap(point, interval, runs, RESAMPLES).rounded()).collect();
        Some(Overall { agent: agent.into(), worlds, runs, iqm, mean, median, optimality_gap, profile })
    };
    agents.into_iter().filter_map(over_worlds).collect()
}

/// Learned agents with their scored cells, by name.
fn learners(results: &[Cell]) -> BTreeMap<&str, Vec<&Cell>> {
    let mut agents: BTreeMap<&str, Vec<&Cell>> = BTreeMap::new();
    for cell in results.iter().filter(|cell| cell.learned && cell.score.is_some()) {
        agents.entry(&cell.agent).or_default().push(cell);
    }
    agents
}

/// Normalised scores of the runs, those that diverged or failed among them with 0.
fn scores(cell: &Cell) -> Vec<f64> {
    cell.runs.iter().filter_map(|run| run.score).collect()
}

fn improvement(results: &[Cell], draw: Draw) -> Vec<Pair> {
    let agents: Vec<(&str, Vec<&Cell>)> = learners(results).into_iter().collect();
    let mut pairs = Vec::new();
    for (at, (x, of_x)) in agents.iter().enumerate() {
        for (y, of_y) in &agents[at + 1..] {
            let worlds = |cells: &[&Cell]| cells.iter().map(|cell| cell.world.clone()).collect::<Vec<_>>();
            if of_x.len() < 2 || worlds(of_x) != worlds(of_y) {
                continue;
            }
            let tasks = |cells: &[&Cell]| cells.iter().map(|cell| scores(cell)).collect::<Vec<_>>();
            let (of_x, of_y) = (tasks(of_x), tasks(of_y));
            let n = of_x.iter().chain(&of_y).map(Vec::len).sum();
            pairs.extend(Improvement::new(&of_x, &of_y).map(|between| {
                let interval = between.interval([stats::stream_of(x), stats::stream_of(y)], RESAMPLES, draw);
                let estimate = Estimate::bootstrap(between.probability(), interval, n, RESAMPLES).rounded();
                Pair { x: (*x).into(), y: (*y).into(), estimate }
            }));
        }
    }
    pairs
}

/// Runs of the same seed meet the same evaluation episodes, so they are pairs where both agents have the same seeds.
fn tests(worlds: &[World], results: &[Cell], draw: Draw) -> Vec<Tests> {
    let mut tests = Vec::new();
    for world in worlds {
        let here = |cell: &&Cell| cell.world == world.label && cell.learned && cell.score.is_some();
        let cells: Vec<&Cell> = results.iter().filter(here).collect();
        for (at, x) in cells.iter().enumerate() {
            for y in &cells[at + 1..] {
                let seeds = |cell: &Cell| cell.runs.iter().map(|run| run.seed).collect::<Vec<_>>();
                let paired = seeds(x) == seeds(y);
                let (of_x, of_y) = (scores(x), scores(y));
                tests.push(Tests::of([&x.agent, &y.agent], &world.label, [&of_x, &of_y], paired, None, draw));
            }
        }
    }
    comparison::adjust(&mut tests);
    let value = serde_json::to_value(tests).expect("tests have string keys only");
    serde_json::from_value(number::rounded_json(value)).expect("tests were written a moment ago")
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

fn cell_time(world: &World, records: &[&Record]) -> CellTime {
    let updates: Vec<f64> = records.iter().filter_map(|record| record.time.updates_per_s).collect();
    let memory = records.iter().filter_map(|record| record.time.peak_memory_mb);
    CellTime {
        world: world.label.clone(),
        agent: records[0].agent.clone(),
        wall_s: rounded(records.iter().map(|record| record.time.wall_s).sum()),
        updates_per_s: stats::mean(&updates).map(rounded),
        peak_memory_mb: memory.max_by(f64::total_cmp),
        jobs: records.iter().map(|record| record.time.jobs).max().unwrap_or(0),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn cell<'a>(summary: &'a Summary, env: &str, agent: &str) -> &'a Cell {
        summary.results.iter().find(|cell| cell.env == env && cell.agent == agent).expect("the sample has this cell")
    }

    fn assert_close(found: f64, expected: f64) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} is not {expected}");
    }

    /// Mean, spread, score and regret of one cell, from the definition and from the records alone.
    #[test]
    fn figures_follow_their_definitions() {
        let summary = sample::summary();
        let env = "rec/markov-interest-v1";
        let values: Vec<f64> = sample::records()
            .iter()
            .filter(|record| record.env == env && record.agent == "dqn")
            .map(|record| record.outcome.metrics["discounted_return"].mean.unwrap())
            .collect();
        let mean = values.iter().sum::<f64>() / 5.0;
        let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 4.0;
        let dqn = cell(&summary, env, "dqn");
        assert_eq!((dqn.n, dqn.diverged, dqn.failed), (5, 0, 0));
        assert_close(dqn.mean, mean);
        assert_close(dqn.sd.unwrap(), variance.sqrt());
        assert_close(dqn.score.unwrap(), (mean - 3.08) / (7.104 - 3.08));
        assert_close(dqn.regret, 7.104 - mean);
        let ci = dqn.ci.as_ref().unwrap();
        // scipy.stats.t.ppf(0.975, 4) = 2.7764451051977934
        assert_close(ci.high - ci.low, 2.0 * 2.776_445_105_197_793_4 * (variance / 5.0).sqrt());
        assert_eq!(ci.method, "t");
    }

    /// A diverged seed stays in the denominator with the random policy's value, keeps its status, and the curve goes
    /// on counting it after its end.
    #[test]
    fn a_diverged_trial_counts_as_random() {
        let summary = sample::summary();
        let dqn = cell(&summary, "pricing/yogurt-v1", "dqn");
        assert_eq!((dqn.n, dqn.diverged), (5, 1));
        let finished: f64 = dqn.runs.iter().filter_map(|run| run.objective).sum();
        assert_close(dqn.mean, (finished + 101.25) / 5.0);
        assert_eq!((dqn.runs[3].objective, dqn.runs[3].score), (None, Some(0.0)));
        assert!(matches!(&dqn.runs[3].status, Status::Diverged { message } if message.contains("NaN")));
        let last = dqn.curve.last().unwrap();
        assert_eq!(last.n, 5);
        assert_close(last.mean, dqn.mean);
        assert_eq!(dqn.metrics["length"], Spread { mean: 40.0, sd: Some(0.0) });
    }

    /// Where the optimum is only bounded, the score against the upper bound and the regret are the cautious ones.
    #[test]
    fn a_bounded_optimum_gives_both_scores() {
        let summary = sample::summary();
        let rainbow = cell(&summary, "rec/markov-interest-matrix-v1", "rainbow-lite");
        assert_close(rainbow.score.unwrap(), (rainbow.mean - 3.9) / (5.255 - 3.9));
        assert_close(rainbow.score_upper.unwrap(), (rainbow.mean - 3.9) / (5.931 - 3.9));
        assert_close(rainbow.regret, 5.931 - rainbow.mean);
        assert_eq!(cell(&summary, "rec/markov-interest-v1", "dqn").score_upper, None);
    }

    /// A reference policy has one evaluation and no spread over seeds; its interval says that it is over episodes.
    #[test]
    fn a_reference_policy_has_an_interval_over_episodes() {
        let summary = sample::summary();
        let myopic = cell(&summary, "rec/markov-interest-v1", "myopic");
        let ci = myopic.ci.as_ref().unwrap();
        assert_eq!((myopic.n, myopic.sd, ci.method.as_str()), (1, None, "episodes"));
        assert_close(ci.high - ci.low, 2.0 * 1.96 * 0.01 * (7.104 - 3.08));
    }

    /// One seed of a learned agent gives no interval at all.
    #[test]
    fn one_seed_has_no_interval() {
        let records = sample::records();
        let one: Vec<Record> = records.into_iter().filter(|record| record.learned && record.seed == 0).collect();
        let summary = summarise("t", "c", &one, &sample::draw).unwrap();
        assert!(summary.results.iter().all(|cell| cell.ci.is_none() && cell.score_ci.is_none()));
        assert!(summary.overall.iter().all(|overall| overall.iqm.low.is_none()));
    }

    /// The id reads every figure, and no clock; the order of the lines changes nothing.
    #[test]
    fn the_id_depends_on_the_figures_alone() {
        let mut records = sample::records();
        let id = sample::summary().id;
        records.reverse();
        records[0].time.wall_s += 1.0;
        assert_eq!(summarise("Sample", "mercato run sample", &records, &sample::draw).unwrap().id, id);
        records[0].outcome.metrics.get_mut("length").unwrap().mean = Some(41.0);
        assert_ne!(summarise("Sample", "mercato run sample", &records, &sample::draw).unwrap().id, id);
    }

    /// Two parameter sets of one id are two worlds, told apart by what differs: their scores must never mix.
    #[test]
    fn parameters_tell_worlds_of_one_id_apart() {
        let mut records: Vec<Record> =
            sample::records().into_iter().filter(|record| record.env == "pricing/yogurt-v1").collect();
        let mut grid = records.clone();
        for record in &mut grid {
            record.env_params["actions"] = "grid".into();
            record.reference.optimum_lower = 400.0;
            record.reference.optimum_upper = 400.0;
        }
        records.extend(grid);
        let summary = summarise("t", "c", &records, &sample::draw).unwrap();
        let labels: Vec<&str> = summary.worlds.iter().map(|world| world.label.as_str()).collect();
        assert_eq!(labels, ["pricing/yogurt-v1 (actions=grid)", "pricing/yogurt-v1 (actions=default)"]);
    }

    /// What cannot be averaged is an error that names both trials.
    #[test]
    fn mixed_and_doubled_trials_are_refused() {
        let whole = sample::records();
        let refused = |records: &[Record]| summarise("t", "c", records, &sample::draw).unwrap_err();
        assert_eq!(refused(&[]), SummaryError::Empty);
        let mut records = whole.clone();
        records.push(whole[4].clone());
        assert!(matches!(refused(&records), SummaryError::Duplicate { .. }));
        let mut records = whole.clone();
        records[4].agent_config["lr"] = 0.5.into();
        assert!(matches!(refused(&records), SummaryError::Mixed { field: "agent_config", .. }));
        let mut records = whole;
        records[4].reference.random = 0.0;
        assert!(matches!(refused(&records), SummaryError::Mixed { field: "reference", .. }));
    }

    /// By hand: a run that is late and one that breaks off. Of three runs that first reach 0.9 after 10, 20 and never, the
    /// median is 20; of two with one that never does there is none.
    #[test]
    fn runs_that_never_arrive_stay_in_the_median() {
        let runs = |curves: &[&[(u64, f64)]]| {
            let template = sample::records().into_iter().find(|record| record.agent == "dqn").unwrap();
            let (random, optimum) = (template.reference.random, template.reference.optimum_lower);
            let run = |(seed, curve): (u64, &&[(u64, f64)])| {
                let objective = |score: f64| Some(random + score * (optimum - random));
                let point = |&(step, score): &(u64, f64)| crate::record::Point {
                    step,
                    episodes: step,
                    objective: objective(score),
                    se: None,
                };
                Record { seed, trial: seed.to_string(), curve: curve.iter().map(point).collect(), ..template.clone() }
            };
            let records: Vec<Record> = (0..).zip(curves).map(run).collect();
            let summary = summarise("t", "c", &records, &sample::draw).unwrap();
            summary.results[0].efficiency.clone().unwrap()
        };
        let three = runs(&[&[(10, 0.95), (20, 1.0)], &[(10, 0.0), (20, 0.91)], &[(10, 0.5)]]);
        assert_eq!((three.reached, three.median_steps, three.area.n), (2, Some(20), 3));
        assert_close(three.area.point, (0.975 + 0.455 + 0.25) / 3.0);
        let two = runs(&[&[(10, 0.95)], &[(10, 0.5)]]);
        assert_eq!((two.reached, two.median_steps), (1, None));
    }

    /// Runs are pooled over worlds: 15 scores, 3 cut at each end.
    #[test]
    fn overall_pools_the_runs_of_all_worlds() {
        let summary = sample::summary();
        let dqn = summary.overall.iter().find(|overall| overall.agent == "dqn").unwrap();
        let cells = summary.results.iter().filter(|cell| cell.agent == "dqn");
        let mut scores: Vec<f64> = cells.flat_map(|cell| cell.runs.iter().filter_map(|run| run.score)).collect();
        scores.sort_by(f64::total_cmp);
        assert_eq!((dqn.runs, dqn.worlds.len()), (15, 3));
        assert_close(dqn.iqm.point, scores[3..12].iter().sum::<f64>() / 9.0);
        assert!(dqn.iqm.low.unwrap() <= dqn.iqm.point && dqn.iqm.point <= dqn.iqm.high.unwrap());
        assert!(summary.overall.iter().all(|overall| overall.agent != "price_grid"), "one world is no aggregate");
    }

    /// Tests stand on normalised scores with the failed runs in, Holm's family is the whole report, and pairs are made
    /// where both agents have the same seeds.
    #[test]
    fn every_pair_in_every_world_is_tested() {
        let summary = sample::summary();
        // 3 pairs in each of the two worlds with three learners, 1 in that with two.
        assert_eq!(summary.tests.len(), 7);
        let yogurt = summary.tests.iter().find(|tests| tests.task == "pricing/yogurt-v1").unwrap();
        assert_eq!((yogurt.x.as_str(), yogurt.y.as_str(), yogurt.n), ("dqn", "price_grid", [5, 5]));
        let welch = yogurt.welch.as_ref().unwrap();
        let mean = |agent| cell(&summary, "pricing/yogurt-v1", agent).score.unwrap();
        assert_close(welch.test.difference, mean("dqn") - mean("price_grid"));
        assert_eq!(welch.family, 7);
        assert!(yogurt.paired_t.is_some() && yogurt.sign_flip.as_ref().unwrap().test.exact);
        assert_eq!(summary.improvement.len(), 1, "of the pairs only article and rainbow-lite share all their worlds");
    }

    /// What lost to a simple policy, diverged or could not be told apart is said in sentences.
    #[test]
    fn negative_results_are_named() {
        let negative = sample::summary().negative.join("\n");
        for sentence in [
            "`dqn` in `pricing/yogurt-v1`: 1 of 5 runs diverged.",
            "`article` in `rec/markov-interest-matrix-v1`: 1 of 5 runs failed.",
            "`dqn` in `pricing/yogurt-v1` is not shown to beat the myopic policy.",
        ] {
            assert!(negative.contains(sentence), "{negative}");
        }
    }

    /// `report.json` holds the whole summary.
    #[test]
    fn a_summary_survives_its_own_text() {
        let summary = sample::summary();
        assert_eq!(serde_json::from_str::<Summary>(&summary.to_json()).unwrap(), summary);
    }
}
