//! Anybody's scores compared: the figures of `mercato stats`.

use std::collections::BTreeMap;
use std::io::BufRead;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns::{Rows, TableError};
use crate::stats::{self, Draw, Equivalence, Estimate, Improvement, Interval, MannWhitney, Permutation, Test};

/// Number of the layout of [`Comparison`].
pub const SCHEMA: u32 = 1;

/// Thresholds of the performance profiles.
const THRESHOLDS: u32 = 41;

/// Scores of algorithms on tasks, run by run, at one or more points of the learning curve.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    algorithms: Names,
    tasks: Names,
    runs: Names,
    /// Evaluation points in rising order of reading; one unnamed point without the column.
    points: Vec<f64>,
    /// (algorithm, task, point) to (run, score) in order of reading.
    cells: BTreeMap<(u32, u32, u32), Vec<(u32, f64)>>,
    /// Runs without a score, by algorithm: they count with the floor.
    failed: BTreeMap<u32, usize>,
}

/// Names and their numbers, in order of first appearance.
#[derive(Debug, Clone, Default)]
struct Names {
    list: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        match self.numbers.get(name) {
            Some(number) => *number,
            None => {
                let number = self.list.len() as u32;
                self.list.push(name.to_owned());
                self.numbers.insert(name.to_owned(), number);
                number
            }
        }
    }
}

/// Lines of a table; of empty lists all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of algorithms.
    pub algorithms: Vec<String>,
    /// Names of tasks.
    pub tasks: Vec<String>,
}

/// What is asked beside the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Replicates of every bootstrap.
    pub resamples: u32,
    /// Seed of the random indices, for the record.
    pub seed: u64,
    /// Whether runs of the same name are pairs, such as runs on the same seed of a world.
    pub paired: bool,
    /// Margin within which a difference counts as none, in units of the score; no test of equivalence without it.
    pub margin: Option<f64>,
}

/// All figures of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// Replicates of every bootstrap.
    pub resamples: u32,
    /// Seed of the random indices.
    pub seed: u64,
    /// What a careful reader must know first.
    pub warnings: Vec<String>,
    /// Names of the tasks.
    pub tasks: Vec<String>,
    /// Aggregates by algorithm, at the last evaluation point.
    pub algorithms: BTreeMap<String, Algorithm>,
    /// Performance profiles at the last evaluation point.
    pub profiles: Profiles,
    /// Probability that a run of x is better than one of y, for every pair.
    pub improvement: Vec<Pair>,
    /// Tests of every pair on every task.
    pub tests: Vec<Tests>,
    /// Aggregates along the learning curve, by algorithm; empty without evaluation points.
    pub curves: BTreeMap<String, Vec<CurvePoint>>,
}

/// One algorithm over all tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Algorithm {
    /// Interquartile mean over all runs.
    pub iqm: Estimate,
    /// Mean of the tasks' means.
    pub mean: Estimate,
    /// Median of the tasks' means.
    pub median: Estimate,
    /// How far scores fall short of 1 on average, those above 1 counting as 1.
    pub optimality_gap: Estimate,
    /// Fewest runs on a task.
    pub fewest_runs: usize,
    /// Runs without a score, which count with the floor.
    pub failed: usize,
    /// Mean and spread on each task.
    pub tasks: BTreeMap<String, Task>,
}

/// One algorithm on one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Task {
    /// Runs.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, n - 1 below; absent for one run.
    pub sd: Option<f64>,
    /// Median.
    pub median: f64,
    /// Smallest score.
    pub min: f64,
    /// Largest score.
    pub max: f64,
    /// 95 % interval of the mean by Student's t; absent for one run.
    pub interval: Option<Interval>,
}

/// Performance profiles: share of runs strictly above each threshold, tasks weighing equally.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Profiles {
    /// Thresholds, rising.
    pub thresholds: Vec<f64>,
    /// For each algorithm an estimate at each threshold; bands hold at each threshold by itself.
    pub algorithms: BTreeMap<String, Vec<Estimate>>,
}

