//! Commands, messages and exit codes, also for what goes wrong: nothing is lost and no partial file stays.
use crate::support::{Folder, Ran, mercato};
use serde_json::{Value, json};

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
steps = 400
references = ["random", "oracle"]
[[worlds.agents]]
preset = "dqn"
set = { hidden = [8], memory = 300, warmup = 50, batch = 8 }
"#;

pub fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let ran = mercato(arguments, &[]);
    assert_eq!(ran.code, code, "{arguments:?}: {}", ran.stderr);
    assert!(ran.stdout.is_empty(), "{arguments:?} printed {}", ran.stdout);
    let causes = ran.stderr.matches("os error").count();
    assert!(causes <= 1, "{arguments:?}: the cause is told {causes} times: {}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "{arguments:?}: `{word}` is not in: {}", ran.stderr);
    }
}

pub fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error} in {}", ran.stdout))
}

#[test]
fn mistakes_in_words_exit_2_and_name_the_nearest() {
    refused(&["rollout", "rec/markov-intrest-v1"], 2, &["rec/markov-interest-v1"]);
    refused(&["rollout", "classic/chain-v1", "--policy", "orakel"], 2, &["oracle", "random"]);
    refused(&["rollout", "classic/chain-v1", "--set", "lenght=3"], 2, &["length"]);
    refused(&["rollout", "classic/chain-v1", "--set", "length=1"], 2, &["length", "between 2 and 64"]);
    refused(&["rollout", "classic/chain-v1", "--set", "length"], 2, &["key=value"]);
    refused(&["rollout", "classic/chain-v1", "--policy", "constant=7"], 2, &["one of 2"]);
    refused(&["rollout", "classic/chain-v1", "--episodes", "0"], 2, &["episodes"]);
    refused(&["rollout", "classic/chain-v1", "--set", "stickyactions=0.2"], 2, &["sticky_actions"]);
    refused(&["rollout", "classic/chain-v1", "--set", "reward_noise=-1"], 2, &["`reward_noise` is -1", "between 0"]);
    refused(&["rollout", "health/dose-v1", "--set", "cost_signal=harm"], 2, &["one of toxicity"]);
    refused(&["train", "classic/chain-v1", "--agent", "dqm"], 2, &["dqn"]);
    refused(&["train", "classic/chain-v1", "--set", "agent.lr=1"], 2, &["no setting `lr`"]);
    refused(&["train", "classic/chain-v1", "--set", "agent.batch=0"], 2, &["batch", "between 1"]);
    refused(&["train", "pricing/yogurt-v1", "--agent", "price_grid", "--set", "agent.prices=2"], 2, &["`prices` is 2"]);
    refused(&["train", "classic/chain-v1", "--set", "agent.memory=9223372036854775807"], 2, &["at most"]);
    refused(&["train", "classic/chain-v1", "--set", "batch=8"], 2, &["agent.KEY or env.KEY"]);
    refused(&["train", "classic/chain-v1", "--agent", "price_grid"], 2, &["one continuous action", "one of 2"]);
    refused(&["train", "pricing/bertrand-v1", "--agent", "tabular_q"], 2, &["`rows` is 1", "multiple of 2"]);
    refused(&["train", "classic/chain-v1", "--seeds", "5..5"], 2, &["no seeds"]);
    refused(&["run", "quik"], 2, &["quick"]);
    refused(&["envs", "classic/chain-v2"], 2, &["classic/chain-v1"]);
    refused(&["frobnicate"], 2, &["unrecognized subcommand"]);
}

/// tests/slow/own_world.py compiles what is written here.
#[test]
fn a_new_world_is_written_once_and_under_a_name_that_compiles() {
    let folder = Folder::new();
    let out = folder.path("corner-shop");
    let ran = mercato(&["new-env", "corner-shop", "--out", &out], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("cargo test"), "{}", ran.stdout);
    let read = |name: &str| std::fs::read_to_string(format!("{out}/{name}")).expect("it was written");
    assert!(read("Cargo.toml").contains("name = \"corner-shop\""));
    assert!(read("src/lib.rs").contains("pub struct CornerShop") && read("src/main.rs").contains("corner_shop::"));
    assert!(read("src/lib.rs").contains("\"own/corner-shop-v1\""));
    for name in ["Cargo.toml", "src/lib.rs", "src/main.rs", "tests/world.rs"] {
        let text = read(name).to_lowercase();
        assert!(!text.contains("own-world") && !text.contains("own_world") && !text.contains("ownworld"), "{name}");
    }
    assert!(read("tests/trace.csv").lines().count() > 200 && read("Cargo.lock").contains("mercato-envs"));
    refused(&["new-env", "corner-shop", "--out", &out], 2, &["there already", "--out"]);
    for name in ["", "Corner", "corner_shop", "corner--shop", "4-corners", "-corner", "test"] {
        refused(&["new-env", "--out", &folder.path("no"), "--", name], 2, &["corner-shop"]);
    }
    refused(&["new-env", "shop", "--out", &folder.path("no"), "--mercato", &out], 2, &["--mercato"]);
    assert!(!folder.0.path().join("no").exists());
}

