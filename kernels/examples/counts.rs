//! Prints what every kernel costs, counted by the emulator: `cargo run -p mercato-kernels --example counts`.
use mercato_kernels::{
    Cuda, CudaConfig, Math, Result,
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
    let mut counted = Counted { table: Table::new(), prefix: "" };
    workload::visit(&Cuda::new()?, &mut counted)?;
    // Where products are cuBLAS's there is one kernel beside them.
    counted.prefix = "fast/linear/";
    workload::visit(&Cuda::with(CudaConfig { math: Math::Fast, ..CudaConfig::default() })?, &mut counted)?;
    Ok(counted.table)
}

/// Counts what each operation does when it is run once.
struct Counted {
    table: Table,
    /// What is counted: nothing, or `fast/` and the beginning of a case's name.
    prefix: &'static str,
}

impl Visitor for Counted {
    fn visit(&mut self, case: &str, operation: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let name = if self.prefix.is_empty() { case.into() } else { format!("fast/{case}") };
        if !name.starts_with(self.prefix) {
            return Ok(());
        }
        emulator::reset();
        operation()?;
        let counts = emulator::snapshot();
        for kernel in counts.kernels.keys() {
            let row = METRICS.iter().map(|metric| counts.kernel(kernel, metric)).collect();
            self.table.rows.insert((name.clone(), kernel.clone()), row);
        }
        Ok(())
    }
}