/// Probability of improvement of x over y.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    /// One algorithm.
    pub x: String,
    /// The other.
    pub y: String,
    /// P(X > Y) + P(X = Y) / 2, averaged over tasks.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// Tests of x against y on one task. A test that cannot be made is absent: one run, or no spread at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tests {
    /// One algorithm.
    pub x: String,
    /// The other.
    pub y: String,
    /// The task.
    pub task: String,
    /// Runs of x and of y.
    pub n: [usize; 2],
    /// Welch's t test of the difference of means.
    pub welch: Option<Adjusted<Test>>,
    /// Mann–Whitney test.
    pub mann_whitney: Option<Adjusted<MannWhitney>>,
    /// Permutation test of the difference of means.
    pub permutation: Option<Adjusted<Permutation>>,
    /// Paired t test, where runs of the same name are pairs.
    pub paired_t: Option<Adjusted<Test>>,
    /// Permutation within pairs.
    pub sign_flip: Option<Adjusted<Permutation>>,
    /// Two one-sided tests of a difference within the margin.
    pub equivalence: Option<Adjusted<Equivalence>>,
    /// Hedges' g.
    pub hedges_g: Option<f64>,
    /// Its 95 % interval, for normal scores of equal spread.
    pub hedges_g_interval: Option<Interval>,
    /// Cliff's delta.
    pub cliffs_delta: Option<f64>,
}

/// A test with its p value adjusted by Holm's method for all tests of its kind in the comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adjusted<T> {
    /// The test, with its raw p.
    #[serde(flatten)]
    pub test: T,
    /// Adjusted p.
    pub p_holm: f64,
    /// Tests in the family.
    pub family: usize,
}

/// One point of a learning curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// The evaluation point.
    pub eval_point: f64,
    /// Interquartile mean over all runs. Whole runs are resampled, the same at every point; the band holds at each
    /// point by itself.
    pub iqm: Estimate,
    /// Mean of the tasks' means.
    pub mean: Estimate,
}

