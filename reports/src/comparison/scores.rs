//! Scores as they are read: run by run, at one or more points of the learning curve. A run without a score somewhere
//! stays in the denominator there: it counts with the floor, or the table is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use crate::columns::{Rows, TableError};
use crate::names::Names;

/// Scores of algorithms on tasks, run by run, at one or more points of the learning curve.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    pub(super) algorithms: Vec<String>,
    pub(super) tasks: Vec<String>,
    runs: Vec<String>,
    /// Evaluation points, rising; one unnamed point without the column.
    pub(super) points: Vec<f64>,
    /// (algorithm, task, point) to the scores there, by number of the run: the order of their first appearance.
    cells: BTreeMap<(u32, u32, u32), Vec<Score>>,
    /// (algorithm, task, run) without a score at one point or more.
    floored: BTreeSet<(u32, u32, u32)>,
}

/// The score of a run at one point. With a line of 32 bits it takes as much memory as without.
#[derive(Debug, Clone, Copy)]
pub(super) struct Score {
    pub(super) run: u32,
    /// Where it was read; 0 for a floor that no line gave.
    line: u32,
    pub(super) value: f64,
}

/// Lines of a table; of empty lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of algorithms.
    pub algorithms: Vec<String>,
    /// Names of tasks.
    pub tasks: Vec<String>,
}

impl Selection {
    /// Refuses a selected name that the table lacks.
    fn found_in(&self, scores: &Scores) -> Result<(), TableError> {
        for (kind, chosen, known) in
            [("algorithm", &self.algorithms, &scores.algorithms), ("task", &self.tasks, &scores.tasks)]
        {
            if let Some(name) = chosen.iter().find(|name| !known.contains(name)) {
                return Err(TableError::Content(format!("the selection has no line of {kind} {name}")));
            }
        }
        Ok(())
    }
}

