//! Every planted fault is found and named; what is sound is called sound.
use crate::support::{Folder, mercato};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

const SPEC: &str = r#"
name = "small"
title = "A small one"
seeds = "0..2"
[evaluation]
episodes = 20
points = 2
point_episodes = 10
[[worlds]]
env = "classic/chain-v1"
params = { slip = 0.1 }
steps = 400
references = ["random"]
[[worlds.agents]]
preset = "dqn"
set = { hidden = [8], memory = 300, warmup = 50, batch = 8, learning_rate = 0.01 }
"#;

/// A run, with its records by agent and seed.
struct Run {
    folder: Folder,
}

impl Run {
    fn new(spec: &str) -> Self {
        let folder = Folder::new();
        let ran = mercato(&["run", &folder.file("spec.toml", spec), "--out", &folder.path("run")], &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        Run { folder }
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.path().join("run").join(name)
    }
    fn records(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("records.jsonl")).expect("records");
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }
    fn write(&self, records: &[Value]) {
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        std::fs::write(self.path("records.jsonl"), lines).expect("written");
    }
    /// Changes the record of dqn, seed 0.
    fn change(&self, change: impl Fn(&mut Value)) {
        let mut records = self.records();
        let record = records.iter_mut().find(|record| record["learned"] == true && record["seed"] == 0);
        change(record.expect("dqn"));
        self.write(&records);
    }
    fn verify(&self, more: &[&str]) -> (i32, Value, String) {
        let path = self.folder.path("run");
        let ran = mercato(&[&["verify", &path, "--format", "json"], more].concat(), &[]);
        let found = serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr));
        (ran.code, found, ran.stdout)
    }
    fn finds(&self, more: &[&str], code: i32, words: &[&str]) {
        let (found, _, text) = self.verify(more);
        assert_eq!(found, code, "{text}");
        words.iter().for_each(|word| assert!(text.contains(word), "`{word}` is not in {text}"));
    }
}

#[test]
fn a_sound_run_is_as_recorded_all_of_it_or_a_sample_of_it() {
    let run = Run::new(SPEC);
    let (code, found, text) = run.verify(&[]);
    assert_eq!((code, &found["records"], &found["rerun"]), (0, &4.into(), &4.into()), "{text}");
    let (code, found, text) = run.verify(&["--sample", "1", "--seed", "3"]);
    assert_eq!((code, &found["rerun"]), (0, &1.into()), "{text}");
    for tier in ["bitwise", "numeric", "statistical"] {
        run.finds(&["--tier", tier], 0, &[]);
    }
    let text = mercato(&["verify", &run.folder.path("run"), "--sample", "0"], &[]).stdout;
    assert_eq!(text, "4 records, 0 trials run again: all as recorded\n");
}

#[test]
fn one_bit_of_the_weights_is_found() {
    let run = Run::new(SPEC);
    let record = run.records().into_iter().find(|record| record["learned"] == true).expect("dqn");
    let path = run.path("weights").join(format!("{}.safetensors", record["trial"].as_str().expect("an id")));
    let mut bytes = std::fs::read(&path).expect("weights");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(&path, bytes).expect("written");
    run.finds(&["--sample", "0"], 3, &["does not hold the recorded weights", "dqn"]);
}

/// Without running anything: `change` in the record of dqn, seed 0, gives this exit code and these words.
fn edited(code: i32, words: &[&str], change: impl Fn(&mut Value)) {
    let run = Run::new(SPEC);
    run.change(change);
    run.finds(&["--sample", "0"], code, words);
}

const ID: &str = "id does not follow from its world, agent, seed";

#[test]
fn an_edited_seed_is_named() {
    edited(3, &[ID, "dqn, seed 7"], |record| record["seed"] = 7.into());
}

#[test]
fn an_edited_parameter_is_named() {
    edited(3, &[ID, "dqn, seed 0"], |record| record["env_params"]["slip"] = 0.2.into());
    edited(3, &[ID, "dqn, seed 0"], |record| record["agent_config"]["learning_rate"] = 0.02.into());
}

#[test]
fn an_edited_record_is_named() {
    let curve = &["points of its curve", "dqn, seed 0"];
    edited(3, curve, |record| record["curve"][0]["objective"] = 0.9.into());
    edited(3, &["report.json has other figures"], |record| {
        record["final"]["metrics"]["discounted_return"]["mean"] = 0.69.into();
    });
    // Without the report only a re-run can tell, and does.
    let run = Run::new(SPEC);
    run.change(|record| record["training"][0]["loss"] = 0.5.into());
    std::fs::remove_file(run.path("report.json")).expect("removed");
    run.finds(&[], 3, &["dqn, seed 0", "training"]);
}