impl Scores {
    /// Number of scores; at least one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.cells.values().map(Vec::len).sum()
    }

    /// Reads a table with the columns `algorithm`, `run`, `task`, `score` and, for learning curves, `eval_point`. A
    /// score that is empty, `nan`, `failed` or `diverged` counts as `floor`; without one it is an error.
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
        let mut rows = Rows::new(source)?;
        let [algorithm, run, task, score] = ["algorithm", "run", "task", "score"].map(|name| rows.column(name));
        let (algorithm, run, task, score) = (algorithm?, run?, task?, score?);
        let point = rows.find("eval_point");
        let mut scores = Scores::default();
        let mut points = BTreeMap::new();
        let chosen = |names: &[String], name: &str| names.is_empty() || names.iter().any(|chosen| chosen == name);
        while rows.advance()? {
            if !chosen(&selection.algorithms, rows.text(algorithm)) || !chosen(&selection.tasks, rows.text(task)) {
                continue;
            }
            let point = point.map_or(Ok(0.0), |column| rows.number(column))? + 0.0; // no -0 beside 0
            let point = *points.entry(point.to_bits()).or_insert_with(|| {
                scores.points.push(point);
                scores.points.len() as u32 - 1
            });
            let number = scores.algorithms.number(rows.text(algorithm));
            let key = (number, scores.tasks.number(rows.text(task)), point);
            let text = rows.text(score).trim().to_ascii_lowercase();
            let value = if ["", "nan", "failed", "diverged"].contains(&text.as_str()) {
                *scores.failed.entry(number).or_default() += 1;
                let remedy = "is no score; a failed run counts too: give its score with --floor";
                floor.ok_or_else(|| rows.wrong(score, remedy))?
            } else {
                rows.number(score)?
            };
            let run = scores.runs.number(rows.text(run));
            scores.cells.entry(key).or_default().push((run, value));
        }
        let lacks = |names: &[String], known: &Names| names.iter().find(|name| !known.list.contains(name)).cloned();
        for (kind, missing) in [
            ("algorithm", lacks(&selection.algorithms, &scores.algorithms)),
            ("task", lacks(&selection.tasks, &scores.tasks)),
        ] {
            if let Some(name) = missing {
                return Err(TableError::Content(format!("the selection has no line of {kind} {name}")));
            }
        }
        scores.in_order()
    }

    /// Sorts points and runs, and checks that every algorithm has runs of every task at every point, and none twice.
    fn in_order(mut self) -> Result<Self, TableError> {
        if self.cells.is_empty() {
            return Err(TableError::Empty);
        }
        let mut order: Vec<u32> = (0..self.points.len() as u32).collect();
        order.sort_by(|a, b| self.points[*a as usize].total_cmp(&self.points[*b as usize]));
        let at = |old: u32| order.iter().position(|other| *other == old).unwrap_or(0) as u32;
        self.cells = self.cells.into_iter().map(|((a, t, point), cell)| ((a, t, at(point)), cell)).collect();
        self.points.sort_by(f64::total_cmp);
        for ((algorithm, task, _), cell) in &mut self.cells {
            cell.sort_by_key(|(run, _)| *run);
            if let Some(pair) = cell.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                let run = &self.runs.list[pair[0].0 as usize];
                let (algorithm, task) = (&self.algorithms.list[*algorithm as usize], &self.tasks.list[*task as usize]);
                return Err(TableError::Content(format!("run {run} of {algorithm} on {task} stands twice")));
            }
        }
        for (a, algorithm) in self.algorithms.list.iter().enumerate() {
            for (t, task) in self.tasks.list.iter().enumerate() {
                let found = |point: &u32| self.cells.contains_key(&(a as u32, t as u32, *point));
                if let Some(point) = (0..self.points.len() as u32).find(|point| !found(point)) {
                    let at =
                        if self.points.len() > 1 { format!(" at {}", self.points[point as usize]) } else { "".into() };
                    return Err(TableError::Content(format!(
                        "{algorithm} has no runs on {task}{at}; algorithms are compared on the same tasks: add the runs, \
                         or leave one of the two out (--algorithm, --task)"
                    )));
                }
            }
        }
        Ok(self)
    }

    /// Scores of one algorithm at one point, task by task, runs in the order of their first appearance.
    fn tasks_of(&self, algorithm: usize, point: usize) -> Vec<Vec<f64>> {
        let cell = |task: usize| self.cell(algorithm, task, point).iter().map(|(_, score)| *score).collect();
        (0..self.tasks.list.len()).map(cell).collect()
    }

    fn cell(&self, algorithm: usize, task: usize, point: usize) -> &[(u32, f64)] {
        self.cells.get(&(algorithm as u32, task as u32, point as u32)).map_or(&[], Vec::as_slice)
    }

    /// Computes all figures.
    ///
    /// # Errors
    /// [`TableError::Content`] if pairs are asked for and runs have no partner.
    pub fn compare(&self, options: &Options, draw: Draw) -> Result<Comparison, TableError> {
        let last = self.points.len() - 1;
        let mut order: Vec<usize> = (0..self.algorithms.list.len()).collect();
        order.sort_by_key(|at| &self.algorithms.list[*at]);
        let named: Vec<(&String, usize, Vec<Vec<f64>>)> =
            order.into_iter().map(|at| (&self.algorithms.list[at], at, self.tasks_of(at, last))).collect();
        let algorithm = |(name, at, tasks): &(&String, usize, Vec<Vec<f64>>)| {
            ((*name).clone(), self.algorithm(*at, name, tasks, options, draw))
        };
        let algorithms: BTreeMap<String, Algorithm> = named.iter().map(algorithm).collect();
        let pairs = || named.iter().enumerate().flat_map(|(at, x)| named[at + 1..].iter().map(move |y| (x, y)));
        let mut improvement = Vec::new();
        let mut tests = Vec::new();
        for ((x, x_at, of_x), (y, y_at, of_y)) in pairs() {
            let between = Improvement::new(of_x, of_y).expect("every algorithm has runs of every task");
            let streams = [stats::stream_of(x), stats::stream_of(y)];
            let n = of_x.iter().chain(of_y).map(Vec::len).sum();
            let interval = between.interval(streams, options.resamples, draw);
            let estimate = Estimate::bootstrap(between.probability(), interval, n, options.resamples);
            improvement.push(Pair { x: (*x).clone(), y: (*y).clone(), estimate });
            for task in 0..self.tasks.list.len() {
                let cells = [self.cell(*x_at, task, last), self.cell(*y_at, task, last)];
                tests.push(self.tests([x, y], task, cells, options, draw)?);
            }
        }
        adjust(&mut tests);
        let curves = if self.points.len() == 1 {
            BTreeMap::new()
        } else {
            named.iter().map(|(name, at, _)| ((*name).clone(), self.curve(*at, name, options, draw))).collect()
        };
        Ok(Comparison {
            schema: SCHEMA,
            resamples: options.resamples,
            seed: options.seed,
            warnings: warnings(&algorithms, &tests),
            tasks: self.tasks.list.clone(),
            profiles: profiles(&named, options, draw),
            algorithms,
            improvement,
            tests,
            curves,
        })
    }

    fn algorithm(&self, at: usize, name: &str, tasks: &[Vec<f64>], options: &Options, draw: Draw) -> Algorithm {
        let [iqm, mean, median, optimality_gap] = estimates(tasks, name, options, draw);
        let task = |runs: &Vec<f64>| {
            let sorted = stats::sorted(runs);
            Task {
                n: runs.len(),
                mean: stats::mean(runs).unwrap_or(0.0),
                sd: stats::sd(runs),
                median: stats::median(runs).unwrap_or(0.0),
                min: sorted[0],
                max: sorted[sorted.len() - 1],
                interval: stats::t_interval(runs),
            }
        };
        Algorithm {
            iqm,
            mean,
            median,
            optimality_gap,
            fewest_runs: tasks.iter().map(Vec::len).min().unwrap_or(0),
            failed: self.failed.get(&(at as u32)).copied().unwrap_or(0),
            tasks: self.tasks.list.iter().cloned().zip(tasks.iter().map(task)).collect(),
        }
    }

    fn curve(&self, at: usize, name: &str, options: &Options, draw: Draw) -> Vec<CurvePoint> {
        let point = |(point, eval_point): (usize, &f64)| {
            let [iqm, mean, ..] = estimates(&self.tasks_of(at, point), name, options, draw);
            CurvePoint { eval_point: *eval_point, iqm, mean }
        };
        self.points.iter().enumerate().map(point).collect()
    }

    fn tests(
        &self,
        names: [&String; 2],
        task: usize,
        cells: [&[(u32, f64)]; 2],
        options: &Options,
        draw: Draw,
    ) -> Result<Tests, TableError> {
        let sides = cells.map(|cell| cell.iter().map(|(_, score)| *score).collect::<Vec<f64>>());
        let name = &self.tasks.list[task];
        if options.paired && !cells[0].iter().map(|(run, _)| run).eq(cells[1].iter().map(|(run, _)| run)) {
            return Err(TableError::Content(format!(
                "{} and {} have different runs on {name}; pairs need the same names of runs, or leave out --paired",
                names[0], names[1]
            )));
        }
        Ok(Tests::of([names[0], names[1]], name, [&sides[0], &sides[1]], options.paired, options.margin, draw))
    }
}

