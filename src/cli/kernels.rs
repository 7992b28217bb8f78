//! `mercato kernels list|check|bench`: the operations, what they cost, whether that got worse, and how long they take on a
//! GPU.
mod bench;
mod callgrind;
mod check;

use super::{Format, Output, print, print_json, table};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use mercato::{
    kernels::{
        counts::Table,
        cuda::{MODULES, nvrtc::Statics},
        statics::{self, Occupancy},
    },
    reports::{Growth, growth_chart},
};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::PathBuf, process::ExitCode};

pub use check::{MissingCounter, Worse};

/// A table that is part of the repository.
struct Committed {
    part: &'static str,
    path: &'static str,
    text: &'static str,
}

const CUDA: Committed =
    Committed { part: "cuda", path: "kernels/counts.txt", text: include_str!("../../kernels/counts.txt") };
const CPU: Committed =
    Committed { part: "cpu", path: "kernels/instructions.txt", text: include_str!("../../kernels/instructions.txt") };

impl Committed {
    fn table(&self) -> Result<Table> {
        Table::parse(self.text).map_err(|problem| anyhow::anyhow!("{}: {problem}", self.path))
    }
}

/// What can be done with the kernels.
#[derive(Subcommand)]
pub enum Kernels {
    /// The kernels with the committed counts
    List(List),
    /// Count again and compare; a kernel that got worse is exit code 3
    Check(check::Check),
    /// Times on a GPU, by its events
    Bench(bench::Bench),
    /// What valgrind runs
    #[command(hide = true)]
    RunCases,
}

