//! Two revisions of a repository timed in turns, with the old one against itself as control.
//!
//! The base is checked out as a git worktree and built beside the head, which is the repository's folder as it is. What
//! is timed are the criterion benchmarks of one `cargo bench` target, process by process in random order; of each
//! process counts the smallest time of an iteration.
use crate::{
    error::{Error, Result, file},
    resampling,
};
use envs::{Domain, Purpose, Rng};
use kernels::counts;
use reports::speed::{self, Round, SCHEMA, Speed, Verdict};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

/// The committed counts, in a repository that has them: of the CUDA kernels, and of the CPU's operations.
const COUNTS: [&str; 2] = ["kernels/counts.txt", "kernels/instructions.txt"];
/// A short run: the smallest of ten samples is what is wanted, not criterion's statistics.
const ARGUMENTS: [&str; 8] = [
    "--bench",
    "--noplot",
    "--warm-up-time=0.1",
    "--measurement-time=0.2",
    "--sample-size=10",
    "--nresamples=1000",
    "--color=never",
    "--quiet",
];

/// What is compared, and how.
pub struct Ab<'a> {
    /// The repository; its folder as it is, with uncommitted changes, is the head.
    pub repository: &'a Path,
    /// The revision to compare with.
    pub base: &'a str,
    /// The `cargo bench` target.
    pub bench: &'a str,
    /// The part of a benchmark's name that picks it; all without.
    pub filter: Option<&'a str>,
    /// How often each program is run, the base twice as often.
    pub rounds: u32,
    /// Seed of the order of the runs and of the statistics.
    pub seed: u64,
    /// Least change that matters, such as 0.03.
    pub threshold: f64,
    /// Set from outside to stop early.
    pub stop: &'a AtomicBool,
    /// Told in words what is being done.
    pub progress: &'a dyn Fn(&str),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Found {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// The commit of the base.
    pub base: String,
    /// The commit of the head, with a `+` when the folder has changes that it does not hold.
    pub head: String,
    /// Least change that matters.
    pub threshold: f64,
    /// Seed of order and statistics.
    pub seed: u64,
    /// The benchmarks that both have.
    pub benchmarks: Vec<Speed>,
    /// Benchmarks that only one of the two has.
    pub unpaired: Vec<String>,
    /// Counts that are not what they were: deterministic, so worse is worse.
    pub counts: Counts,
}

/// Committed counts of the CUDA kernels and of the CPU's operations, base against head.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Counts {
    /// Rows that both have counts for; 0 where there are none to compare.
    pub compared: usize,
    /// Tables of only one of the two, or made by other compilers or tools, and why they are not compared.
    pub incomparable: Vec<String>,
    /// More than before, or no longer counted.
    pub worse: Vec<String>,
    /// Less than before, or new.
    pub better: Vec<String>,
}

impl Found {
    /// 3 if anything is slower or costs more, 4 if anything cannot be told, else 0.
    pub fn exit_code(&self) -> u8 {
        let any = |wanted: &[Verdict]| self.benchmarks.iter().any(|speed| wanted.contains(&speed.verdict));
        if any(&[Verdict::Slower]) || !self.counts.worse.is_empty() {
            3
        } else if any(&[Verdict::Ambiguous, Verdict::Noisy]) {
            4
        } else {
            0
        }
    }
}

impl Counts {
    /// Takes in one table of counts.
    fn add(&mut self, path: &str, then: &counts::Table, now: &counts::Table) {
        let Some(changes) = now.changes(then) else {
            self.incomparable.push(format!(
                "{path}: the base's are of {}, the head's of {}, or have other columns",
                then.compiler, now.compiler
            ));
            return;
        };
        self.compared += then.rows.keys().filter(|key| now.rows.contains_key(*key)).count();
        for change in changes {
            let list = if change.is_worse() { &mut self.worse } else { &mut self.better };
            list.push(change.to_string());
        }
    }
}

