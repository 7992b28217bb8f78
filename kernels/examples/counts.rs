//! Prints what every kernel costs, counted by the emulator: `cargo run -p mercato-kernels --example counts`.
use emulator::Snapshot;
use mercato_kernels::{
    Cuda, Result,
    counts::{METRICS, Table},
};

#[path = "../tests/traffic/cases.rs"]
mod cases;

/// Counts of one case.
type Counted = (String, Snapshot);

#[allow(dead_code, reason = "tests/counts.rs takes only what is measured")]
fn main() -> Result<()> {
    print!("{}", measured()?);
    Ok(())
}

/// The counts of the shipped kernels.
pub fn measured() -> Result<Table> {
    let _alone = emulator::alone();
    let mut table = Table::new();
    for (case, counts) in cases::run(&Cuda::new()?) {
        for kernel in counts.kernels.keys() {
            table.rows.insert((case.clone(), kernel.clone()), METRICS.map(|metric| counts.kernel(kernel, metric)));
        }
    }
    Ok(table)
}