/// Options of `mercato kernels list`.
#[derive(Args)]
pub struct List {
    /// Draw instructions over shapes into this SVG file
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Lists or checks.
pub fn run(command: &Kernels) -> Result<ExitCode> {
    match command {
        Kernels::List(list) => self::list(list),
        Kernels::Check(check) => check::run(check),
        Kernels::Bench(bench) => bench::run(bench),
        Kernels::RunCases => callgrind::run_cases(),
    }
}

fn list(command: &List) -> Result<ExitCode> {
    let (cuda, cpu) = (CUDA.table()?, CPU.table()?);
    if let Some(path) = &command.chart {
        let chart = growth_chart("kernels.svg".into(), &growths(&cuda, &cpu))?;
        fs::write(path, chart.standalone()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if command.output.format == Format::Json {
        let modules = MODULES
            .map(|module| json!({ "source": format!("kernels/src/{}.cu", module.stem), "bytes": module.ptx.len() }));
        let assembled: Vec<_> = registers()?
            .iter()
            .map(|row| {
                let warps_a_block = cuda.warps_a_block(&row.kernel);
                let occupancy = warps_a_block.and_then(|warps| Occupancy::of(row, warps));
                json!({
                    "kernel": row.kernel,
                    "architecture": row.architecture,
                    "registers": row.registers,
                    "spilled_bytes": row.spilled,
                    "shared_bytes": row.shared,
                    "warps_a_block": warps_a_block,
                    "occupancy": occupancy.map(|found| json!({
                        "warps": found.warps, "of": found.of, "limit": found.limit,
                    })),
                })
            })
            .collect();
        return print_json(&json!({
            "schema": 3, "compiler": cuda.compiler, "modules": modules, "kernels": rows(&cuda),
            "assembled": assembled,
            "cpu": { "compiler": cpu.compiler, "operations": rows(&cpu) },
        }));
    }
    let mut listed = table::Table::new(&[
        "case",
        "kernel",
        "warp instructions",
        "sectors/load",
        "sectors/store",
        "wavefronts/request",
        "divergent",
        "barriers",
        "atomics",
    ]);
    for (case, kernel) in cuda.rows.keys() {
        let of = |name| cuda.count(case, kernel, name).unwrap_or(0);
        let per = |count, requests| match of(requests) {
            0 => "–".to_string(),
            requests => format!("{:.2}", of(count) as f64 / requests as f64),
        };
        listed.row([
            case.clone(),
            kernel.clone(),
            of("warp_instructions").to_string(),
            per("global_load_sectors", "global_load_requests"),
            per("global_store_sectors", "global_store_requests"),
            per("shared_wavefronts", "shared_requests"),
            of("divergent_branches").to_string(),
            of("barriers").to_string(),
            of("atomics").to_string(),
        ]);
    }
    let mut assembled =
        table::Table::new(&["kernel", "architecture", "registers", "shared bytes", "warps at once", "limit"]);
    for row in registers()? {
        let found = cuda.warps_a_block(&row.kernel).and_then(|warps| Occupancy::of(&row, warps));
        let (warps, limit) =
            found.map_or(("–".into(), "–"), |found| (format!("{} of {}", found.warps, found.of), found.limit));
        let (registers, shared) = (row.registers.to_string(), row.shared.to_string());
        assembled.row([row.kernel, row.architecture, registers, shared, warps, limit.to_string()]);
    }
    let mut operations = table::Table::new(&["case on the CPU", "instructions", "allocations"]);
    for (case, kernel) in cpu.rows.keys() {
        let of = |name| cpu.count(case, kernel, name).unwrap_or(0).to_string();
        operations.row([case.clone(), of("instructions"), of("allocations")]);
    }
    print(&format!(
        "{}\ncounts by the emulator, not times; a sector is 32 bytes; PTX by {}\n\n{}\nby the assembler of NVRTC {}.{}; \
         none spills\n\n{}\none core, AVX2, counted by \
         valgrind; {}\n",
        listed.text(&[2, 3, 4, 5, 6, 7, 8]),
        cuda.compiler,
        assembled.text(&[2, 3, 4]),
        statics::VERSION.0,
        statics::VERSION.1,
        operations.text(&[1, 2]),
        cpu.compiler
    ))
}

/// What the assembler makes of the kernels, as committed.
fn registers() -> Result<Vec<Statics>> {
    statics::committed().map_err(|problem| anyhow::anyhow!("kernels/registers.tsv: {problem}"))
}

/// Every row with its counts by name.
fn rows(table: &Table) -> Vec<serde_json::Value> {
    let row = |((case, kernel), counts): (&(String, String), &Vec<u64>)| {
        let counts: serde_json::Map<_, _> =
            table.metrics.iter().zip(counts).map(|(metric, count)| (metric.to_string(), json!(count))).collect();
        json!({ "kernel": kernel, "case": case, "counts": counts })
    };
    table.rows.iter().map(row).collect()
}

/// Instructions over the size of the shape, for each kernel and for each operation of the CPU with two shapes or more.
fn growths(cuda: &Table, cpu: &Table) -> Vec<Growth> {
    let mut found: BTreeMap<(u8, String), Vec<(f64, f64)>> = BTreeMap::new();
    for (table, metric) in [(cuda, "warp_instructions"), (cpu, "instructions")] {
        for (case, kernel) in table.rows.keys() {
            let Some((operation, shape)) = case.rsplit_once('/') else { continue };
            let sizes: Option<Vec<f64>> = shape.split('x').map(|length| length.parse().ok()).collect();
            let (Some(sizes), Some(count)) = (sizes, table.count(case, kernel, metric)) else { continue };
            let name = match table.metrics == cuda.metrics {
                true if kernel == operation => (0, kernel.clone()),
                true => (0, format!("{kernel} in {operation}")),
                false => (1, format!("{operation} on the CPU")),
            };
            found.entry(name).or_default().push((sizes.iter().product(), count as f64));
        }
    }
    let growth = |((_, name), mut points): ((u8, String), Vec<(f64, f64)>)| {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        Growth { name, points }
    };
    found.into_iter().filter(|(_, points)| points.len() > 1).map(growth).collect()
}