#[test]
fn broken_experiments_exit_2_with_line_and_key() {
    let folder = Folder::new();
    let run = |text: &str, words: &[&str]| refused(&["run", &folder.file("spec.toml", text)], 2, words);
    run("name = \n", &["spec.toml", "line 1"]);
    run(&SPEC.replace("steps", "stepz"), &["nearest key: steps"]);
    run(&SPEC.replace("batch = 8", "bach = 8"), &["batch"]);
    run(&SPEC.replace("\"oracle\"]", "\"oracle\", \"oracle\"]"), &["oracle stands twice"]);
    run(&SPEC.replace("episodes = 20", "episodes = 0"), &["evaluation.episodes is 0"]);
    refused(&["run", &folder.file("spec.toml", SPEC), "--seeds", "x"], 2, &["0..5"]);
}

#[test]
fn what_is_missing_exits_5() {
    // Also where there is a GPU: the driver hides it.
    let ran = mercato(&["train", "classic/chain-v1", "--device", "cuda"], &[("CUDA_VISIBLE_DEVICES", "")]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("leave out --device cuda"), "{}", ran.stderr);
    let folder = Folder::new();
    let out = folder.path("run");
    let ran = mercato(&["train", "classic/chain-v1", "--out", &out], &[("MERCATO_ISA", "sse9")]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("scalar, avx2 or avx512"), "{}", ran.stderr);
    assert!(!std::path::Path::new(&out).exists(), "nothing was begun");
}

#[test]
fn a_folder_that_cannot_be_written_exits_1() {
    let folder = Folder::new();
    let spec = folder.file("spec.toml", SPEC);
    let below_a_file = format!("{spec}/out");
    refused(&["run", &spec, "--out", &below_a_file], 1, &["spec.toml/out"]);
}

#[test]
fn a_run_leaves_records_report_charts_and_weights_and_is_not_repeated() {
    let folder = Folder::new();
    let (spec, out) = (folder.file("spec.toml", SPEC), folder.path("run"));
    let first = mercato(&["run", &spec, "--out", &out, "--tensorboard"], &[]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert!(first.stdout.contains("classic/chain-v1"), "{}", first.stdout);
    for name in ["records.jsonl", "report.html", "report.md", "report.json", "charts/scores.svg"] {
        assert!(folder.0.path().join("run").join(name).exists(), "{name}");
    }
    let files = walk(&folder.0.path().join("run"));
    assert_eq!(files.iter().filter(|name| name.ends_with(".safetensors")).count(), 2, "{files:?}");
    assert_eq!(files.iter().filter(|name| name.contains("tfevents")).count(), 2, "{files:?}");
    assert!(!files.iter().any(|name| name.ends_with("partial") || name.ends_with("tmp")), "{files:?}");

    let report = std::fs::read(folder.0.path().join("run/report.html")).expect("report");
    let second = mercato(&["run", &spec, "--out", &out, "--format", "json"], &[]);
    assert!(second.stderr.contains("6 trials are there already"), "{}", second.stderr);
    let summary = json(&second);
    let cell = &summary["results"][0];
    for key in ["env", "agent", "n", "mean", "sd", "ci", "score", "regret"] {
        assert!(!cell[key].is_null(), "{key} in {cell}");
    }
    assert_eq!(cell["n"], 2);
    let third = mercato(&["report", &out], &[]);
    assert_eq!(third.code, 0, "{}", third.stderr);
    let again = std::fs::read(folder.0.path().join("run/report.html")).expect("report");
    assert!(report == again, "the same records give the same report");
}

fn walk(path: &std::path::Path) -> Vec<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).expect("folder").flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path().display().to_string());
        }
    }
    files
}

