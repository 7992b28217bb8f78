//! `mercato bench ab` on a repository of one small program: a planted slowdown is found, a program against itself is not
//! called slower, and counts that got worse are.
use crate::support::{Folder, Ran, mercato};
use serde_json::Value;
use std::{path::PathBuf, process::Command};

/// A benchmark that leaves what criterion leaves. Its times are made, not measured: 1 ms with a drift of a third from
/// run to run and a little noise, times `FACTOR`. So the test says the same on every machine.
const PROGRAM: &str = r#"
const FACTOR: f64 = 1.0;
fn main() {
    let home = std::path::PathBuf::from(std::env::var_os("CRITERION_HOME").expect("set by whoever compares"));
    let counter = home.parent().expect("a folder").join("runs");
    let runs: u32 = std::fs::read_to_string(&counter).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    std::fs::write(&counter, (runs + 1).to_string()).expect("written");
    let drift = 1.0 + 0.33 * f64::from(runs / 3 % 7) / 7.0;
    let noise = 1.0 + NOISE * (f64::from(runs.wrapping_mul(2654435761) >> 8) / f64::from(1 << 23) - 1.0);
    let new = home.join("work").join("new");
    std::fs::create_dir_all(&new).expect("made");
    std::fs::write(new.join("benchmark.json"), "{\"full_id\":\"work/small\"}").expect("written");
    let time = 1e6 * drift * noise * FACTOR;
    let sample = format!("{{\"iters\":[2.0,1.0],\"times\":[{},{}]}}", 2.0 * time, 1.5 * time);
    std::fs::write(new.join("sample.json"), sample).expect("written");
}
"#;

struct Repository {
    folder: Folder,
}

impl Repository {
    fn new(noise: &str) -> Self {
        let repository = Repository { folder: Folder::new() };
        let manifest = "[package]\nname = \"small\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n\
                        [[bench]]\nname = \"work\"\npath = \"work.rs\"\nharness = false\n[lib]\npath = \"lib.rs\"\n";
        repository.write("Cargo.toml", manifest);
        repository.write("lib.rs", "");
        repository.write(".gitignore", "/target\nCargo.lock\n");
        repository.write("work.rs", &PROGRAM.replace("NOISE", noise));
        std::fs::create_dir(repository.path("kernels")).expect("made");
        repository.write("kernels/counts.txt", include_str!("../kernels/counts.txt"));
        repository.write("kernels/instructions.txt", include_str!("../kernels/instructions.txt"));
        repository.git(&["init", "--quiet"]);
        repository.git(&["add", "."]);
        repository.git(&["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "base"]);
        repository
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.path().join(name)
    }
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }
    fn git(&self, arguments: &[&str]) {
        let done = Command::new("git").arg("-C").arg(self.folder.0.path()).args(arguments).status();
        assert!(done.expect("git starts").success(), "{arguments:?}");
    }
    fn change(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).expect("read");
        assert!(text.contains(from), "{from} in {name}");
        self.write(name, &text.replacen(from, to, 1));
    }
    fn ab(&self, more: &[&str]) -> Ran {
        let path = self.folder.0.path().display().to_string();
        let fixed = ["bench", "ab", "--repository", &path, "--base", "HEAD", "--bench", "work", "--format", "json"];
        mercato(&[&fixed, more].concat(), &[("CARGO_TARGET_DIR", "target")])
    }
    fn verdict(&self, code: i32, verdict: &str) -> Value {
        let ran = self.ab(&["--rounds", "12"]);
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        let found: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(found["benchmarks"][0]["name"], "work/small", "{found}");
        assert_eq!(found["benchmarks"][0]["verdict"], verdict, "{found}");
        found
    }
}

#[test]
fn a_planted_slowdown_is_found_and_a_program_against_itself_is_the_same() {
    let repository = Repository::new("0.002");
    let same = repository.verdict(0, "SAME");
    assert!(same["counts"]["compared"].as_u64().is_some_and(|rows| rows > 30), "{same}");
    repository.change("work.rs", "FACTOR: f64 = 1.0", "FACTOR: f64 = 1.5");
    let slower = repository.verdict(3, "SLOWER");
    assert!(slower["head"].as_str().is_some_and(|head| head.ends_with('+')), "uncommitted changes are told: {slower}");
    assert!((slower["benchmarks"][0]["ratio"]["median"].as_f64().expect("a ratio") - 1.5).abs() < 0.08, "{slower}");
    repository.change("work.rs", "FACTOR: f64 = 1.5", "FACTOR: f64 = 0.5");
    repository.verdict(0, "FASTER");
    assert!(!repository.path("target/ab/base").exists(), "the worktree is gone");
}

#[test]
fn noise_is_no_verdict_and_worse_counts_are_one() {
    let repository = Repository::new("0.5");
    repository.verdict(4, "NOISY");
    let table = std::fs::read_to_string(repository.path("kernels/counts.txt")).expect("read");
    let row = table.lines().find(|line| line.starts_with("adam/")).expect("adam is counted");
    let cells: Vec<&str> = row.split(' ').collect();
    let more = (cells[5].parse::<u64>().expect("a count") + 1).to_string();
    repository.write("kernels/counts.txt", &table.replace(row, &row.replacen(cells[5], &more, 1)));
    let ran = repository.ab(&["--rounds", "6"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("warp_instructions was {}, is {more}", cells[5])), "{}", ran.stdout);

    // One allocation more on the CPU is worse too; counts by another compiler say nothing, and it is told.
    repository.git(&["checkout", "--quiet", "kernels/counts.txt"]);
    let table = std::fs::read_to_string(repository.path("kernels/instructions.txt")).expect("read");
    let row = table.lines().find(|line| line.starts_with("adam/")).expect("adam is counted");
    let (start, last) = row.rsplit_once(' ').expect("cells");
    let more = format!("{start} {}", last.parse::<u64>().expect("a count") + 1);
    repository.write("kernels/instructions.txt", &table.replacen(row, &more, 1));
    let ran = repository.ab(&["--rounds", "6"]);
    assert!(ran.code == 3 && ran.stdout.contains("allocations was"), "{}", ran.stdout);
    repository.write("kernels/instructions.txt", &table.replacen("# rustc", "# another rustc", 1));
    let ran = repository.ab(&["--rounds", "6"]);
    assert!(ran.code == 4 && ran.stdout.contains("instructions.txt: the base's are of rustc"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_compared_is_named() {
    let repository = Repository::new("0.01");
    let refused = |more: &[&str], code: i32, word: &str| {
        let path = repository.folder.0.path().display().to_string();
        let ran = mercato(&[&["bench", "ab", "--repository", &path], more].concat(), &[("CARGO_TARGET_DIR", "target")]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(word), "`{word}` is not in {}", ran.stderr);
    };
    refused(&["--base", "nothing"], 2, "there is no revision `nothing`");
    refused(&["--base", "HEAD", "--rounds", "2"], 2, "2 is not in 6");
    refused(&["--base", "HEAD", "--bench", "play"], 1, "play");
    repository.change("work.rs", "fn main() {", "fn main() {\n    panic!(\"broken on purpose\");");
    refused(&["--base", "HEAD", "--bench", "work"], 1, "broken on purpose");
}