impl Scores {
    /// Number of scores; at least one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.cells.values().map(Vec::len).sum()
    }

    /// Reads a table with the columns `algorithm`, `run`, `task`, `score` and, for learning curves, `eval_point`. A
    /// score that is empty, `nan`, `failed` or `diverged` counts as `floor`, and so does one that is missing at a point
    /// where other runs of the algorithm on the task have theirs; without a floor both are errors.
    ///
    /// # Errors
    /// [`TableError`], with the line; also for a run that stands twice.
    pub fn read_csv(source: impl BufRead, floor: Option<f64>) -> Result<Self, TableError> {
        Self::read_some(source, floor, &Selection::default())
    }

    /// Reads as [`read_csv`](Scores::read_csv) does the lines of a selection.
    ///
    /// # Errors
    /// As [`read_csv`](Scores::read_csv), and for a selected name that the table lacks.
    pub fn read_some(source: impl BufRead, floor: Option<f64>, selection: &Selection) -> Result<Self, TableError> {
        if let Some(floor) = floor.filter(|floor| !floor.is_finite()) {
            return Err(TableError::Content(format!("the floor {floor} is no score; give a finite number")));
        }
        let mut rows = Rows::new(source)?;
        let [algorithm, run, task, score] = ["algorithm", "run", "task", "score"].map(|name| rows.column(name));
        let (algorithm, run, task, score) = (algorithm?, run?, task?, score?);
        let point = rows.find("eval_point");
        let mut scores = Scores::default();
        let (mut algorithms, mut tasks, mut runs) = (Names::default(), Names::default(), Names::default());
        let mut points = BTreeMap::new();
        let chosen = |names: &[String], name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
        while rows.advance()? {
            if !chosen(&selection.algorithms, rows.text(algorithm)) || !chosen(&selection.tasks, rows.text(task)) {
                continue;
            }
            if rows.text(algorithm).trim().is_empty() {
                return Err(rows.wrong(algorithm, "is no name; say which algorithm the score is of"));
            }
            let point = point.map_or(Ok(0.0), |column| rows.number(column))? + 0.0; // no -0 beside 0
            let point = *points.entry(point.to_bits()).or_insert_with(|| {
                scores.points.push(point);
                scores.points.len() as u32 - 1
            });
            let (algorithm, task) = (algorithms.number(rows.text(algorithm)), tasks.number(rows.text(task)));
            let run = runs.number(rows.text(run));
            let text = rows.text(score).trim().to_ascii_lowercase();
            let value = if ["", "nan", "failed", "diverged"].contains(&text.as_str()) {
                scores.floored.insert((algorithm, task, run));
                let remedy = "is no score; a failed run counts too: give its score with --floor";
                floor.ok_or_else(|| rows.wrong(score, remedy))?
            } else {
                rows.number(score)?
            };
            let line = u32::try_from(rows.line()).map_err(|_| TableError::Line {
                line: rows.line(),
                problem: format!("tables are read to line {}; split it, or leave evaluation points out", u32::MAX),
            })?;
            scores.cells.entry((algorithm, task, point)).or_default().push(Score { run, line, value });
        }
        (scores.algorithms, scores.tasks, scores.runs) = (algorithms.list(), tasks.list(), runs.list());
        selection.found_in(&scores)?;
        if scores.cells.is_empty() {
            return Err(TableError::Empty);
        }
        scores.sort()?;
        scores.compared_on_the_same_tasks()?;
        scores.complete(floor)?;
        Ok(scores)
    }

    /// Sorts points and runs, and checks that no run stands twice.
    fn sort(&mut self) -> Result<(), TableError> {
        let mut order: Vec<u32> = (0..self.points.len() as u32).collect();
        order.sort_by(|a, b| self.points[*a as usize].total_cmp(&self.points[*b as usize]));
        let mut places = vec![0; order.len()];
        (0..).zip(&order).for_each(|(place, old)| places[*old as usize] = place);
        let cells = std::mem::take(&mut self.cells).into_iter();
        self.cells = cells.map(|((a, t, point), cell)| ((a, t, places[point as usize]), cell)).collect();
        self.points.sort_by(f64::total_cmp);
        let mut twice: Option<((u32, u32, u32), [Score; 2])> = None;
        for (key, cell) in &mut self.cells {
            cell.sort_by_key(|score| (score.run, score.line));
            for pair in cell.windows(2).filter(|pair| pair[0].run == pair[1].run) {
                if twice.is_none_or(|(_, first)| pair[1].line < first[1].line) {
                    twice = Some((*key, [pair[0], pair[1]]));
                }
            }
        }
        let Some(((algorithm, task, point), [first, second])) = twice else { return Ok(()) };
        let problem = format!(
            "{}{} stands twice, first in line {}; give each run a name of its own",
            self.named(algorithm, task, second.run),
            self.at(point),
            first.line
        );
        Err(TableError::Line { line: second.line.into(), problem })
    }

    /// Checks that every algorithm has runs of every task at every point.
    fn compared_on_the_same_tasks(&self) -> Result<(), TableError> {
        for (a, algorithm) in (0..).zip(&self.algorithms) {
            for (t, task) in (0..).zip(&self.tasks) {
                let missing = (0..self.points.len() as u32).find(|point| !self.cells.contains_key(&(a, t, *point)));
                if let Some(point) = missing {
                    return Err(TableError::Content(format!(
                        "{algorithm} has no runs on {task}{}; algorithms are compared on the same tasks: add the runs, \
                         or leave one of the two out (--algorithm, --task)",
                        self.at(point)
                    )));
                }
            }
        }
        Ok(())
    }

    /// Gives the floor to runs at points where they have no line and others of their algorithm on their task do: a run
    /// that ended early would otherwise leave the mean better off.
    fn complete(&mut self, floor: Option<f64>) -> Result<(), TableError> {
        let mut all: BTreeMap<(u32, u32), Vec<u32>> = BTreeMap::new();
        for ((algorithm, task, _), cell) in &self.cells {
            let runs = all.entry((*algorithm, *task)).or_default();
            if !cell.iter().map(|score| score.run).eq(runs.iter().copied()) {
                runs.extend(cell.iter().map(|score| score.run));
                runs.sort_unstable();
                runs.dedup();
            }
        }
        let mut refused = None;
        for ((algorithm, task, point), cell) in &mut self.cells {
            let runs = &all[&(*algorithm, *task)];
            if runs.len() == cell.len() {
                continue;
            }
            let lacks = |run: &&u32| cell.binary_search_by_key(*run, |score| score.run).is_err();
            let missing: Vec<u32> = runs.iter().filter(lacks).copied().collect();
            let Some(value) = floor else {
                refused = Some((*algorithm, *task, missing[0], *point));
                break;
            };
            cell.extend(missing.iter().map(|run| Score { run: *run, line: 0, value }));
            cell.sort_by_key(|score| score.run);
            self.floored.extend(missing.iter().map(|run| (*algorithm, *task, *run)));
        }
        let Some((algorithm, task, run, point)) = refused else { return Ok(()) };
        Err(TableError::Content(format!(
            "{} has no score{}, where other runs of {} have one; a run that ended early counts too: give its score from \
             then on with --floor, or add the missing lines",
            self.named(algorithm, task, run),
            self.at(point),
            self.algorithms[algorithm as usize]
        )))
    }

    fn named(&self, algorithm: u32, task: u32, run: u32) -> String {
        let [algorithm, task, run] = [(&self.algorithms, algorithm), (&self.tasks, task), (&self.runs, run)]
            .map(|(names, number)| &names[number as usize]);
        format!("run {run} of {algorithm} on {task}")
    }

    /// The point in words, where there is more than one.
    fn at(&self, point: u32) -> String {
        if self.points.len() > 1 { format!(" at eval_point {}", self.points[point as usize]) } else { String::new() }
    }

    /// Scores of one algorithm at one point, task by task, runs in the order of their first appearance.
    pub(super) fn tasks_of(&self, algorithm: usize, point: usize) -> Vec<Vec<f64>> {
        let cell = |task: usize| self.cell(algorithm, task, point).iter().map(|score| score.value).collect();
        (0..self.tasks.len()).map(cell).collect()
    }

    pub(super) fn cell(&self, algorithm: usize, task: usize, point: usize) -> &[Score] {
        self.cells.get(&(algorithm as u32, task as u32, point as u32)).map_or(&[], Vec::as_slice)
    }

    /// Runs of an algorithm, task by task, that count with the floor at one point or more.
    pub(super) fn failed(&self, algorithm: usize) -> usize {
        self.floored.iter().filter(|(of, _, _)| *of as usize == algorithm).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Scores::read_csv(text.as_bytes(), None).unwrap_err().to_string()
    }

    const HEADER: &str = "algorithm,run,task,score\n";

    /// Tables that cannot be compared are refused with their reason.
    #[test]
    fn unusable_tables_are_refused() {
        assert_eq!(message("algorithm,run,task\n"), "no column `score`; the header has: algorithm, run, task");
        assert_eq!(message(HEADER), "the table has no lines below its header");
        assert_eq!(message(&format!("{HEADER}a,0,t,many\n")), "line 2, column `score`: `many` is not a finite number");
        assert!(message(&format!("{HEADER}a,0,t,1\nb,0,u,1\n")).starts_with("a has no runs on u;"));
        assert_eq!(
            message(&format!("{HEADER}a,0,t,1\n ,0,t,1\n")),
            "line 3, column `algorithm`: ` ` is no name; say which algorithm the score is of"
        );
        for floor in [f64::NAN, f64::INFINITY] {
            let refused = Scores::read_csv(HEADER.as_bytes(), Some(floor)).unwrap_err().to_string();
            assert_eq!(refused, format!("the floor {floor} is no score; give a finite number"));
        }
    }

    /// Of runs that stand twice the first second line is named, whatever algorithm comes first.
    #[test]
    fn runs_that_stand_twice_are_named_with_their_lines() {
        assert_eq!(
            message(&format!("{HEADER}b,3,t,1\na,0,t,1\n\na,0,t,2\nb,3,t,1\n")),
            "line 5: run 0 of a on t stands twice, first in line 3; give each run a name of its own"
        );
        let curve = "eval_point,algorithm,run,task,score\n20,a,0,t,1\n10,a,0,t,1\n10,a,0,t,1\n";
        assert!(message(curve).starts_with("line 4: run 0 of a on t at eval_point 10 stands twice, first in line 3;"));
    }

    /// A run that ended early stays in the denominator at the later points, and is counted once, however many lines it
    /// lacks; without a floor it is named.
    #[test]
    fn runs_that_ended_early_have_the_floor() {
        let text = "algorithm,run,task,eval_point,score\n\
                    a,x,t,0,1\na,y,t,0,2\na,x,t,10,3\na,x,t,20,4\na,z,t,0,1\na,z,t,10,failed\na,z,t,20,\n";
        let scores = Scores::read_csv(text.as_bytes(), Some(-1.0)).unwrap();
        let found: Vec<Vec<f64>> = (0..3).map(|point| scores.tasks_of(0, point).remove(0)).collect();
        assert_eq!(found, [[1.0, 2.0, 1.0], [3.0, -1.0, -1.0], [4.0, -1.0, -1.0]]);
        assert_eq!(scores.failed(0), 2);
        let whole: String = text.lines().filter(|line| !line.contains(",z,")).map(|line| format!("{line}\n")).collect();
        assert_eq!(
            message(&whole),
            "run y of a on t has no score at eval_point 10, where other runs of a have one; a run that ended early counts \
             too: give its score from then on with --floor, or add the missing lines"
        );
    }
}