/// What the report says beside the figures of each agent, and the files beside it.
#[test]
fn an_edited_report_is_named() {
    let run = Run::new(SPEC);
    let path = run.path("report.json");
    let genuine = std::fs::read_to_string(&path).expect("a report");
    let edited = |change: &dyn Fn(&mut Value), code: i32, words: &[&str]| {
        let mut report: Value = serde_json::from_str(&genuine).expect("JSON");
        change(&mut report);
        std::fs::write(&path, serde_json::to_string_pretty(&report).expect("JSON") + "\n").expect("written");
        run.finds(&["--sample", "0"], code, words);
    };
    edited(&|_| {}, 0, &[]);
    edited(&|report| report["verdicts"][0] = "all is well".into(), 3, &["other than the records give: verdicts"]);
    edited(&|report| report["worlds"][0]["reference"]["random"] = 0.0.into(), 3, &["records give: worlds"]);
    edited(&|report| report["negative"] = serde_json::json!(["nothing"]), 3, &["records give: negative"]);
    edited(&|report| report["id"] = "0".repeat(64).into(), 3, &["records give: id"]);
    let leave_out = |report: &mut Value| drop(report["results"].as_array_mut().expect("a list").remove(0));
    edited(&leave_out, 3, &["report.json leaves it out, and the records have it"]);
    edited(&|report| report["schema"] = 9.into(), 4, &["report.json has layout 9", "makes it again"]);
    edited(&|report| report["results"][0]["mean"] = "many".into(), 3, &["it is no report"]);
    std::fs::write(&path, &genuine[..genuine.len() / 2]).expect("written");
    run.finds(&["--sample", "0"], 3, &["it is no report"]);
    std::fs::write(&path, &genuine).expect("written");
    for name in ["report.md", "report.html", "runs.csv", "curves.csv", "charts/scores.svg"] {
        let path = run.path(name);
        let genuine = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, genuine.replacen('1', "2", 1)).expect("written");
        run.finds(&["--sample", "0"], 3, &[name, "it is not what the records make"]);
        std::fs::write(&path, genuine).expect("written");
    }
    std::fs::remove_dir_all(run.path("trail")).expect("removed");
    run.finds(&["--sample", "0"], 0, &["2 records have a trail that is not here"]);
}

/// Scores that are another agent's: no tier takes them for the recorded ones, and few of them decide nothing.
#[test]
fn other_scores_are_found_in_every_tier() {
    let run = Run::new(SPEC);
    let genuine = run.records();
    let shifted = |by: [f64; 2]| {
        let mut records = genuine.clone();
        for (record, by) in records.iter_mut().filter(|record| record["learned"] == true).zip(by) {
            let mean = record["final"]["metrics"]["discounted_return"]["mean"].as_f64().expect("a mean");
            record["final"]["metrics"]["discounted_return"]["mean"] = (mean + by).into();
        }
        run.write(&records);
    };
    std::fs::remove_file(run.path("report.json")).expect("removed");
    shifted([500.0; 2]);
    run.finds(&["--tier", "numeric"], 3, &["dqn, seed 0", "result"]);
    run.finds(&["--tier", "statistical", "--margin", "0.01"], 3, &["classic/chain-v1"]);
    shifted([3.0, -3.0]);
    run.finds(&["--tier", "statistical"], 4, &["neither within 0.05 nor beyond it with certainty"]);
}

/// Other code is no fault of the bits: it is told, and explains what differs if anything does.
#[test]
fn a_changed_lock_file_is_named() {
    for (key, note) in [("lockfile", "other lock file: abc then"), ("fingerprint", "other sources: abc then")] {
        let run = Run::new(SPEC);
        run.change(|record| record["code"][key] = "abc".into());
        run.finds(&["--sample", "0"], 3, &["other than the records give: id, provenance"]);
        assert_eq!(mercato(&["report", &run.folder.path("run")], &[]).code, 0);
        run.finds(&["--sample", "0"], 0, &[note]);
    }
}

