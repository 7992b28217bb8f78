//! `--device cuda`, as a user has it, with the emulated driver loaded into the program before it starts: the same bits, an
//! arithmetic that is told, and for each thing that is missing an exit code and a remedy.
use crate::support::{Folder, Ran, mercato};
use mercato::reports::{Record, read_records};
use serde_json::Value;

const TRAIN: [&str; 14] = [
    "train",
    "rec/markov-interest-v1",
    "--steps",
    "400",
    "--episodes",
    "50",
    "--set",
    "agent.hidden=[12]",
    "--set",
    "agent.warmup=100",
    "--set",
    "agent.memory=500",
    "--set",
    "agent.batch=16",
];

/// Few episodes: an interpreter plays them.
const SPEC: &str = r#"
name = "small"
title = "A small one"
seeds = 0
evaluation = { episodes = 20, points = 2, point_episodes = 10 }
[[worlds]]
env = "rec/markov-interest-v1"
steps = 300
references = ["random"]
[[worlds.agents]]
preset = "dqn"
set = { hidden = [12], memory = 500, warmup = 100, batch = 16 }
"#;

/// Runs the program with emulated libraries.
fn emulated(libraries: &[&str], arguments: &[&str]) -> Ran {
    let program = std::env::current_exe().expect("a program has a path");
    let folder = program.parent().expect("a folder");
    let paths: Vec<String> = libraries.iter().map(|name| folder.join(name).display().to_string()).collect();
    assert!(paths.iter().all(|path| std::path::Path::new(path).exists()), "cargo builds {paths:?} beside the test");
    mercato(arguments, &[("LD_PRELOAD", &paths.join(":"))])
}

const DRIVER: &str = "libemulated_cuda.so";
const CUBLAS: &str = "libemulated_blas.so";

/// Trains in a folder of its own; the record of the learner.
fn trained(folder: &Folder, name: &str, libraries: &[&str], more: &[&str]) -> Record {
    let out = folder.path(name);
    let spec = folder.file("spec.toml", SPEC);
    let arguments = [&["run", spec.as_str(), "--out", out.as_str()][..], more].concat();
    let ran = if libraries.is_empty() { mercato(&arguments, &[]) } else { emulated(libraries, &arguments) };
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let records = read_records(&folder.0.path().join(name).join("records.jsonl")).expect("records");
    records.into_iter().find(|record| record.learned).expect("one learns")
}

