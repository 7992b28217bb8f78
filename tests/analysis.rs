//! `mercato stats`, `ope` and `plan`: anybody's scores and logs, their figures, and what cannot be used.
use crate::{
    cli::{json, refused},
    support::{Folder, mercato},
};
use serde_json::json;

/// Three algorithms with ten runs on two tasks.
fn scores() -> String {
    let mut text = String::from("algorithm,run,task,score\n");
    for (algorithm, level) in [("one", 0.3), ("two", 0.5), ("three", 0.55)] {
        for (task, ease) in [("hard", 0.0), ("easy", 0.3)] {
            for run in 0..10u32 {
                let score = level + ease + f64::from((run * run + 3 * algorithm.len() as u32) % 11) / 50.0;
                text += &format!("{algorithm},{run},{task},{score}\n");
            }
        }
    }
    text
}

#[test]
fn scores_are_compared_with_the_same_figures_on_any_number_of_threads() {
    let folder = Folder::new();
    let table = folder.file("scores.csv", &scores());
    let stats = |more: &[&str], threads: &str| {
        let arguments = [&["stats", &table, "--format", "json", "--resamples", "2000"], more].concat();
        let ran = mercato(&arguments, &[("RAYON_NUM_THREADS", threads)]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        json(&ran)
    };
    let found = stats(&[], "1");
    assert_eq!(found, stats(&[], "3"));
    assert_ne!(found["algorithms"]["one"]["iqm"], stats(&["--seed", "1"], "1")["algorithms"]["one"]["iqm"]);
    for figure in ["iqm", "mean", "median", "optimality_gap"] {
        for key in ["point", "low", "high", "n", "method", "resamples"] {
            assert!(!found["algorithms"]["three"][figure][key].is_null(), "{figure} {key}");
        }
    }
    assert_eq!(found["improvement"].as_array().map(Vec::len), Some(3));
    assert_eq!(found["tests"].as_array().map(Vec::len), Some(6));
    let welch = &found["tests"][0]["welch"];
    assert!(welch["p"].as_f64() <= welch["p_holm"].as_f64() && welch["family"] == 6, "{welch}");
    let text = mercato(&["stats", &table, "--resamples", "100"], &[]).stdout;
    assert!(text.contains("P(x better than y)") && text.contains("bootstrap of 100 replicates"), "{text}");
}

#[test]
fn scores_that_cannot_be_compared_exit_2_with_line_and_remedy() {
    let folder = Folder::new();
    let refuse = |text: &str, words: &[&str]| refused(&["stats", &folder.file("s.csv", text)], 2, words);
    refuse("algorithm,run,score\n", &["s.csv", "no column `task`"]);
    refuse("algorithm,run,task,score\n", &["no lines"]);
    refuse("algorithm,run,task,score\na,0,t,1\na,1,t,nan\n", &["line 3", "--floor"]);
    refuse("algorithm,run,task,score\na,0,t,high\n", &["line 2", "`high` is not a finite number"]);
    refuse("algorithm,run,task,score\na,0,t,1\na,0,t,1\n", &["line 3: run 0 of a on t stands twice, first in line 2"]);
    let uneven = "algorithm,run,task,score\na,0,t,1\na,1,t,2\nb,0,u,1\nb,0,t,3\n";
    refuse(uneven, &["a has no runs on u", "--task"]);
    let uneven = folder.file("uneven.csv", uneven);
    assert_eq!(mercato(&["stats", &uneven, "--task", "t", "--resamples", "10"], &[]).code, 0);
    refused(&["stats", &uneven, "--algorithm", "c"], 2, &["no line of algorithm c"]);
    refused(&["stats", &folder.path("none.csv")], 1, &["none.csv"]);
    refused(&["stats", &folder.file("s.csv", &scores()), "--resamples", "0"], 2, &["resamples"]);
    refused(&["stats", &folder.file("s.csv", &scores()), "--margin", "0"], 2, &["above 0"]);
    for floor in ["nan", "inf", "-inf", "low"] {
        let given = format!("--floor={floor}");
        refused(&["stats", &folder.file("s.csv", &scores()), &given], 2, &[floor, "it must be a finite number"]);
    }
    let ended = folder.file("s.csv", "algorithm,run,task,eval_point,score\na,0,t,1,1\na,1,t,1,1\na,0,t,2,1\n");
    refused(&["stats", &ended], 2, &["run 1 of a on t has no score at eval_point 2", "--floor"]);
    assert_eq!(mercato(&["stats", &ended, "--floor", "-1", "--resamples", "10"], &[]).code, 0);
}

/// Rounds whose logging policy plays the evenly better action half of the time.
fn log(actions: usize) -> String {
    let mut text = String::from("action,reward,pscore,pi_e_0,pi_e_1,q_hat_0,q_hat_1\n");
    for round in 0..200 {
        let action = round % actions;
        let reward = if action == 1 { 1.0 } else { f64::from(u8::from(round % 3 == 0)) };
        text += &format!("{action},{reward},0.5,0.25,0.75,0.3,0.9\n");
    }
    text
}

#[test]
fn a_log_gives_every_estimate_with_its_interval_and_alarms() {
    let folder = Folder::new();
    let ope = |text: &str, threads: &str| {
        let arguments = ["ope", &folder.file("log.csv", text), "--format", "json", "--resamples", "300"];
        let ran = mercato(&arguments, &[("RAYON_NUM_THREADS", threads)]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        json(&ran)
    };
    let found = ope(&log(2), "1");
    assert_eq!(found, ope(&log(2), "3"));
    for name in
        ["ips", "clipped_ips", "snips", "sub_gaussian_ips", "dm", "dr", "clipped_dr", "sndr", "switch_dr", "dr_os"]
    {
        let estimate = &found["estimates"][name];
        let [low, point, high] = ["low", "point", "high"].map(|key| estimate[key].as_f64().expect(name));
        assert!(low <= point && point <= high && estimate["n"] == 200, "{name} {estimate}");
    }
    assert_eq!(found["alarms"], json!([]));
    let one_sided = ope(&log(1), "1");
    assert!(one_sided["alarms"].to_string().contains("75.0 % of the evaluation policy's probability"), "{one_sided}");
    let steps =
        "trajectory,t,action,reward,pi_b_a,pi_e_a\na,0,0,1,0.5,1\na,1,0,1,0.5,1\nb,0,1,0,0.5,0\nb,1,0,1,0.5,1\n";
    let found = ope(steps, "1");
    assert_eq!((&found["kind"], &found["estimates"]["tis"]["point"]), (&"trajectory".into(), &4.0.into()));
    let alone = ["ope", &folder.file("log.csv", &log(2)), "--shrink", "0", "--format", "json", "--resamples", "10"];
    let alone = json(&mercato(&alone, &[]));
    let [shrunk, model] = ["dr_os", "dm"].map(|name| &alone["estimates"][name]["point"]);
    assert!(shrunk.is_number() && shrunk == model, "shrunk to nothing it is the model alone: {shrunk} {model}");
    let text = mercato(&["ope", &folder.file("log.csv", &log(2)), "--resamples", "10"], &[]).stdout;
    assert!(text.contains("effective sample size 160.0"), "(Σ w)² / Σ w² of 0.5 and 1.5: {text}");
}

#[test]
fn logs_that_cannot_be_used_exit_2_with_the_line() {
    let folder = Folder::new();
    let refuse = |text: &str, words: &[&str]| refused(&["ope", &folder.file("log.csv", text)], 2, words);
    refuse("action,reward\n", &["log.csv", "no column `pscore`"]);
    refuse("action,reward,pscore,pi_e_0\n0,1,0,1\n", &["line 2", "`0` cannot be"]);
    refuse("action,reward,pscore,pi_e_0\n0,1,1,0.5\n", &["line 2", "must be 1"]);
    refuse("trajectory,t,action,reward,pi_b_a,pi_e_a\nx,1,0,1,1,1\n", &["no step t = 0"]);
    refused(&["ope", &folder.path("none.csv")], 1, &["none.csv"]);
    refused(&["ope", &folder.file("log.csv", &log(2)), "--gamma", "1.5"], 2, &["between 0 and 1"]);
    for shrink in ["-1", "nan", "inf"] {
        let shrink = format!("--shrink={shrink}");
        refused(&["ope", &folder.file("log.csv", &log(2)), &shrink], 2, &["finite number, 0 or above"]);
    }
    let path = folder.path("latin.csv");
    std::fs::write(&path, b"action,reward,pscore,pi_e_0\n0,1,1,1\n\xe9,1,1,1\n").unwrap();
    refused(&["ope", &path], 2, &["latin.csv: line 3: byte 1, 0xe9, is not UTF-8"]);
}

#[test]
fn a_plan_says_how_many_runs_a_claim_needs() {
    let plan = |more: &[&str]| json(&mercato(&[&["plan", "--format", "json"], more].concat(), &[]));
    assert_eq!(plan(&["--effect", "1.0", "--power", "0.8"])["runs"], 17, "the published table");
    assert_eq!(plan(&["--effect", "2", "--power", "0.9"])["runs"], 7);
    let family = plan(&["--effect", "1.0", "--family", "15"]);
    assert!(family["runs"].as_u64() > Some(25), "{family}");
    assert_eq!(family["runs_for_rank_tests"], 6, "5 against 5 reach 2/252, above 0.05/15");
    refused(&["plan", "--power", "1"], 2, &["between 0 and 1"]);
    refused(&["plan", "--effect", "0"], 2, &["above 0"]);
    assert!(mercato(&["plan"], &[]).stdout.contains("runs for each algorithm: 17"));
}
