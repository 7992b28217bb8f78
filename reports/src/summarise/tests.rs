use super::*;
use crate::{sample, stats};

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

/// Each run has its own seconds in the line of its table, and all of them together are those of its agent.
#[test]
fn seconds_of_each_run_stand_apart() {
    let summary = sample::summary();
    assert_eq!(summary.time.len(), summary.results.len());
    for (time, cell) in summary.time.iter().zip(&summary.results) {
        assert_eq!((&time.world, &time.agent), (&cell.world, &cell.agent));
        let expected: Vec<f64> = cell.runs.iter().map(|run| 3.5 + run.seed as f64).collect();
        assert_eq!(time.runs_wall_s, expected);
        assert_close(time.wall_s, expected.iter().sum());
    }
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
    let power = yogurt.power.unwrap();
    let expected = stats::power(yogurt.hedges_g.unwrap(), [5, 5], 0.05 / 7.0).unwrap();
    assert_close(power.achieved.unwrap(), expected);
    assert_close(stats::power(power.detectable, [5, 5], 0.05 / 7.0).unwrap(), 0.8);
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
