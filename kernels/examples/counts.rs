//! Prints what every kernel costs, counted by the emulator: `cargo run -p mercato-kernels --example counts`.
use mercato_kernels::{
    Cuda, Result,
    counts::{METRICS, Table},
    workload::{self, Visitor},
};

#[allow(dead_code, reason = "tests take only what is measured")]
fn main() -> Result<()> {
    print!("{}", measured()?);
    Ok(())
}

/// The counts of the shipped kernels.
pub fn measured() -> Result<Table> {
    let _alone = emulator::alone();
    let mut counted = Counted { table: Table::new() };
    workload::visit(&Cuda::new()?, &mut counted)?;
    Ok(counted.table)
}

/// Counts what each operation does when it is run once.
struct Counted {
    table: Table,
}

impl Visitor for Counted {
    fn visit(&mut self, case: &str, operation: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        emulator::reset();
        operation()?;
        let counts = emulator::snapshot();
        for kernel in counts.kernels.keys() {
            let row = METRICS.iter().map(|metric| counts.kernel(kernel, metric)).collect();
            self.table.rows.insert((case.to_string(), kernel.clone()), row);
        }
        Ok(())
    }
}
