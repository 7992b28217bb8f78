//! Figures as comma-separated tables, for other programs. Both have the columns that `mercato stats` reads; a run that
//! diverged or failed has its floor as score, that of the random policy, which is 0: as its result, and at each point of
//! the learning curve after its last one.

use std::collections::BTreeSet;

use crate::record::Status;
use crate::summary::{Cell, Summary};

/// A line for each run.
pub fn runs(summary: &Summary) -> String {
    let mut text = String::from("algorithm,run,task,score,objective,regret,status,steps,trial\n");
    for (cell, world) in cells(summary) {
        for run in &cell.runs {
            let regret = run.objective.map(|value| world.reference.optimum_upper - value);
            let status = match run.status {
                Status::Ok => "ok",
                Status::Diverged { .. } => "diverged",
                Status::Failed { .. } => "failed",
            };
            let fields = [
                quoted(&cell.agent),
                run.seed.to_string(),
                quoted(&cell.world),
                number(run.score),
                number(run.objective),
                number(regret),
                status.into(),
                cell.budget.to_string(),
                run.trial.clone(),
            ];
            text += &(fields.join(",") + "\n");
        }
    }
    text
}

/// A line for each run of a learned agent at each point of its learning curve.
pub fn curves(summary: &Summary) -> String {
    let mut text = String::from("algorithm,run,task,eval_point,score,objective\n");
    for (cell, world) in cells(summary).filter(|(cell, _)| cell.learned) {
        let steps = planned(summary, cell);
        let floor = world.reference.score(world.reference.random);
        for run in &cell.runs {
            let mut line = |step: u64, score: Option<f64>, objective: Option<f64>| {
                let fields = [
                    quoted(&cell.agent),
                    run.seed.to_string(),
                    quoted(&cell.world),
                    step.to_string(),
                    number(score),
                    number(objective),
                ];
                text += &(fields.join(",") + "\n");
            };
            for (step, objective) in &run.curve {
                line(*step, world.reference.score(*objective), Some(*objective));
            }
            let last = run.curve.last().map(|(step, _)| *step);
            for step in steps.iter().filter(|step| run.status != Status::Ok && last.is_none_or(|last| last < **step)) {
                line(*step, floor, None);
            }
        }
    }
    text
}

/// The points at which runs of a cell are evaluated if they last: those of all runs in its world that were planned alike,
/// since all runs of the cell itself may have ended early.
fn planned(summary: &Summary, cell: &Cell) -> BTreeSet<u64> {
    let alike = |other: &&Cell| {
        other.learned && (&other.world, other.budget, &other.evaluation) == (&cell.world, cell.budget, &cell.evaluation)
    };
    let runs = summary.results.iter().filter(alike).flat_map(|cell| &cell.runs);
    runs.flat_map(|run| &run.curve).map(|(step, _)| *step).collect()
}

fn cells(summary: &Summary) -> impl Iterator<Item = (&Cell, &crate::summary::World)> {
    let world = |cell: &Cell| summary.worlds.iter().find(|world| world.label == cell.world);
    summary.results.iter().filter_map(move |cell| Some((cell, world(cell)?)))
}

/// A number in full, nothing where there is none.
fn number(value: Option<f64>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// A field in quotation marks where it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::{Options, Scores, Selection};
    use crate::sample;

    /// `mercato stats` reads both, and its means are those of the report, ended runs among them.
    #[test]
    fn stats_reads_what_is_exported() {
        let summary = sample::summary();
        let options = Options { resamples: 50, seed: 0, paired: false, margin: None };
        let selection = Selection { algorithms: vec!["dqn".into()], tasks: vec![] };
        let scores = Scores::read_some(runs(&summary).as_bytes(), Some(0.0), &selection).unwrap();
        let found = scores.compare(&options, &sample::draw).unwrap();
        let cell = summary.results.iter().find(|cell| cell.agent == "dqn" && cell.diverged > 0).unwrap();
        let task = &found.algorithms["dqn"].tasks[&cell.world];
        assert_eq!(task.n, 5);
        assert!((task.mean - cell.score.unwrap()).abs() < 1e-9, "{} {:?}", task.mean, cell.score);
    }

    /// Runs that diverged or failed stay on the curve to its end, with the floor and no objective: every run of an agent
    /// has a line at every point, and `mercato stats` finds at the last one the runs that ended.
    #[test]
    fn ended_runs_stay_on_the_curve() {
        let summary = sample::summary();
        let table = curves(&summary);
        let yogurt: Vec<&str> = table.lines().filter(|line| line.starts_with("dqn,3,pricing/yogurt-v1,")).collect();
        assert_eq!(yogurt.len(), 21);
        assert!(!yogurt[8].ends_with(",0,") && yogurt[9..].iter().all(|line| line.ends_with(",0,")), "{yogurt:?}");
        assert_eq!(yogurt[20], "dqn,3,pricing/yogurt-v1,30000,0,");
        let failed = table.lines().filter(|line| line.starts_with("article,4,rec/markov-interest-matrix-v1,"));
        assert_eq!(failed.filter(|line| line.ends_with(",0,")).count(), 21);
        let runs: usize = summary.results.iter().filter(|cell| cell.learned).map(|cell| cell.runs.len()).sum();
        assert_eq!(table.lines().count(), 1 + 21 * runs);
        let selection = Selection { algorithms: vec!["dqn".into()], tasks: vec!["pricing/yogurt-v1".into()] };
        let scores = Scores::read_some(table.as_bytes(), None, &selection).unwrap();
        let options = Options { resamples: 10, seed: 0, paired: false, margin: None };
        let found = scores.compare(&options, &sample::draw).unwrap();
        let last = found.curves["dqn"].last().unwrap();
        let cell = summary.results.iter().find(|cell| cell.agent == "dqn" && cell.diverged > 0).unwrap();
        assert_eq!(last.mean.n, 5);
        assert!((last.mean.point - cell.score.unwrap()).abs() < 1e-9, "{last:?} {:?}", cell.score);
    }

    /// Where all runs of an agent ended early, the points of the others in the world say where they would have been.
    #[test]
    fn an_agent_that_always_ends_early_stays_on_the_curve() {
        let mut records = sample::records();
        for record in records.iter_mut().filter(|record| record.agent == "article") {
            record.curve.truncate(3);
            record.outcome.metrics.clear();
            record.status = Status::Diverged { message: "NaN".into() };
        }
        let table = curves(&crate::summarise("t", "c", &records, &sample::draw).unwrap());
        assert_eq!(table.lines().filter(|line| line.starts_with("article,0,rec/markov-interest-v1,")).count(), 21);
    }

    #[test]
    fn commas_and_quotation_marks_are_quoted() {
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