impl Ab<'_> {
    /// Builds both, runs them in turns and compares.
    ///
    /// # Errors
    /// [`Error::Spec`] when there is no such revision or no such benchmark; [`Error::Tool`] when git or cargo is
    /// missing; [`Error::Program`] when one of the two does not build or run; [`Error::Interrupted`].
    pub fn run(&self) -> Result<Found> {
        let base = self.git(&["rev-parse", "--verify", "--quiet", &format!("{}^{{commit}}", self.base)]);
        let base = base.map_err(|error| match error {
            Error::Program { .. } => {
                let problem = format!("there is no revision `{}` in {}", self.base, self.repository.display());
                Error::Spec { path: "--base".into(), problem }
            }
            other => other,
        })?;
        let changes = if self.git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty() { "" } else { "+" };
        let head = self.git(&["rev-parse", "HEAD"])? + changes;
        let place = self.target().join("ab");
        std::fs::create_dir_all(&place).map_err(file(&place))?;
        let tree = Worktree::add(self, place.join("base"), &base)?;

        (self.progress)(&format!("building {}", &base[..12]));
        let old = self.build(&tree.path, Some(&place.join("build")))?;
        (self.progress)("building the folder as it is");
        let new = self.build(self.repository, None)?;
        let times = self.times(&place, [(&old, &tree.path), (&old, &tree.path), (&new, self.repository)])?;
        let counts = self.counts(&base);
        drop(tree);

        let mut benchmarks: Vec<(String, Vec<Round>)> = Vec::new();
        let mut unpaired = Vec::new();
        for (name, [base, control, head]) in times {
            let whole = [&base, &control, &head].iter().all(|times| times.len() == self.rounds as usize);
            if !whole {
                unpaired.push(name);
                continue;
            }
            let rounds = base.into_iter().zip(control).zip(head);
            benchmarks.push((name, rounds.map(|((base, control), head)| Round { base, control, head }).collect()));
        }
        if benchmarks.is_empty() {
            let filter = self.filter.map_or(String::new(), |filter| format!(" with `{filter}` in its name"));
            let problem = format!("{} has no benchmark{filter} in both revisions", self.bench);
            return Err(Error::Spec { path: "--bench".into(), problem });
        }
        let benchmarks = speed::compare(&benchmarks, self.threshold, &resampling::draw(self.seed));
        let (threshold, seed) = (self.threshold, self.seed);
        Ok(Found { schema: SCHEMA, base, head, threshold, seed, benchmarks, unpaired, counts })
    }

    /// Times of every benchmark, in seconds, for each of the three programs.
    fn times(&self, place: &Path, programs: [(&PathBuf, &Path); 3]) -> Result<BTreeMap<String, [Vec<f64>; 3]>> {
        let mut times: BTreeMap<String, [Vec<f64>; 3]> = BTreeMap::new();
        for round in 0..self.rounds {
            (self.progress)(&format!("round {} of {}", round + 1, self.rounds));
            let mut order = [0; 3];
            Rng::new(self.seed, Domain::Statistics).at(round, 0, 0).stream(Purpose::STEP).permutation(&mut order);
            for at in order {
                if self.stop.load(Ordering::Relaxed) {
                    return Err(Error::Interrupted);
                }
                let (program, folder) = programs[at as usize];
                let home = place.join("times");
                if home.exists() {
                    std::fs::remove_dir_all(&home).map_err(file(&home))?;
                }
                let mut command = Command::new(program);
                command.args(ARGUMENTS).args(self.filter).current_dir(folder).env("CRITERION_HOME", &home);
                output(&mut command, "the benchmark")?;
                for (name, seconds) in samples(&home) {
                    times.entry(name).or_default()[at as usize].push(seconds);
                }
            }
        }
        Ok(times)
    }

    /// Builds the benchmark of a revision; returns the program.
    fn build(&self, folder: &Path, target: Option<&Path>) -> Result<PathBuf> {
        let mut command = Command::new("cargo");
        command.args(["bench", "--no-run", "--quiet", "--message-format=json", "--bench", self.bench]);
        command.current_dir(folder);
        target.map(|target| command.env("CARGO_TARGET_DIR", target));
        let text = output(&mut command, "cargo")?;
        let artifacts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut programs = artifacts
            .filter(|artifact| artifact["target"]["name"] == self.bench && artifact["target"]["kind"][0] == "bench")
            .filter_map(|artifact| artifact["executable"].as_str().map(PathBuf::from));
        let missing = || Error::Spec {
            path: "--bench".into(),
            problem: format!("{} has no benchmark program `{}`", folder.display(), self.bench),
        };
        programs.next().ok_or_else(missing)
    }

    fn counts(&self, base: &str) -> Counts {
        let parsed = |text: String| counts::Table::parse(&text).ok();
        let mut found = Counts::default();
        for path in COUNTS {
            let then = self.git(&["show", &format!("{base}:{path}")]).ok().map(|text| text + "\n").and_then(parsed);
            let now = std::fs::read_to_string(self.repository.join(path)).ok().and_then(parsed);
            match (then, now) {
                (Some(then), Some(now)) => found.add(path, &then, &now),
                (None, None) => {}
                (then, _) => {
                    let place = if then.is_some() { "base" } else { "head" };
                    found.incomparable.push(format!("{path}: only the {place} has it, as far as it can be read"));
                }
            }
        }
        found
    }

    fn target(&self) -> PathBuf {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
        let target = self.repository.join(target);
        std::path::absolute(&target).unwrap_or(target)
    }

    fn git(&self, arguments: &[&str]) -> Result<String> {
        output(Command::new("git").arg("-C").arg(self.repository).args(arguments), "git")
    }
}