/// Two updates of a trail that were swapped, with a hash made to fit: the re-run names the first of them and its stream.
#[test]
fn a_swapped_update_is_found_at_its_place() {
    const HEAD: usize = 28;
    const ENTRY: usize = 20;
    let run = Run::new(SPEC);
    let record = run.records().into_iter().find(|record| record["learned"] == true && record["seed"] == 0);
    let record = record.expect("dqn");
    let path = run.path("trail").join(format!("{}.bin", record["trial"].as_str().expect("an id")));
    let mut bytes = std::fs::read(&path).expect("a trail");
    let updates = |bytes: &[u8], entry: usize| {
        let from = HEAD + ENTRY * entry;
        u32::from_le_bytes(bytes[from..from + 4].try_into().expect("four bytes"))
    };
    let first = (0..).find(|entry| updates(&bytes, *entry) == 9).expect("update 9");
    // Draw and loss of updates 9 and 10 change places.
    for at in HEAD + ENTRY * first + 12..HEAD + ENTRY * (first + 1) {
        bytes.swap(at, at + ENTRY);
    }
    std::fs::write(&path, &bytes).expect("written");
    run.finds(&["--sample", "0"], 3, &["is not the recorded trail"]);
    let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    run.change(|record| record["hashes"]["trail"] = hash.clone().into());
    std::fs::remove_file(run.path("report.json")).expect("removed");
    run.finds(&["--sample", "0"], 0, &[]);
    let (code, found, text) = run.verify(&[]);
    let divergence = &found["mismatches"][0]["divergence"];
    assert_eq!((code, &divergence["stream"]), (3, &"draw".into()), "{text}");
    assert_eq!(divergence["updates"], serde_json::json!([8, 9]), "{text}");
}

/// A published folder has thinned trails and no weights: it is sound, gives the interval of a fault, and a bit of a trail
/// that is not as recorded is found.
#[test]
fn a_published_folder_can_be_verified() {
    let run = Run::new(&SPEC.replace("steps = 400", "steps = 4000"));
    let to = run.folder.path("published");
    let published = mercato(&["report", &run.folder.path("run"), "--publish", &to], &[]);
    assert_eq!(published.code, 0, "{}", published.stderr);
    let verify = |more: &[&str]| mercato(&[&["verify", &to, "--format", "json"], more].concat(), &[]);
    let whole = verify(&[]);
    assert_eq!(whole.code, 0, "{}", whole.stdout);
    let folder = run.folder.0.path().join("published");
    assert!(!folder.join("weights").exists() && folder.join("report.html").exists());
    let record = run.records().into_iter().find(|record| record["learned"] == true).expect("dqn");
    let id = record["trial"].as_str().expect("an id");
    let again = mercato(&["report", &to, "--publish", &to], &[]);
    assert_eq!((again.code, verify(&["--sample", "0"]).code), (0, 0), "{}", again.stderr);
    let over = run.folder.path("run");
    let refused = mercato(&["report", &over, "--publish", &over], &[]);
    assert!(refused.code == 2 && refused.stderr.contains("is the folder of a run"), "{}", refused.stderr);
    let only = verify(&["--trial", id]);
    assert!(only.code == 0 && only.stdout.contains("\"rerun\": 1"), "{}", only.stdout);
    assert_eq!(verify(&["--trial", "0123456789abcdef"]).code, 6);
    let trail = folder.join("trail").join(format!("{id}.bin"));
    let mut bytes = std::fs::read(&trail).expect("a trail");
    let size = std::fs::metadata(run.path("trail").join(format!("{id}.bin"))).expect("the whole trail").len();
    assert!(50 * bytes.len() < size as usize, "{} of {size} bytes", bytes.len());
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(&trail, bytes).expect("written");
    let found = verify(&["--sample", "0"]);
    assert!(found.code == 3 && found.stdout.contains("is not the recorded trail"), "{}", found.stdout);
}

#[test]
fn a_deleted_run_makes_it_incomplete_with_and_without_the_report() {
    let run = Run::new(SPEC);
    let records = run.records();
    let kept: Vec<Value> =
        records.into_iter().filter(|record| record["learned"] == false || record["seed"] != 1).collect();
    run.write(&kept);
    run.finds(&["--sample", "0"], 6, &["classic/chain-v1, dqn, seed 1", "the report has this run"]);
    std::fs::remove_file(run.path("report.json")).expect("removed");
    run.finds(&["--sample", "0"], 6, &["classic/chain-v1, dqn, seed 1", "other agents of this world ran with it"]);
    std::fs::write(run.path("records.jsonl"), "{\"schema\":1").expect("written");
    assert_eq!(mercato(&["verify", &run.folder.path("run")], &[]).code, 6, "a cut file is incomplete");
}

