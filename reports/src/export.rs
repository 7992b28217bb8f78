//! Figures as comma-separated tables, for other programs. Both have the columns that `mercato stats` reads; a run that
//! diverged or failed has its floor as score, the value of the random policy, which is 0.

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

/// A line for each evaluation of each run of a learned agent.
pub fn curves(summary: &Summary) -> String {
    let mut text = String::from("algorithm,run,task,eval_point,score,objective\n");
    for (cell, world) in cells(summary) {
        for run in cell.runs.iter().filter(|_| cell.learned) {
            for (step, objective) in &run.curve {
                let score = world.reference.score(*objective);
                let fields = [
                    quoted(&cell.agent),
                    run.seed.to_string(),
                    quoted(&cell.world),
                    step.to_string(),
                    number(score),
                    number(Some(*objective)),
                ];
                text += &(fields.join(",") + "\n");
            }
        }
    }
    text
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
        let complete = summary.results.iter().filter(|cell| cell.learned && cell.diverged + cell.failed == 0);
        let lines: usize = complete.flat_map(|cell| &cell.runs).map(|run| run.curve.len()).sum();
        assert!(lines > 0 && curves(&summary).lines().count() > lines);
    }

    #[test]
    fn commas_and_quotation_marks_are_quoted() {
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
