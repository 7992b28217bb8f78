//! The figures of a comparison, computed from scores.

use std::collections::BTreeMap;

use super::scores::Score;
use super::{Algorithm, Comparison, CurvePoint, Options, Pair, Profiles, SCHEMA, Scores, Task, Tests, adjust};
use crate::columns::TableError;
use crate::stats::{self, Draw, Estimate, Improvement};

/// Thresholds of the performance profiles.
const THRESHOLDS: u32 = 41;

impl Scores {
    /// Computes all figures.
    ///
    /// # Errors
    /// [`TableError::Content`] if pairs are asked for and runs have no partner.
    pub fn compare(&self, options: &Options, draw: Draw) -> Result<Comparison, TableError> {
        let last = self.points.len() - 1;
        let mut order: Vec<usize> = (0..self.algorithms.len()).collect();
        order.sort_by_key(|at| &self.algorithms[*at]);
        let named: Vec<(&String, usize, Vec<Vec<f64>>)> =
            order.into_iter().map(|at| (&self.algorithms[at], at, self.tasks_of(at, last))).collect();
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
            for task in 0..self.tasks.len() {
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
            warnings: self.warnings(&algorithms, &tests),
            tasks: self.tasks.clone(),
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
            failed: self.failed(at),
            tasks: self.tasks.iter().cloned().zip(tasks.iter().map(task)).collect(),
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
        cells: [&[Score]; 2],
        options: &Options,
        draw: Draw,
    ) -> Result<Tests, TableError> {
        let sides = cells.map(|cell| cell.iter().map(|score| score.value).collect::<Vec<f64>>());
        let name = &self.tasks[task];
        if options.paired && !cells[0].iter().map(|score| score.run).eq(cells[1].iter().map(|score| score.run)) {
            return Err(TableError::Content(format!(
                "{} and {} have different runs on {name}; pairs need the same names of runs, or leave out --paired",
                names[0], names[1]
            )));
        }
        Ok(Tests::of([names[0], names[1]], name, [&sides[0], &sides[1]], options.paired, options.margin, draw))
    }

    fn warnings(&self, algorithms: &BTreeMap<String, Algorithm>, tests: &[Tests]) -> Vec<String> {
        let mut warnings = Vec::new();
        let fewest = algorithms.values().map(|algorithm| algorithm.fewest_runs).min().unwrap_or(0);
        warnings.extend(stats::warning(fewest, self.tasks.len()));
        for (name, algorithm) in algorithms.iter().filter(|(_, algorithm)| algorithm.failed > 0) {
            let at = if self.points.len() > 1 { " at one evaluation point or more" } else { "" };
            warnings.push(format!("{name}: {} runs had no score{at} and count with the floor", algorithm.failed));
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
        assert!(
            found.warnings[0].contains("covers about 70 % (measured with 3 runs of one task)"),
            "{:?}",
            found.warnings
        );
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

    /// A run that ended early has the floor at the later points of the curve, so that every point has all runs, and the
    /// figures at the last point are those of a table that says so itself.
    #[test]
    fn runs_that_ended_early_stay_on_the_curve() {
        let text = "eval_point,algorithm,run,task,score\n\
                    0,a,0,t,0.5\n0,a,1,t,0.25\n0,a,2,t,1\n10,a,0,t,1\n20,a,0,t,1\n10,a,2,t,0.5\n20,a,2,t,1\n";
        let found = compare(text, &OPTIONS);
        let curve = &found.curves["a"];
        assert_eq!(curve.iter().map(|point| point.mean.n).collect::<Vec<_>>(), [3, 3, 3]);
        assert_eq!(curve[1].mean.point, 0.5);
        let told = format!("{text}10,a,1,t,diverged\n20,a,1,t,diverged\n");
        assert_eq!(found, compare(&told, &OPTIONS));
        let expected = "a: 1 runs had no score at one evaluation point or more and count with the floor";
        assert_eq!((found.algorithms["a"].failed, found.warnings[1].as_str()), (1, expected));
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
}
