//! One agent in one world: its runs, their mean with an interval, its curve, its clock.

use std::collections::{BTreeMap, BTreeSet};

use super::{SummaryError, alike, normalised};
use crate::record::{Asked, Record, Reference, Status};
use crate::stats::{self, Estimate, Interval, rounded};
use crate::summary::*;

pub(super) fn cell(world: &World, records: &[&Record]) -> Result<Cell, SummaryError> {
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
    let values: Vec<f64> = records.iter().map(|record| record.result().unwrap_or(reference.random)).collect();
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
        asked: asked(records),
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

/// The most that any of the records says, because an experiment may have been cut down between two of them.
fn asked(records: &[&Record]) -> Option<Asked> {
    let told: Option<Vec<Asked>> = records.iter().map(|record| record.asked).collect();
    told?.into_iter().reduce(|most, asked| Asked {
        budget: most.budget.max(asked.budget),
        seeds: most.seeds.max(asked.seeds),
        episodes: most.episodes.max(asked.episodes),
    })
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
    let value = record.result();
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

pub(super) fn cell_time(world: &World, records: &[&Record]) -> CellTime {
    let updates: Vec<f64> = records.iter().filter_map(|record| record.time.updates_per_s).collect();
    let memory = records.iter().filter_map(|record| record.time.peak_memory_mb);
    CellTime {
        world: world.label.clone(),
        agent: records[0].agent.clone(),
        wall_s: rounded(records.iter().map(|record| record.time.wall_s).sum()),
        updates_per_s: stats::mean(&updates).map(rounded),
        peak_memory_mb: memory.max_by(f64::total_cmp),
        jobs: records.iter().map(|record| record.time.jobs).max().unwrap_or(0),
        runs_wall_s: records.iter().map(|record| rounded(record.time.wall_s)).collect(),
    }
}