#[test]
fn broken_records_are_named_and_kept() {
    let folder = Folder::new();
    let (spec, out) = (folder.file("spec.toml", SPEC), folder.path("run"));
    assert_eq!(mercato(&["run", &spec, "--out", &out], &[]).code, 0);
    let path = folder.0.path().join("run/records.jsonl");
    let broken = std::fs::read_to_string(&path).expect("records").replacen("\"schema\":1", "\"schema\":", 1);
    std::fs::write(&path, &broken).expect("written");
    refused(&["run", &spec, "--out", &out], 1, &["records.jsonl", "line 1"]);
    refused(&["report", &out], 1, &["records.jsonl", "line 1"]);
    let cut = &broken[..broken.len() - 10];
    std::fs::write(&path, cut.replacen("\"schema\":", "\"schema\":1", 1)).expect("written");
    refused(&["report", &out], 6, &["records.jsonl", "line 6", "cut off"]);
    std::fs::write(&path, &broken).expect("written");
    assert_eq!(std::fs::read_to_string(&path).expect("records"), broken, "nothing is lost");
}

#[test]
fn a_checkpoint_is_evaluated_in_its_world_and_refused_in_another() {
    let folder = Folder::new();
    let out = folder.path("run");
    let settings = ["--set", "agent.hidden=[8]", "--set", "agent.memory=400", "--set", "env.length=5"];
    let train = ["train", "classic/chain-v1", "--steps", "1000", "--episodes", "50", "--out", &out];
    let ran = mercato(&[&train[..], &settings[..]].concat(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let weights = walk(&folder.0.path().join("run/weights"));
    let [weights] = &weights[..] else { panic!("{weights:?}") };
    let played = json(&mercato(&["eval", weights, "--episodes", "50", "--format", "json"], &[]));
    assert_eq!(played["params"]["length"], 5);
    let record = std::fs::read_to_string(folder.0.path().join("run/records.jsonl")).expect("records");
    let record: Value = record
        .lines()
        .map(|line| serde_json::from_str(line).expect("record"))
        .find(|record: &Value| record["learned"] == true)
        .expect("the agent's");
    let returns = |value: &Value| value["metrics"]["episode_return"]["mean"].clone();
    assert_eq!(returns(&played), returns(&record["final"]), "the weights are those that were evaluated");
    let explained = json(&mercato(&["explain", weights, "--steps", "2", "--format", "json"], &[]));
    let first = &explained["explained"][0];
    assert_eq!(first["observation"]["cell"].as_array().expect("five cells").len(), 5);
    let value = |action: usize| first["values"][action]["value"].as_f64().expect("a value");
    let best = usize::from(value(1) > value(0));
    assert_eq!(first["items"], json!([best]), "it plays what it values most");
    let margin = first["margin"].as_f64().expect("a margin");
    assert!((margin - (value(best) - value(1 - best))).abs() < 1e-6 && margin >= 0.0, "{first}");
    let cell: Vec<String> =
        first["observation"]["cell"].as_array().expect("cells").iter().map(Value::to_string).collect();
    let observe = format!("cell={}", cell.join(","));
    let given = json(&mercato(&["explain", weights, "--observe", &observe, "--format", "json"], &[]));
    assert_eq!(given["explained"][0], *first, "the same observation, given by hand");
    let text = mercato(&["explain", weights, "--steps", "1"], &[]).stdout;
    assert!(text.contains("plays item") && text.contains("by a margin of") && text.contains("action 1"), "{text}");
    refused(&["explain", weights, "--observe", "cel=1"], 2, &["no field `cel`", "cell (5)"]);
    refused(&["explain", weights, "--observe", "cell=1,0"], 2, &["`cell` has 2 numbers; it takes 5"]);
    refused(&["explain", weights, "--observe", "cell=a"], 2, &["no number"]);
    refused(&["eval", weights, "--env", "rec/markov-interest-v1"], 2, &["classic/chain-v1", "rec/markov-interest-v1"]);
    let cut = folder.file("cut.safetensors", "");
    std::fs::write(&cut, &std::fs::read(weights).expect("weights")[..200]).expect("written");
    refused(&["eval", &cut], 2, &["cut.safetensors"]);
    refused(&["eval", &folder.path("none.safetensors")], 1, &["none.safetensors"]);
}

/// Of a slate each item that is shown has its value and its log-odds, and taking nothing stands below; without a model of the
/// choice there are values alone.
#[test]
fn what_a_slate_is_made_of_is_explained() {
    let explained = |agent: &str, format: &str| {
        let folder = Folder::new();
        let out = folder.path("run");
        let settings = ["agent.hidden=[8]", "agent.memory=400", "agent.warmup=50", "agent.batch=8"];
        let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
        let train =
            ["train", "rec/slate-cascade-v1", "--agent", agent, "--steps", "400", "--episodes", "20", "--out", &out];
        let ran = mercato(&[&train[..], &settings[..]].concat(), &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let weights = walk(&folder.0.path().join("run/weights"));
        let [weights] = &weights[..] else { panic!("{weights:?}") };
        mercato(&["explain", weights, "--steps", "1", "--format", format], &[])
    };
    let row = &json(&explained("cascade_slateq", "json"))["explained"][0];
    let (values, appeal) = (&row["values"], &row["appeal"]);
    assert_eq!((&appeal["measure"], &appeal["values"][10]["of"]), (&json!("log-odds"), &json!("looking on")));
    assert_eq!((values.as_array().map(Vec::len), &values[10]["of"]), (Some(11), &json!("nothing")));
    let text = explained("cascade_slateq", "text").stdout;
    let lines: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("shown ")).skip(2).collect();
    let items = row["items"].as_array().expect("three items");
    assert_eq!(lines.len(), items.len() + 1, "{text}");
    for (line, item) in lines.iter().zip(items) {
        let item = item.as_u64().expect("an index") as usize;
        let number = |of: &Value| format!("{:.4}", of[item]["value"].as_f64().expect("a number"));
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells, ["item", &item.to_string(), &number(values), &number(&appeal["values"])], "{text}");
    }
    assert!(lines[3].starts_with("nothing, looking on "), "{text}");
    let plain = explained("top_k_dqn", "text").stdout;
    assert!(plain.contains("plays item") && !plain.contains("shown"), "{plain}");
}

/// A line for each update, in order; what plays without an update has none.
#[test]
fn a_trace_shows_every_update() {
    let folder = Folder::new();
    let out = folder.path("run");
    let set = ["--set", "agent.hidden=[8]", "--set", "agent.memory=400", "--set", "agent.priority=true"];
    let train = ["train", "classic/chain-v1", "--steps", "1000", "--episodes", "5", "--trace", "--out", &out];
    let ran = mercato(&[&train[..], &set[..], &["--set", "agent.warmup=200"]].concat(), &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let files = walk(&folder.0.path().join("run/trace"));
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = std::fs::read_to_string(file).expect("a trace");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("update,loss,mean_q,max_q,gradient_norm,effective_sample,greedy"));
    let rows: Vec<Vec<f64>> =
        lines.map(|line| line.split(',').map(|cell| cell.parse().expect("a number")).collect()).collect();
    assert!(rows.len() > 90, "{} updates", rows.len());
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row[0], (at + 1) as f64, "no update is left out");
        assert!(row[1] >= 0.0 && row[4] > 0.0, "{row:?}: loss and norm");
        assert!(row[5] >= 1.0 && row[5] <= 64.0 + 1e-3, "{row:?}: a batch is worth at most itself");
        assert!((0.0..=1.0).contains(&row[6]), "{row:?}: a share");
    }
    assert!(rows.iter().any(|row| row[5] < 63.0), "priorities weigh transitions differently");
}