impl Tests {
    /// Every test of x against y on one task, with raw p values; [`adjust`] comes when all are known. `paired` says that
    /// the scores of both sides at one place are a pair.
    pub(crate) fn of(
        names: [&str; 2],
        task: &str,
        [x, y]: [&[f64]; 2],
        paired: bool,
        margin: Option<f64>,
        draw: Draw,
    ) -> Self {
        let stream = stats::stream_of(&format!("{}\n{}\n{task}", names[0], names[1]));
        let pairs = paired.then_some(());
        Tests {
            x: names[0].into(),
            y: names[1].into(),
            task: task.into(),
            n: [x.len(), y.len()],
            welch: stats::welch(x, y).map(Adjusted::raw),
            mann_whitney: stats::mann_whitney(x, y).map(Adjusted::raw),
            permutation: stats::permutation(x, y, stream, draw).map(Adjusted::raw),
            paired_t: pairs.and_then(|()| stats::paired_t(x, y)).map(Adjusted::raw),
            sign_flip: pairs.and_then(|()| stats::sign_flip(x, y, stream, draw)).map(Adjusted::raw),
            equivalence: margin.and_then(|margin| stats::equivalence(x, y, margin)).map(Adjusted::raw),
            hedges_g: stats::hedges_g(x, y),
            hedges_g_interval: stats::hedges_g_interval(x, y),
            cliffs_delta: stats::cliffs_delta(x, y),
        }
    }
}

