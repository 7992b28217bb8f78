//! `mercato kernels list|check|bench`: the CUDA kernels, what the emulator counts of them, whether that got worse, and how
//! long they take on a GPU.
use super::{Format, Output, print, print_json, table};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mercato::{
    Error,
    kernels::{
        counts::{Change, METRICS, Table},
        cuda::{MODULES, nvrtc},
        statics,
    },
};
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

mod bench;

/// The committed counts.
const COMMITTED: &str = include_str!("../../kernels/counts.txt");

/// What can be done with the kernels.
#[derive(Subcommand)]
pub enum Kernels {
    /// The kernels with the committed counts
    List(List),
    /// Count again and compare; a kernel that got worse is exit code 3
    Check(Check),
    /// Times on a GPU, by its events
    Bench(bench::Bench),
}

/// Options of `mercato kernels list`.
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    output: Output,
}

/// Options of `mercato kernels check`.
#[derive(Args)]
pub struct Check {
    /// Counts that were measured before, instead of counting now
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
    /// The table to compare with [default: the one that this program was built with]
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Kernels that cost more than the table says: exit code 3.
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

/// Lists or checks.
pub fn run(command: &Kernels) -> Result<ExitCode> {
    match command {
        Kernels::List(list) => self::list(list),
        Kernels::Check(check) => self::check(check),
        Kernels::Bench(bench) => bench::run(bench),
    }
}

fn list(command: &List) -> Result<ExitCode> {
    let counts = parsed(COMMITTED, "kernels/counts.txt")?;
    if command.output.format == Format::Json {
        let rows: Vec<_> = (counts.rows.iter())
            .map(|((case, kernel), numbers)| {
                let numbers: serde_json::Map<_, _> =
                    METRICS.iter().zip(numbers).map(|(metric, number)| (metric.to_string(), json!(number))).collect();
                json!({ "kernel": kernel, "case": case, "counts": numbers })
            })
            .collect();
        let modules = MODULES
            .map(|module| json!({ "source": format!("kernels/src/{}.cu", module.stem), "bytes": module.ptx.len() }));
        let assembled = statics::committed().map_err(|problem| anyhow::anyhow!("kernels/registers.tsv: {problem}"))?;
        let assembled: Vec<_> = (assembled.iter())
            .map(|row| {
                json!({
                    "kernel": row.kernel,
                    "architecture": row.architecture,
                    "registers": row.registers,
                    "spilled_bytes": row.spilled,
                    "shared_bytes": row.shared,
                })
            })
            .collect();
        return print_json(&json!({
            "schema": 1,
            "compiler": counts.compiler,
            "modules": modules,
            "kernels": rows,
            "assembled": assembled,
        }));
    }
    let mut table =
        table::Table::new(&["case", "kernel", "warp instructions", "sectors in", "sectors out", "barriers"]);
    for ((case, kernel), numbers) in &counts.rows {
        let of =
            |name: &str| METRICS.iter().zip(numbers).find(|(metric, _)| **metric == name).map(|(_, number)| *number);
        let shown = ["warp_instructions", "global_load_sectors", "global_store_sectors", "barriers"];
        let [instructions, read, written, barriers] = shown.map(|name| of(name).unwrap_or(0).to_string());
        table.row([case.clone(), kernel.clone(), instructions, read, written, barriers]);
    }
    let footer = "counts by the emulator, not times; a sector is 32 bytes";
    print(&format!("{}\n{footer}; PTX by {}\n", table.text(&[2, 3, 4, 5]), counts.compiler))
}

fn check(command: &Check) -> Result<ExitCode> {
    let measured = match &command.measured {
        Some(path) => read(path)?,
        None => count()?,
    };
    let committed = match &command.against {
        Some(path) => read(path)?,
        None => parsed(COMMITTED, "kernels/counts.txt")?,
    };
    let Some(changes) = measured.changes(&committed) else {
        let (ours, theirs) = (&measured.compiler, &committed.compiler);
        return print(&format!("not comparable: the counts are of {ours}, the table is of {theirs}\n"));
    };
    let (registers, remark) = assembled()?;
    let changes = changes.into_iter().chain(registers);
    let (worse, better): (Vec<Change>, Vec<Change>) = changes.partition(Change::is_worse);
    if command.output.format == Format::Json {
        let told = |changes: &[Change]| changes.iter().map(ToString::to_string).collect::<Vec<_>>();
        print_json(&json!({
            "schema": 1,
            "rows": measured.rows.len(),
            "registers": remark,
            "worse": told(&worse),
            "better": told(&better),
        }))?;
    }
    if !worse.is_empty() {
        return Err(Worse(worse).into());
    }
    if command.output.format == Format::Json {
        return Ok(ExitCode::SUCCESS);
    }
    if better.is_empty() {
        return print(&format!("{} rows as committed; registers: {remark}\n", measured.rows.len()));
    }
    let hint = "UPDATE=1 cargo test -p mercato-kernels --test counts writes the table";
    print(&format!("better or new:{}\n{hint}\n", lines(&better)))
}

/// What the assembler makes of the kernels against the committed table, and in words whether it could be asked.
fn assembled() -> Result<(Vec<Change>, String)> {
    let committed = statics::committed().map_err(|problem| anyhow::anyhow!("kernels/registers.tsv: {problem}"))?;
    match nvrtc::version() {
        Ok(version) if version == statics::VERSION => {
            let changes = statics::changes(&statics::measured().map_err(Error::from)?, &committed);
            Ok((changes, format!("{} rows compared", committed.len())))
        }
        Ok((major, minor)) => Ok((Vec::new(), format!("not comparable with those of NVRTC {major}.{minor}"))),
        Err(error) => Ok((Vec::new(), format!("not compared: {error}"))),
    }
}

fn lines(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("\n  {change}")).collect()
}

fn parsed(text: &str, path: &str) -> Result<Table> {
    Table::parse(text).map_err(|problem| anyhow::anyhow!("{path}: {problem}"))
}

fn read(path: &Path) -> Result<Table> {
    let shown = path.display().to_string();
    parsed(&std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?, &shown)
}

/// Counts now, with the program that cargo builds beside this one.
fn count() -> Result<Table> {
    let own = std::env::current_exe().context("this program has no path")?;
    let counter = own.with_file_name("examples").join("counts").with_extension(std::env::consts::EXE_EXTENSION);
    if !counter.exists() {
        return Err(MissingCounter(counter.display().to_string()).into());
    }
    let output = Command::new(&counter).output().with_context(|| format!("cannot run {}", counter.display()))?;
    anyhow::ensure!(
        output.status.success(),
        "{}: {}",
        counter.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    parsed(&String::from_utf8_lossy(&output.stdout), "the counts")
}
