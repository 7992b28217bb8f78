//! `mercato kernels bench`: how long every operation takes on a GPU, and how near that is to what the GPU can do.
use super::super::{Format, KernelsName, MathName, Output, print, print_json, table::Table};
use super::CUDA;
use anyhow::{Context, Result};
use clap::Args;
use mercato::{
    Error,
    kernels::{
        Cuda, CudaConfig, Math,
        times::{self, Peak, Times},
    },
};
use serde_json::json;
use std::process::ExitCode;

/// Options of `mercato kernels bench`.
#[derive(Args)]
pub struct Bench {
    /// Only cases whose name contains this, as in `linear/`
    #[arg(default_value = "")]
    case: String,
    /// Measurements of each kind, of which the median is shown
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    repeats: u32,
    /// How products are computed
    #[arg(long, value_enum, default_value = "exact")]
    math: MathName,
    /// Where the kernels come from
    #[arg(long, value_enum, default_value = "shipped")]
    kernels: KernelsName,
    #[command(flatten)]
    output: Output,
}

/// What a case does, by the committed counts.
#[derive(Default)]
struct Work {
    launches: u64,
    bytes: u64,
    operations: u64,
}

impl Work {
    fn of(case: &str, counts: &mercato::kernels::counts::Table) -> Self {
        let rows = counts.rows.keys().filter(|(of, _)| of == case);
        rows.fold(Work::default(), |work, (case, kernel)| {
            let of = |name: &str| counts.count(case, kernel, name).unwrap_or(0);
            Work {
                launches: work.launches + of("launches"),
                bytes: work.bytes + 32 * (of("global_load_sectors") + of("global_store_sectors")),
                // A warp has 32 lanes, a fused multiply-add is two operations.
                operations: work.operations + 64 * of("fma_instructions"),
            }
        })
    }
}

/// Measures and prints.
pub fn run(command: &Bench) -> Result<ExitCode> {
    let math = Math::from(command.math);
    let device = Cuda::with(CudaConfig { math, kernels: command.kernels.into() }).map_err(Error::from);
    let device = device.context("there is nothing to time; `mercato kernels check` counts without a GPU")?;
    let counts = CUDA.table()?;
    let peak = Peak::of(&device).map_err(Error::from)?;
    let times = times::measure(&device, &command.case, command.repeats as usize).map_err(Error::from)?;
    anyhow::ensure!(!times.is_empty(), "no case contains `{}`; `mercato kernels list` shows them", command.case);
    let rows: Vec<(Times, Work)> = times
        .into_iter()
        .map(|times| {
            let work = Work::of(&times.case, &counts);
            (times, work)
        })
        .collect();
    // The counts are those of the exact products.
    let roof = |times: &Times, work: &Work| {
        let counted = math == Math::Exact && work.launches > 0 && times.replayed > 0.0;
        counted.then(|| peak.least(work.bytes, work.operations) / times.replayed)
    };
    let emulated = device.is_emulated();
    if command.output.format == Format::Json {
        let cases: Vec<_> = rows
            .iter()
            .map(|(times, work)| {
                let exact = |count: u64| (math == Math::Exact).then_some(count);
                json!({
                    "case": times.case,
                    "cold_s": times.cold,
                    "warm_s": times.warm,
                    "replayed_s": times.replayed,
                    "launches": exact(work.launches),
                    "bytes": exact(work.bytes),
                    "operations": exact(work.operations),
                    "roofline": roof(times, work),
                })
            })
            .collect();
        let (major, minor) = device.capability();
        return print_json(&json!({
            "schema": 1,
            "device": device.name(),
            "capability": format!("{major}.{minor}"),
            "emulated": emulated,
            "comparable": !emulated,
            "math": math,
            "repeats": command.repeats,
            "peak": { "bytes_per_s": peak.bytes, "operations_per_s": peak.operations },
            "cases": cases,
        }));
    }
    let mut table = Table::new(&["case", "launches", "cold µs", "warm µs", "replayed µs", "roofline"]);
    for (times, work) in &rows {
        let micro = |seconds: f64| format!("{:.2}", 1e6 * seconds);
        let share = roof(times, work).map_or("–".into(), |share| format!("{:.1} %", 100.0 * share));
        let launches = if math == Math::Exact { work.launches.to_string() } else { "–".into() };
        table.row([times.case.clone(), launches, micro(times.cold), micro(times.warm), micro(times.replayed), share]);
    }
    let gigas = [peak.bytes, peak.operations].map(|peak| peak / 1e9);
    let mut footer = format!(
        "{}: at most {:.0} GB/s and {:.0} Gflop/s by its driver; medians of {}; cold: after the cache was filled with \
         something else; replayed: in a graph; roofline: least time for the counted sectors and multiply-adds over \
         replayed\n",
        device.name(),
        gigas[0],
        gigas[1],
        command.repeats
    );
    if emulated {
        footer += "emulated: the clock is a nanosecond for each instruction of a warp; these are no times of a device and \
                   compare with nothing\n";
    }
    print(&format!("{}\n{footer}", table.text(&[1, 2, 3, 4, 5])))
}