impl<T> Adjusted<T> {
    /// A test before the others of its family are known.
    fn raw(test: T) -> Self {
        Self { test, p_holm: f64::NAN, family: 0 }
    }
}

/// Adjusts the p values of each kind of test for all tests of that kind.
pub(crate) fn adjust(tests: &mut [Tests]) {
    adjust_kind(tests, |tests| tests.welch.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.mann_whitney.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.permutation.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.paired_t.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.sign_flip.as_mut(), |test| test.p);
    adjust_kind(tests, |tests| tests.equivalence.as_mut(), |test| test.p);
}

fn adjust_kind<T>(tests: &mut [Tests], of: impl Fn(&mut Tests) -> Option<&mut Adjusted<T>>, p: impl Fn(&T) -> f64) {
    let raw: Vec<f64> = tests.iter_mut().filter_map(|tests| of(tests).map(|adjusted| p(&adjusted.test))).collect();
    for (adjusted, p_holm) in tests.iter_mut().filter_map(of).zip(stats::holm(&raw)) {
        (adjusted.p_holm, adjusted.family) = (p_holm, raw.len());
    }
}

fn estimates(tasks: &[Vec<f64>], name: &str, options: &Options, draw: Draw) -> [Estimate; 4] {
    let n = tasks.iter().map(Vec::len).sum();
    let figures = stats::aggregates(tasks, stats::stream_of(name), options.resamples, draw);
    let figures = figures.expect("every algorithm has runs of every task");
    figures.map(|(point, interval)| Estimate::bootstrap(point, interval, n, options.resamples))
}

/// Thresholds go evenly from the lowest score or 0 to the highest or 1.
fn profiles(named: &[(&String, usize, Vec<Vec<f64>>)], options: &Options, draw: Draw) -> Profiles {
    let scores = || named.iter().flat_map(|(_, _, tasks)| tasks.iter().flatten().copied());
    let low = scores().fold(0.0, |low, score| if score < low { score } else { low });
    let high = scores().fold(1.0, |high, score| if score > high { score } else { high });
    // Rounded before they are used, so that the shares are those at the thresholds that are printed.
    let at = |step| stats::rounded(low + (high - low) * f64::from(step) / f64::from(THRESHOLDS - 1));
    let thresholds: Vec<f64> = (0..THRESHOLDS).map(at).collect();
    let profile = |(name, _, tasks): &(&String, usize, Vec<Vec<f64>>)| {
        let n = tasks.iter().map(Vec::len).sum();
        let profile = stats::profile(tasks, &thresholds, stats::stream_of(name), options.resamples, draw);
        let estimate = |(point, interval)| Estimate::bootstrap(point, interval, n, options.resamples);
        ((*name).clone(), profile.into_iter().map(estimate).collect())
    };
    let algorithms = named.iter().map(profile).collect();
    Profiles { thresholds, algorithms }
}

