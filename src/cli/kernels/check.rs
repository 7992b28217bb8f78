//! `mercato kernels check`: count again, and compare with the committed tables.
use super::super::{Format, Output, print, print_json};
use super::{CPU, CUDA, Committed, callgrind, registers};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use mercato::{
    Error,
    kernels::{
        counts::{CPU_METRICS, Change, Table},
        cuda::nvrtc,
        statics,
    },
};
use serde_json::json;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

/// Options of `mercato kernels check`.
#[derive(Args)]
pub struct Check {
    /// What to count [default: both]
    #[arg(long, value_enum, conflicts_with = "measured")]
    only: Option<Part>,
    /// Counts that were measured before, of either part, instead of counting now
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
    /// The table to compare with [default: the one that this program was built with]
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The CUDA kernels, by the emulator, and their registers, by NVRTC's assembler
    Cuda,
    /// The CPU's operations, by valgrind
    Cpu,
}

/// Counts that are more than the tables say: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("worse:{}", lines(.0))]
pub struct Worse(Vec<Change>);

/// The program that counts is not there: exit code 5.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0} is missing, which counts on the emulator; build it with `cargo build -p mercato-kernels --example counts`, or \
     give counts with --measured"
)]
pub struct MissingCounter(String);

/// How the counts of one part compare with its table.
enum Verdict {
    Compared { rows: usize, worse: Vec<Change>, better: Vec<Change> },
    NotComparable { counts: String, table: String },
    Skipped(String),
    Written(usize),
}

/// Compares. With the environment variable `UPDATE` set, writes the tables instead.
pub fn run(command: &Check) -> Result<ExitCode> {
    let update = env::var_os("UPDATE").is_some();
    let mut verdicts = Vec::new();
    if let Some(path) = &command.measured {
        let measured = read(path)?;
        let of = if measured.metrics == CPU_METRICS { &CPU } else { &CUDA };
        verdicts.push((of, compared(&measured, &before(command, of)?)));
    } else {
        for (part, of) in [(Part::Cuda, &CUDA), (Part::Cpu, &CPU)] {
            if command.only.is_some_and(|only| only != part) {
                continue;
            }
            let measured = if part == Part::Cuda { Ok(count_on_emulator()?) } else { callgrind::count()? };
            let verdict = match measured {
                Err(reason) => Verdict::Skipped(reason),
                Ok(measured) if update => write(of, &measured)?,
                Ok(measured) => compared(&measured, &before(command, of)?),
            };
            verdicts.push((of, verdict));
        }
        if command.only != Some(Part::Cpu) {
            verdicts.push((&REGISTERS, assembled()?));
        }
    }
    if command.output.format == Format::Json {
        let parts: serde_json::Map<_, _> =
            verdicts.iter().map(|(of, verdict)| (of.part.to_string(), verdict.json())).collect();
        print_json(&json!({ "schema": 2, "parts": parts }))?;
    } else {
        print(&verdicts.iter().map(|(of, verdict)| verdict.text(of)).collect::<String>())?;
    }
    let worse: Vec<Change> = verdicts.into_iter().flat_map(|(_, verdict)| verdict.worse()).collect();
    if worse.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(Worse(worse).into()) }
}

impl Verdict {
    fn text(&self, of: &Committed) -> String {
        let part = of.part;
        match self {
            Verdict::Compared { rows, worse, better } if worse.is_empty() && better.is_empty() => {
                format!("{part}: {rows} rows as committed\n")
            }
            Verdict::Compared { better, .. } if better.is_empty() => String::new(),
            Verdict::Compared { better, .. } => {
                format!("{part}: better or new:{}\nUPDATE=1 writes {}\n", lines(better), of.path)
            }
            Verdict::NotComparable { counts, table } => {
                format!("{part}: not comparable: the counts are of {counts}, the table is of {table}\n")
            }
            Verdict::Skipped(reason) => format!("skipped: {part} because {reason}\n"),
            Verdict::Written(rows) => format!("{part}: {} has {rows} rows\n", of.path),
        }
    }