/// Exactly computed, a training on CUDA is the trial that it is on the processor: its id, its curve, its weights, its
/// evaluation. By default it is fast, which is another trial, and says so; verify then compares scores instead of bits.
#[test]
fn a_training_on_cuda_is_the_one_on_the_processor() {
    let folder = Folder::new();
    let plain = trained(&folder, "plain", &[], &[]);
    let exact = trained(&folder, "exact", &[DRIVER], &["--device", "cuda", "--math", "exact"]);
    assert_eq!((&exact.trial, exact.math.as_str()), (&plain.trial, "exact"));
    assert!(exact.device.starts_with("cuda: emulator") && plain.device == "cpu", "{} {}", exact.device, plain.device);
    let hashes = |record: &Record| {
        let hashes = &record.hashes;
        [&hashes.curve, &hashes.weights, &hashes.evaluation].map(|hash| hash.clone().expect("a hash"))
    };
    assert_eq!(hashes(&exact), hashes(&plain));
    let ran = mercato(&["verify", &folder.path("exact")], &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);

    let fast = trained(&folder, "fast", &[DRIVER, CUBLAS], &["--device", "cuda"]);
    assert!(fast.math == "fast" && fast.trial != plain.trial);
    assert_ne!(fast.hashes.weights, plain.hashes.weights);
    let report = std::fs::read_to_string(folder.0.path().join("fast/report.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let command = report["command"].as_str().expect("the command");
    assert!(command.ends_with("--device cuda --math fast"), "{command}");
    let ran = mercato(&["verify", &folder.path("fast")], &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let ran = mercato(&["verify", &folder.path("fast"), "--tier", "bitwise"], &[]);
    assert!(ran.code == 5 && ran.stdout.contains("promises no bits"), "{}{}", ran.stdout, ran.stderr);
}

/// What is missing exits with 5, names the library and what to do, and nothing was begun.
#[test]
fn what_fast_products_and_compiled_kernels_need() {
    let folder = Folder::new();
    let out = folder.path("run");
    let missing = |more: &[&str], words: &[&str]| {
        let ran = emulated(&[DRIVER], &[&TRAIN[..], &["--out", &out, "--device", "cuda"], more].concat());
        if ran.code == 0 {
            return println!("skipped: {more:?}, because this machine has what it needs");
        }
        assert_eq!(ran.code, 5, "{}", ran.stderr);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{words:?} in {}", ran.stderr);
        assert!(!std::path::Path::new(&out).exists(), "nothing was begun");
    };
    missing(&[], &["libcublas.so.13", "libcublas.so.12", "--math exact"]);
    missing(&["--math", "tf32"], &["libcublas.so.12", "pip install nvidia-cublas-cu12"]);
    if std::env::var_os("MERCATO_NVRTC").is_none() {
        missing(&["--math", "exact", "--kernels", "nvrtc"], &["libnvrtc.so.12", "--kernels shipped"]);
    }
    let named = [("MERCATO_NVRTC", "/nowhere/libnvrtc.so.12")];
    let ran = mercato(&["doctor"], &named);
    assert!(ran.code == 0 && ran.stdout.contains("MERCATO_NVRTC names a library"), "{}", ran.stdout);
}

/// A library that is not what its name says has none of the functions: an error that names the first, never a panic.
#[test]
fn another_library_of_the_same_name_is_told() {
    let program = std::env::current_exe().expect("a program has a path");
    // One at a time: the loader also knows a library by the name within it, and these have another's.
    for (library, name, variable, function) in [
        (CUBLAS, "libcuda.so.1", "NONE", "cuDriverGetVersion"),
        (DRIVER, "libcublas.so.12", "MERCATO_CUBLAS", "cublasCreate_v2"),
        (DRIVER, "libnvrtc.so.12", "MERCATO_NVRTC", "nvrtcVersion"),
    ] {
        let folder = Folder::new();
        let path = folder.path(name);
        std::fs::copy(program.with_file_name(library), &path).expect("copied");
        let place = folder.0.path().display().to_string();
        let named = [("LD_LIBRARY_PATH", &place[..]), (variable, &path)];
        let ran = mercato(&["doctor"], &named);
        let told = format!("has no function `{function}`");
        assert!(ran.code == 0 && ran.stdout.contains(&told), "{function} in {}{}", ran.stdout, ran.stderr);
        if name == "libcuda.so.1" {
            let out = folder.path("run");
            let ran = mercato(&[&TRAIN[..], &["--out", &out, "--device", "cuda"]].concat(), &named);
            assert!(ran.code == 5 && ran.stderr.contains(&told), "{}", ran.stderr);
            assert!(!std::path::Path::new(&out).exists(), "nothing was begun");
        }
    }
}

/// The processor is always exact, and refuses to be asked for anything else: by an option or by an experiment.
#[test]
fn the_processor_computes_exactly_or_not_at_all() {
    let folder = Folder::new();
    let ran = mercato(&[&TRAIN[..], &["--math", "fast"]].concat(), &[]);
    assert!(ran.code == 2 && ran.stderr.contains("always exact"), "{}", ran.stderr);
    let text = "name = \"small\"\ntitle = \"Small\"\nseeds = 1\nmath = \"tf32\"\nevaluation = { episodes = 10 }\n\
                [[worlds]]\nenv = \"classic/chain-v1\"\nsteps = 100\nagents = [{ preset = \"dqn\" }]\n";
    let spec = folder.file("spec.toml", text);
    let ran = mercato(&["run", &spec], &[]);
    assert!(ran.code == 2 && ran.stderr.contains("math: it is tf32"), "{}", ran.stderr);
    let dry = |more: &[&str]| {
        let ran = mercato(&[&["run", &spec, "--dry-run", "--format", "json"], more].concat(), &[]);
        let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        told["trials"][0]["config"]["math"].as_str().expect("the arithmetic").to_string()
    };
    assert_eq!(dry(&["--device", "cuda"]), "tf32", "the experiment's");
    assert_eq!(dry(&["--device", "cuda", "--math", "fast"]), "fast", "the option's");
    assert_eq!(dry(&["--math", "exact"]), "exact");
}

/// Times come from a device; without one there is a hint at what works, and the emulator's are told from a device's.
#[test]
fn kernels_are_timed_on_a_device_only() {
    let ran = mercato(&["kernels", "bench"], &[("CUDA_VISIBLE_DEVICES", "")]);
    assert!(ran.code == 5 && ran.stderr.contains("mercato kernels check"), "{}", ran.stderr);
    let arguments = ["kernels", "bench", "dueling/64", "--repeats", "2"];
    let ran = emulated(&[DRIVER], &[&arguments[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&told["emulated"], &told["comparable"]), (&Value::Bool(true), &Value::Bool(false)));
    let cases = told["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 1);
    for key in ["cold_s", "warm_s", "replayed_s", "launches", "bytes", "roofline"] {
        assert!(cases[0][key].as_f64().is_some_and(|number| number > 0.0), "{key} in {}", cases[0]);
    }
    let ran = emulated(&[DRIVER], &arguments);
    assert!(ran.stdout.contains("no times of a device"), "{}", ran.stdout);
    let ran = emulated(&[DRIVER], &["kernels", "bench", "nothing"]);
    assert!(ran.code == 1 && ran.stderr.contains("kernels list"), "{}", ran.stderr);
}

/// What the machine has of CUDA, each thing with its remedy where it is missing.
#[test]
fn doctor_tells_what_there_is_of_cuda() {
    let ran = emulated(&[DRIVER, CUBLAS], &["doctor", "--format", "json"]);
    let cuda = serde_json::from_str::<Value>(&ran.stdout).expect("JSON")["cuda"].clone();
    assert_eq!((cuda["device"].as_str(), cuda["driver"].as_str()), (Some("emulator sm_75"), Some("12.6")));
    assert_eq!((cuda["capability"].as_str(), &cuda["cublas"]["found"]), (Some("7.5"), &Value::Bool(true)));
    let ran = mercato(&["doctor"], &[("CUDA_VISIBLE_DEVICES", "")]);
    assert!(ran.code == 0 && ran.stdout.contains("leave out --device cuda"), "{}", ran.stdout);
}
