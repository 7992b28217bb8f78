//! Learning from logs: better than the policy that made them, the same bits again, and a clear word where it cannot be.
use crate::support::{Folder, mercato};
use mercato::reports::{Record, read_records};

const SMALL: [&str; 8] = [
    "--set",
    "agent.hidden=[16]",
    "--set",
    "agent.batch=32",
    "--set",
    "agent.learning_rate=0.003",
    "--set",
    "agent.target_every=50",
];

/// A log of a policy that is random half of the time.
fn log(folder: &Folder, name: &str) -> String {
    let path = folder.path(name);
    let episodes = ["--episodes", "200", "--log", &path];
    let ran = mercato(
        &[&["rollout", "classic/chain-v1", "--policy", "oracle", "--epsilon", "0.5"][..], &episodes].concat(),
        &[],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    path
}

fn trained(folder: &Folder, name: &str, agent: &str, log: &str, more: &[&str]) -> Record {
    let out = folder.path(name);
    let arguments = ["train", "classic/chain-v1", "--agent", agent, "--log", log, "--out", &out, "--episodes", "200"];
    let ran = mercato(&[&arguments[..], &SMALL, more].concat(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let records = read_records(&folder.0.path().join(name).join("records.jsonl")).expect("records");
    records.into_iter().find(|record| record.learned).expect("one learns")
}

fn score(record: &Record) -> f64 {
    let value = record.outcome.metrics[&record.objective].mean.expect("a mean");
    record.reference.score(value).expect("a score")
}

/// The policy of the log scores about a half; what it shows is enough for the optimum. Either form of the file gives the
/// same bits, and verify knows the log by its content.
#[test]
fn a_log_teaches_more_than_its_policy_knew() {
    let folder = Folder::new();
    let (table, lines) = (log(&folder, "log.csv"), log(&folder, "log.jsonl"));
    for agent in ["dqn", "cql", "bcq"] {
        let record = trained(&folder, agent, agent, &table, &["--steps", "1500"]);
        assert!(score(&record) > 0.98, "{agent}: {}", score(&record));
        let log = record.log.expect("it learnt from a log");
        assert!(log.path == table && log.sha256.len() == 64);
    }
    let one = trained(&folder, "table", "cql", &table, &["--steps", "200"]);
    let other = trained(&folder, "lines", "cql", &lines, &["--steps", "200"]);
    assert_eq!(one.hashes.weights, other.hashes.weights);
    assert_ne!(one.trial, other.trial, "what decides the id is the content of the file");
    let path = folder.path("table");
    let verify = || mercato(&["verify", &path], &[]);
    assert_eq!(verify().code, 0, "{}", verify().stdout);
    let text = std::fs::read_to_string(&table).expect("the log");
    std::fs::write(&table, text + "\n").expect("written");
    let changed = verify();
    assert!(changed.code == 5 && changed.stdout.contains("is not here or is another"), "{}", changed.stdout);
    let report = std::fs::read_to_string(folder.0.path().join("table/report.md")).expect("a report");
    assert!(report.contains("--log"), "the command that makes it again");
}

/// A tenth of the episodes is held out: their loss is recorded, the weights with the least are kept, and training ends where
/// it no longer falls.
#[test]
fn training_ends_where_the_loss_of_held_out_episodes_does() {
    let folder = Folder::new();
    let table = log(&folder, "log.csv");
    let more = ["--steps", "100000", "--hold-out", "10", "--patience", "2"];
    let record = trained(&folder, "run", "cql", &table, &more);
    let losses: Vec<(u64, f64)> =
        record.training.iter().filter_map(|point| Some((point.step, point.validation_loss?))).collect();
    let (last, _) = *losses.last().expect("it was measured");
    assert!(last < record.budget, "it ended at {last} of {}", record.budget);
    let least = losses.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, |a, b| if b < a { b } else { a });
    let best = losses.iter().position(|(_, loss)| *loss == least).expect("the least");
    assert_eq!(losses.len() - best, 3, "two more than the best of {losses:?}");
}

#[test]
fn what_cannot_be_learnt_from_a_log_is_told() {
    let folder = Folder::new();
    let table = log(&folder, "log.csv");
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let out = folder.path("out");
        let ran = mercato(&[&["train"], arguments, &["--out", &out]].concat(), &[]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?} in {}", ran.stderr);
    };
    refused(&["classic/chain-v1", "--log", "/nowhere/log.csv"], 1, &["/nowhere/log.csv"]);
    refused(&["classic/chain-v1", "--log", &table, "--hold-out", "1"], 2, &["hold_out is 1", "between 2 and 1000"]);
    refused(&["classic/chain-v1", "--log", &table, "--patience", "3"], 2, &["set hold_out"]);
    refused(&["classic/chain-v1", "--log", &table, "--agent", "ucb1"], 2, &["ucb1", "learns only from what it does"]);
    refused(&["classic/chain-v1", "--hold-out", "10"], 2, &["--log"]);
}

/// What a policy is worth by a log of a policy that is random half of the time: what it earns when it plays, also where the
/// log's own policy earns half of it. Learners without values of actions say that they cannot be judged.
#[test]
fn a_log_judges_a_policy() {
    let folder = Folder::new();
    let log = log(&folder, "log.csv");
    for agent in ["dqn", "c51", "bcq"] {
        let more: &[&str] = if agent == "c51" { &["--set", "agent.low=0", "--set", "agent.high=10"] } else { &[] };
        let record = trained(&folder, agent, agent, &log, &[&["--steps", "1500"], more].concat());
        let weights = folder.path(&format!("{agent}/weights/{}.safetensors", record.trial));
        let ran = mercato(&["eval", &weights, "--log", &log, "--updates", "3000", "--format", "json"], &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let judged: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let played = record.outcome.metrics[&record.objective].mean.expect("a mean");
        let value = judged["value"].as_f64().expect("a number");
        assert!((value - played).abs() < 0.05 * played.abs(), "{agent}: {value} by the log, {played} in play");
    }
    // A checkpoint of another world, and a log without an end and without a discount.
    let cartpole = folder.path("cartpole.csv");
    let log_of = |policy: &str, episodes: &str| {
        let play = ["rollout", "classic/cartpole-v1", "--policy", policy, "--episodes", episodes, "--log", &cartpole];
        assert_eq!(mercato(&play, &[]).code, 0);
    };
    let weights = std::fs::read_dir(folder.0.path().join("dqn/weights")).expect("weights").next();
    let weights = weights.expect("one").expect("a file").path().display().to_string();
    for (policy, episodes, remedy) in [("random", "5", "trained in classic/chain-v1"), ("oracle", "1", "no discount")] {
        log_of(policy, episodes);
        let ran = mercato(&["eval", &weights, "--env", "classic/cartpole-v1", "--log", &cartpole], &[]);
        assert!(ran.code == 2 && ran.stderr.contains(remedy), "{}: {}", ran.code, ran.stderr);
    }
    // A bad policy is told from a good one: what nobody trained earns less than half of the best, also by the log.
    let out = folder.path("untrained");
    let untrained = ["train", "classic/chain-v1", "--agent", "dqn", "--steps", "1", "--seeds", "3", "--out", &out];
    assert_eq!(mercato(&[&untrained[..], &SMALL, &["--episodes", "200"]].concat(), &[]).code, 0);
    let records = read_records(&folder.0.path().join("untrained/records.jsonl")).expect("records");
    let record = records.into_iter().find(|record| record.learned).expect("one learns");
    let weights = folder.path(&format!("untrained/weights/{}.safetensors", record.trial));
    let ran = mercato(&["eval", &weights, "--log", &log, "--updates", "3000", "--format", "json"], &[]);
    let judged: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let played = record.outcome.metrics[&record.objective].mean.expect("a mean");
    let (value, best) = (judged["value"].as_f64().expect("a number"), record.reference.optimum_lower);
    assert!(played < 0.5 * best && (value - played).abs() < 0.05 * best, "{value} by the log, {played} in play");
    let out = folder.path("grid");
    let grid = ["train", "pricing/inventory-v1", "--agent", "price_grid", "--steps", "200", "--out", &out];
    assert_eq!(mercato(&[&grid[..], &["--episodes", "2"]].concat(), &[]).code, 0);
    let weights = std::fs::read_dir(folder.0.path().join("grid/weights")).expect("weights").next();
    let weights = weights.expect("one").expect("a file").path().display().to_string();
    let ran = mercato(&["eval", &weights, "--log", &log], &[]);
    assert!(ran.code != 0 && ran.stderr.contains("discrete"), "{}: {}", ran.code, ran.stderr);
}