    fn json(&self) -> serde_json::Value {
        let told = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
        match self {
            Verdict::Compared { rows, worse, better } => json!({
                "status": if !worse.is_empty() { "worse" } else if !better.is_empty() { "better" } else { "same" },
                "rows": rows, "worse": told(worse), "better": told(better),
            }),
            Verdict::NotComparable { counts, table } => {
                json!({ "status": "not comparable", "counts_of": counts, "table_of": table })
            }
            Verdict::Skipped(reason) => json!({ "status": "skipped", "reason": reason }),
            Verdict::Written(rows) => json!({ "status": "written", "rows": rows }),
        }
    }

    fn worse(self) -> Vec<Change> {
        if let Verdict::Compared { worse, .. } = self { worse } else { Vec::new() }
    }
}

/// What the assembler makes of the kernels; `cargo test -p mercato-kernels --test ptx` is what writes its table.
const REGISTERS: Committed = Committed { part: "registers", path: "kernels/registers.tsv", text: "" };

/// The registers against the committed table, where the pinned NVRTC is at hand.
fn assembled() -> Result<Verdict> {
    let version = match nvrtc::version() {
        Ok(version) => version,
        Err(error) => return Ok(Verdict::Skipped(error.to_string())),
    };
    if version != statics::VERSION {
        let named = |(major, minor): (i32, i32)| format!("NVRTC {major}.{minor}");
        return Ok(Verdict::NotComparable { counts: named(version), table: named(statics::VERSION) });
    }
    let (measured, committed) = (statics::measured().map_err(Error::from)?, registers()?);
    let (worse, better) = statics::changes(&measured, &committed).into_iter().partition(Change::is_worse);
    Ok(Verdict::Compared { rows: measured.len(), worse, better })
}

/// The table to compare with.
fn before(command: &Check, of: &Committed) -> Result<Table> {
    match &command.against {
        Some(path) => read(path),
        None => of.table(),
    }
}

fn compared(measured: &Table, before: &Table) -> Verdict {
    let Some(changes) = measured.changes(before) else {
        return Verdict::NotComparable { counts: measured.compiler.clone(), table: before.compiler.clone() };
    };
    let (worse, better) = changes.into_iter().partition(Change::is_worse);
    Verdict::Compared { rows: measured.rows.len(), worse, better }
}

fn lines(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("\n  {change}")).collect()
}

fn read(path: &Path) -> Result<Table> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    Table::parse(&text).map_err(|problem| anyhow::anyhow!("{shown}: {problem}"))
}

/// Writes a table into the clone in whose root this runs.
fn write(of: &Committed, measured: &Table) -> Result<Verdict> {
    anyhow::ensure!(Path::new(of.path).exists(), "{} is not here: UPDATE=1 is for the root of a clone", of.path);
    fs::write(of.path, measured.to_string()).with_context(|| format!("cannot write {}", of.path))?;
    Ok(Verdict::Written(measured.rows.len()))
}

/// Counts now, with the program that cargo builds beside this one or for the other profile, whichever is newer.
fn count_on_emulator() -> Result<Table> {
    let own = env::current_exe().context("this program has no path")?;
    let name = Path::new("examples").join("counts").with_extension(env::consts::EXE_EXTENSION);
    let beside = own.with_file_name(&name);
    let other = |profile: &str| own.parent().map(|folder| folder.with_file_name(profile).join(&name));
    let built = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified()).ok();
    let candidates = [Some(beside.clone()), other("debug"), other("release")].into_iter().flatten();
    let newest = candidates.filter_map(|path| built(&path).map(|time| (time, path))).max();
    let counter = newest.ok_or_else(|| MissingCounter(beside.display().to_string()))?.1;
    let output = Command::new(&counter).output().with_context(|| format!("cannot run {}", counter.display()))?;
    let told = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{}: {}", counter.display(), told.trim());
    Table::parse(&String::from_utf8_lossy(&output.stdout)).map_err(|problem| anyhow::anyhow!("the counts: {problem}"))
}