#[test]
fn a_constant_action_is_a_reference_beside_the_agents() {
    let folder = Folder::new();
    let (text, out) = (SPEC.replace("\"oracle\"", "\"constant=0\""), folder.path("run"));
    let ran = mercato(&["run", &folder.file("spec.toml", &text), "--out", &out], &[]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("constant=0"), "{}", ran.stdout);
    refused(&["run", &folder.file("spec.toml", &text.replace("constant=0", "constant=2"))], 2, &["one of 2"]);
    refused(&["rollout", "classic/chain-v1", "--policy", "constant=x"], 2, &["like 8.5"]);
}

#[test]
fn a_folder_that_another_run_writes_to_is_refused() {
    let folder = Folder::new();
    let (spec, out) = (folder.file("spec.toml", SPEC), folder.path("run"));
    std::fs::create_dir(&out).expect("a folder");
    let lock = std::fs::File::create(folder.0.path().join("run/.lock")).expect("a file");
    lock.lock().expect("locked");
    refused(&["run", &spec, "--out", &out], 1, &["another mercato", "--out"]);
    drop(lock);
    assert_eq!(mercato(&["run", &spec, "--out", &out], &[]).code, 0);
}

#[test]
fn records_of_other_code_are_repeated_and_kept_aside() {
    let folder = Folder::new();
    let (spec, out) = (folder.file("spec.toml", SPEC), folder.path("run"));
    assert_eq!(mercato(&["run", &spec, "--out", &out], &[]).code, 0);
    let file = |name: &str| folder.0.path().join("run").join(name);
    let lines = |name: &str| -> Vec<String> {
        std::fs::read_to_string(file(name)).expect(name).lines().map(String::from).collect()
    };
    let mut records = lines("records.jsonl");
    let stale = records.iter().position(|line| line.contains("\"seed\":1,\"budget\"")).expect("seed 1");
    records[stale] = records[stale].replace(mercato::provenance::fingerprint(), "0123456789abcdef");
    std::fs::write(file("records.jsonl"), records.join("\n") + "\n").expect("written");
    let other_seed = mercato(&["run", &spec, "--out", &out, "--seeds", "0..1"], &[]);
    assert_eq!(other_seed.code, 0, "{}", other_seed.stderr);
    assert_eq!(lines("records.jsonl"), records, "what is not asked for is left as it is");
    let again = mercato(&["run", &spec, "--out", &out], &[]);
    assert!(again.stderr.contains("went to superseded.jsonl"), "{}", again.stderr);
    assert_eq!(lines("superseded.jsonl"), [records.remove(stale)]);
    let now = lines("records.jsonl");
    assert_eq!((now.len(), &now[..5]), (6, &records[..]), "nothing is lost, nothing stands twice");
}

