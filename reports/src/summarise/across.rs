//! Learned agents against each other: over several worlds, and in each.

use std::collections::BTreeMap;

use super::RESAMPLES;
use crate::comparison::{self, Pair, Tests};
use crate::number;
use crate::stats::{self, Draw, Estimate, Improvement};
use crate::summary::*;

pub(super) fn overall(results: &[Cell], draw: Draw) -> Vec<Overall> {
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

pub(super) fn improvement(results: &[Cell], draw: Draw) -> Vec<Pair> {
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
pub(super) fn tests(worlds: &[World], results: &[Cell], draw: Draw) -> Vec<Tests> {
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