fn warnings(algorithms: &BTreeMap<String, Algorithm>, tests: &[Tests]) -> Vec<String> {
    let mut warnings = Vec::new();
    let fewest = algorithms.values().map(|algorithm| algorithm.fewest_runs).min().unwrap_or(0);
    warnings.extend(stats::warning(fewest));
    for (name, algorithm) in algorithms.iter().filter(|(_, algorithm)| algorithm.failed > 0) {
        warnings.push(format!("{name}: {} runs had no score and count with the floor", algorithm.failed));
    }
    let floor = |tests: &Tests| stats::smallest_p(tests.n[0], tests.n[1]);
    let helpless = tests.iter().filter(|found| floor(found) * tests.len() as f64 > 0.05).count();
    if helpless > 0 {
        let with = if tests.len() > 1 { format!(" after Holm over {} tests", tests.len()) } else { String::new() };
        warnings.push(format!(
            "{helpless} of {} rank and permutation tests have so few runs that they cannot reach 0.05{with}, whatever \
             the scores are",
            tests.len()
        ));
    }
    warnings
}

impl Comparison {
    /// The comparison as JSON with 12 significant digits.
    pub fn to_value(&self) -> serde_json::Value {
        crate::number::rounded_json(serde_json::to_value(self).expect("a comparison has string keys only"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::draw;

    const OPTIONS: Options = Options { resamples: 500, seed: 0, paired: false, margin: None };

    fn table(lines: &[(&str, u32, &str, &str)]) -> String {
        let lines = lines.iter().map(|(algorithm, run, task, score)| format!("{algorithm},{run},{task},{score}\n"));
        format!("algorithm,run,task,score\n{}", lines.collect::<String>())
    }

    fn compare(text: &str, options: &Options) -> Comparison {
        Scores::read_csv(text.as_bytes(), Some(0.0)).unwrap().compare(options, &draw).unwrap()
    }

    fn two(runs: u32) -> String {
        let line = |run: u32| {
            let wiggle = f64::from(run * run % 7) / 20.0;
            format!("b,{run},t,{}\na,{run},t,{}\nb,{run},u,0.5\na,{run},u,{}\n", 0.5 + wiggle, 0.3 + wiggle, wiggle)
        };
        format!("algorithm,run,task,score\n{}", (0..runs).map(line).collect::<String>())
    }

    /// Figures by hand, names in order, and every estimate with its n, method and replicates.
    #[test]
    fn figures_follow_the_table() {
        let found = compare(&two(10), &OPTIONS);
        assert_eq!(found.algorithms.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(found.tasks, ["t", "u"]);
        let iqm = &found.algorithms["b"].iqm;
        assert_eq!((iqm.n, iqm.resamples, iqm.method.as_str()), (20, 500, "stratified bootstrap, percentile"));
        assert!(iqm.low.unwrap() <= iqm.point && iqm.point <= iqm.high.unwrap());
        let pair = &found.improvement[0];
        assert_eq!((pair.x.as_str(), pair.y.as_str(), found.improvement.len()), ("a", "b", 1));
        assert!(pair.estimate.point < 0.1 && pair.estimate.high.unwrap() < 0.2, "{pair:?}");
        assert_eq!(found.tests.len(), 2);
        let welch = found.tests[0].welch.as_ref().unwrap();
        assert!((welch.test.difference + 0.2).abs() < 1e-12);
        assert_eq!((welch.family, welch.p_holm >= welch.test.p), (2, true));
        assert_eq!(found.profiles.algorithms["a"].len(), found.profiles.thresholds.len());
        assert_eq!(found.warnings, Vec::<String>::new());
    }

    /// What makes a reader careful stands first: few runs with their coverage, floors, tests without a chance.
    #[test]
    fn few_runs_are_warned_about() {
        let found = compare(&two(3), &OPTIONS);
        assert!(found.warnings[0].contains("a nominal 95 % bootstrap interval covers about 8"), "{:?}", found.warnings);
        assert!(
            found.warnings[1].contains("2 of 2") && found.warnings[1].contains("Holm over 2"),
            "{:?}",
            found.warnings
        );
        let one = compare(&two(1), &OPTIONS);
        assert!(one.warnings[0].contains("no intervals"), "{:?}", one.warnings);
        assert!(one.algorithms.values().all(|algorithm| algorithm.iqm.low.is_none() && algorithm.iqm.resamples == 0));
        assert!(one.tests.iter().all(|tests| tests.welch.is_none() && tests.hedges_g.is_none()));
    }

    /// A failed run stays in the denominator with the floor, and is counted.
    #[test]
    fn failed_runs_count() {
        let text = table(&[("a", 0, "t", "1"), ("a", 1, "t", "diverged"), ("b", 0, "t", "1"), ("b", 1, "t", "1")]);
        let found = compare(&text, &OPTIONS);
        assert_eq!((found.algorithms["a"].mean.point, found.algorithms["a"].failed), (0.5, 1));
        assert!(
            found.warnings.iter().any(|warning| warning.starts_with("a: 1 runs had no score")),
            "{:?}",
            found.warnings
        );
        let refused = Scores::read_csv(text.as_bytes(), None).unwrap_err().to_string();
        assert!(refused.contains("line 3, column `score`: `diverged`") && refused.contains("--floor"), "{refused}");
    }

    /// Points of a curve come in order, the aggregates are those of the last one, and whole runs are resampled.
    #[test]
    fn curves_have_their_points_in_order() {
        let mut text = String::from("eval_point,algorithm,run,task,score\n");
        for (point, level) in [(200, 0.8), (0, 0.1), (100, 0.5)] {
            for run in 0..10 {
                text += &format!("{point},a,{run},t,{}\n", level + f64::from(run % 3) / 100.0);
            }
        }
        let found = compare(&text, &OPTIONS);
        let curve = &found.curves["a"];
        assert_eq!(curve.iter().map(|point| point.eval_point).collect::<Vec<_>>(), [0.0, 100.0, 200.0]);
        assert_eq!(curve[2].iqm, found.algorithms["a"].iqm);
        let width = |point: &CurvePoint| stats::rounded(point.iqm.high.unwrap() - point.iqm.low.unwrap());
        assert_eq!(width(&curve[0]), width(&curve[1]), "the same runs are drawn at every point");
    }

    /// Pairs are runs of one name; without partners there are none.
    #[test]
    fn pairs_need_partners() {
        let paired = Options { paired: true, margin: Some(0.3), ..OPTIONS };
        let found = compare(&two(6), &paired);
        let test = &found.tests[0];
        assert_eq!(found.tests[1].paired_t.as_ref().unwrap().test.freedom, 5.0);
        assert!(test.sign_flip.as_ref().unwrap().test.exact && test.equivalence.is_some());
        let text = table(&[("a", 0, "t", "1"), ("a", 1, "t", "2"), ("b", 0, "t", "1"), ("b", 2, "t", "1")]);
        let scores = Scores::read_csv(text.as_bytes(), None).unwrap();
        let refused = scores.compare(&paired, &draw).unwrap_err().to_string();
        assert!(refused.contains("a and b have different runs on t"), "{refused}");
    }

    /// Tables that cannot be compared are refused with their reason.
    #[test]
    fn unusable_tables_are_refused() {
        let message = |text: &str| Scores::read_csv(text.as_bytes(), None).unwrap_err().to_string();
        assert_eq!(message("algorithm,run,task\n"), "no column `score`; the header has: algorithm, run, task");
        assert_eq!(message("algorithm,run,task,score\n"), "the table has no lines below its header");
        assert_eq!(message(&table(&[("a", 0, "t", "many")])), "line 2, column `score`: `many` is not a finite number");
        assert_eq!(message(&table(&[("a", 3, "t", "1"), ("a", 3, "t", "2")])), "run 3 of a on t stands twice");
        assert!(message(&table(&[("a", 0, "t", "1"), ("b", 0, "u", "1")])).starts_with("a has no runs on u;"));
    }
}