#[test]
fn a_trial_that_diverges_is_shown_and_exits_1() {
    let folder = Folder::new();
    let wild = "hidden = [8, 8, 8], learning_rate = 1e6, clip = inf, huber = inf";
    let (spec, out) = (folder.file("spec.toml", &SPEC.replace("hidden = [8]", wild)), folder.path("run"));
    let ran = mercato(&["run", &spec, "--out", &out], &[]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("2 diverged"), "{}", ran.stdout);
    let html = std::fs::read_to_string(folder.0.path().join("run/report.html")).expect("report");
    assert!(html.contains("diverged"));
}

#[test]
fn a_dry_run_prints_a_hash_that_follows_the_settings() {
    let folder = Folder::new();
    let spec = folder.file("spec.toml", SPEC);
    let hash = |more: &[&str]| {
        let ran = mercato(&[&["run", &spec, "--dry-run", "--format", "json"], more].concat(), &[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        json(&ran)["config_hash"].clone()
    };
    assert_eq!(hash(&[]), hash(&["--jobs", "2"]));
    assert_ne!(hash(&[]), hash(&["--seeds", "0..3"]));
    assert_ne!(hash(&[]), hash(&["--set", "worlds.*.agents.0.set.batch=9"]));
    assert!(!folder.0.path().join("runs").exists());
}

#[test]
fn a_rollout_prints_its_schema_in_every_form() {
    let rollout = |more: &[&str]| mercato(&[&["rollout", "classic/chain-v1", "--episodes", "100"], more].concat(), &[]);
    let one = json(&rollout(&["--format", "json", "--rows", "1"]));
    assert_eq!(one, json(&rollout(&["--format", "json", "--rows", "64"])), "rows change no number");
    assert_eq!(
        (&one["schema"], &one["env"], &one["policy"]),
        (&1.into(), &"classic/chain-v1".into(), &"random".into())
    );
    for key in ["mean", "sd", "se"] {
        assert!(one["metrics"]["episode_return"][key].is_number(), "{key}");
    }
    let csv = rollout(&["--format", "csv"]).stdout;
    assert!(csv.starts_with("metric,mean,sd,se\nepisode_return,"), "{csv}");
    assert!(rollout(&["--policy", "constant=1"]).stdout.contains("length"));
}

/// Every layout has its schema; one that is not there is refused with the list.
#[test]
fn schemas_are_printed() {
    for name in ["record", "report", "stats", "ope", "diff", "counts", "verify", "ab"] {
        let schema = json(&mercato(&["schema", name], &[]));
        assert!(schema["properties"]["schema"]["const"].is_u64(), "{name}: {schema}");
        assert!(schema["$id"].as_str().is_some_and(|id| id.starts_with(&format!("mercato/{name}/"))), "{schema}");
    }
    refused(&["schema", "poem"], 2, &["record", "counts"]);
}

#[test]
fn help_doctor_envs_and_completions_print() {
    for arguments in [
        &["--help"][..],
        &["run", "--help"],
        &["doctor"],
        &["doctor", "--format", "json"],
        &["envs"],
        &["envs", "--format", "json"],
        &["completions", "bash"],
        &["--version"],
    ] {
        let ran = mercato(arguments, &[]);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stdout.len() > 5, "{arguments:?}");
    }
    let page = mercato(&["envs", "classic/chain-v1"], &[]).stdout;
    assert!(page.contains("| Reward |") && page.contains("optimum    0.698337"), "{page}");
}