/// The record, weights and trail of a trial with other settings are passed off as those of the recorded one: the re-run
/// finds where they part, and in which stream.
fn forged(change: &str, to: &str) -> (Run, Value) {
    let (run, other) = (Run::new(SPEC), Run::new(&SPEC.replace(change, to)));
    let of = |run: &Run| {
        run.records().into_iter().find(|record| record["learned"] == true && record["seed"] == 0).expect("dqn")
    };
    let (genuine, mut forged) = (of(&run), of(&other));
    for folder in ["weights", "trail"] {
        let path = |run: &Run, record: &Value| {
            let id = record["trial"].as_str().expect("an id").to_string();
            run.path(folder).join(id + if folder == "trail" { ".bin" } else { ".safetensors" })
        };
        std::fs::copy(path(&other, &forged), path(&run, &genuine)).expect("copied");
    }
    for key in ["trial", "env_params", "agent_config", "reference"] {
        forged[key] = genuine[key].clone();
    }
    run.change(|record| *record = forged.clone());
    std::fs::remove_file(run.path("report.json")).expect("removed");
    let (code, found, text) = run.verify(&[]);
    assert_eq!(code, 3, "{text}");
    let mismatches = found["mismatches"].as_array().expect("a list");
    assert_eq!(mismatches.len(), 1, "{text}");
    (run, mismatches[0].clone())
}

/// A changed learning rate leaves the first update's loss as it was (its weights are the initial ones) and shows in the
/// second; actions, world and draws up to then are the same.
#[test]
fn a_changed_update_is_found_at_the_second_loss() {
    let (_, found) = forged("learning_rate = 0.01", "learning_rate = 0.02");
    let divergence = &found["divergence"];
    assert_eq!(
        (&divergence["stream"], &divergence["updates"]),
        (&"loss".into(), &serde_json::json!([1, 2])),
        "{found}"
    );
    let [then, now] = [0, 1].map(|side| divergence["losses"][side].as_f64().expect("a loss"));
    assert_ne!(then, now);
    for what in ["weights", "trail", "training"] {
        assert!(found["what"].to_string().contains(what), "{found}");
    }
}

/// A changed world shows in what the world answers, before anything was learnt.
#[test]
fn a_changed_world_is_found_in_the_stream_of_the_world() {
    let (_, found) = forged("slip = 0.1", "slip = 0.3");
    assert_eq!(found["divergence"]["stream"], "world", "{found}");
    assert_eq!(found["divergence"]["updates"], serde_json::json!([0, 0]), "{found}");
}

/// Without its trail a record still gives the interval, by its training points.
#[test]
fn without_a_trail_the_interval_is_named() {
    let (run, _) = forged("learning_rate = 0.01", "learning_rate = 0.02");
    std::fs::remove_dir_all(run.path("trail")).expect("removed");
    run.finds(&[], 3, &["between transitions ", "by the training points; loss 0."]);
    run.finds(&["--tier", "numeric", "--tolerance", "1000"], 0, &[]);
}

#[test]
fn a_diff_names_settings_scores_and_bits() {
    let run = Run::new(SPEC);
    let path = run.folder.path("run");
    let diff = |other: &str| {
        let ran = mercato(&["diff", &path, other, "--format", "json"], &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        serde_json::from_str::<Value>(&ran.stdout).expect("JSON")
    };
    let same = diff(&path);
    assert_eq!(same["code"], serde_json::json!([]));
    let verdicts = |found: &Value| {
        let cells = found["cells"].as_array().expect("a list").iter();
        cells.map(|cell| cell["verdict"].as_str().expect("a verdict").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(&same), ["identical", "identical"]);
    let other = Run::new(&SPEC.replace("learning_rate = 0.01", "learning_rate = 0.02"));
    let found = diff(&other.folder.path("run"));
    assert_eq!(verdicts(&found)[1], "identical", "the random policy");
    assert_ne!(verdicts(&found)[0], "identical");
    assert_eq!(found["cells"][0]["settings"][0]["name"], "agent.learning_rate", "{found}");
    let text = mercato(&["diff", &path, &other.folder.path("run")], &[]).stdout;
    assert!(text.contains("agent.learning_rate 0.01") && text.contains("random"), "{text}");
    assert_eq!(mercato(&["diff", &path, &run.folder.path("none")], &[]).code, 1);
}