/// Counts of kernels at one commit that changed them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Revision {
    /// The commit.
    pub commit: String,
    /// Its day.
    pub day: String,
    /// Warp instructions by kernel and case: a case that came later starts a history of its own.
    pub counts: BTreeMap<String, u64>,
}

/// Counts of kernels at every commit of `repository` that changed them, the oldest first.
///
/// # Errors
/// [`Error::Tool`] without git, [`Error::Program`] where there is no repository.
pub fn history(repository: &Path) -> Result<Vec<Revision>> {
    let git = |arguments: &[&str]| output(Command::new("git").arg("-C").arg(repository).args(arguments), "git");
    let path = COUNTS[0];
    let log = git(&["log", "--reverse", "--format=%H %cs", "--", path])?;
    let mut revisions = Vec::new();
    for line in log.lines() {
        let Some((commit, day)) = line.split_once(' ') else { continue };
        let text = git(&["show", &format!("{commit}:{path}")]).map(|text| text + "\n");
        let Some(table) = text.ok().and_then(|text| counts::Table::parse(&text).ok()) else { continue };
        let count = |(case, kernel): &(String, String)| {
            Some((format!("{kernel} in {case}"), table.count(case, kernel, "warp_instructions")?))
        };
        let counts = table.rows.keys().filter_map(count).collect();
        revisions.push(Revision { commit: commit.into(), day: day.into(), counts });
    }
    Ok(revisions)
}

/// A checked-out revision that goes away with this value.
struct Worktree<'a> {
    ab: &'a Ab<'a>,
    path: PathBuf,
}

impl<'a> Worktree<'a> {
    fn add(ab: &'a Ab<'a>, path: PathBuf, commit: &str) -> Result<Self> {
        let tree = Worktree { ab, path };
        tree.remove();
        ab.git(&["worktree", "add", "--detach", "--force", &tree.path.display().to_string(), commit])?;
        Ok(tree)
    }

    /// Whether there was one or not.
    fn remove(&self) {
        let _ = self.ab.git(&["worktree", "remove", "--force", &self.path.display().to_string()]);
        let _ = std::fs::remove_dir_all(&self.path);
        let _ = self.ab.git(&["worktree", "prune"]);
    }
}

impl Drop for Worktree<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What a program prints, without the end of the last line.
fn output(command: &mut Command, name: &str) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().map_err(|_| Error::Tool(format!("{name} cannot be started")))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = words.trim().lines().rev().take(20).collect();
        let told = lines.into_iter().rev().collect::<Vec<_>>().join("\n");
        return Err(Error::Program { name: name.into(), told });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_string())
}

/// The smallest time of an iteration, in seconds, of each benchmark that criterion left below `folder`.
fn samples(folder: &Path) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name() == Some(OsStr::new("new")) {
            found.extend(sample(&path));
        } else if path.is_dir() {
            found.extend(samples(&path));
        }
    }
    found
}

fn sample(folder: &Path) -> Option<(String, f64)> {
    let read =
        |name: &str| -> Option<Value> { serde_json::from_str(&std::fs::read_to_string(folder.join(name)).ok()?).ok() };
    let (benchmark, sample) = (read("benchmark.json")?, read("sample.json")?);
    let numbers =
        |key: &str| -> Vec<f64> { sample[key].as_array().into_iter().flatten().filter_map(Value::as_f64).collect() };
    let each = numbers("times").into_iter().zip(numbers("iters")).map(|(nanoseconds, times)| nanoseconds / times);
    let least = each.fold(f64::INFINITY, |least, time| if time < least { time } else { least });
    (least.is_finite() && least > 0.0).then(|| Some((benchmark["full_id"].as_str()?.to_string(), 1e-9 * least)))?
}
