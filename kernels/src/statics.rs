//! What the assembler makes of each kernel: registers, bytes that did not fit into them, shared memory. The committed table
//! is `kernels/registers.tsv`; more of anything is worse.
use crate::{
    counts::Change,
    cuda::{
        MODULES,
        nvrtc::{self, Statics},
    },
    error::Result,
};
use std::collections::{BTreeMap, BTreeSet};

mod occupancy;

pub use occupancy::Occupancy;

/// The version of NVRTC, and of the assembler within it, that the table is of.
pub const VERSION: (i32, i32) = (12, 6);
/// The architectures in the table.
pub const ARCHITECTURES: [&str; 3] = ["sm_75", "sm_80", "sm_90"];

const COMMITTED: &str = include_str!("../registers.tsv");
const HEADINGS: &str = "kernel\tarchitecture\tregisters\tspilled bytes\tshared bytes";

/// What NVRTC's assembler makes of every kernel for every one of [`ARCHITECTURES`].
///
/// # Errors
/// When NVRTC is missing or refuses a file.
pub fn measured() -> Result<Vec<Statics>> {
    let mut found = Vec::new();
    for module in &MODULES {
        for architecture in ARCHITECTURES {
            found.extend(nvrtc::statics(module, architecture)?);
        }
    }
    Ok(found)
}

/// The committed table.
///
/// # Errors
/// Names the line that is no row: a defect of the file.
pub fn committed() -> std::result::Result<Vec<Statics>, String> {
    parse(COMMITTED)
}

/// The table as text.
pub fn text(rows: &[Statics]) -> String {
    let row = |row: &Statics| {
        let Statics { kernel, architecture, registers, spilled, shared } = row;
        format!("{kernel}\t{architecture}\t{registers}\t{spilled}\t{shared}\n")
    };
    format!("{HEADINGS}\n{}", rows.iter().map(row).collect::<String>())
}

fn parse(text: &str) -> std::result::Result<Vec<Statics>, String> {
    let mut lines = text.lines();
    if lines.next() != Some(HEADINGS) {
        return Err("line 1 has not the expected columns".into());
    }
    let row = |(at, line): (usize, &str)| {
        let cells: Vec<&str> = line.split('\t').collect();
        let numbers: Vec<u32> = cells.iter().skip(2).filter_map(|cell| cell.parse().ok()).collect();
        match (&cells[..], &numbers[..]) {
            ([kernel, architecture, ..], [registers, spilled, shared]) if cells.len() == 5 => {
                let (kernel, architecture) = (kernel.to_string(), architecture.to_string());
                Ok(Statics { kernel, architecture, registers: *registers, spilled: *spilled, shared: *shared })
            }
            _ => Err(format!("line {} is no row of a kernel", at + 2)),
        }
    };
    lines.enumerate().map(row).collect()
}

/// What differs from `before`; the architecture stands for the case.
pub fn changes(now: &[Statics], before: &[Statics]) -> Vec<Change> {
    const METRICS: [&str; 3] = ["registers", "spilled_bytes", "shared_bytes"];
    type Rows = BTreeMap<(String, String), [u64; METRICS.len()]>;
    let by_kernel = |rows: &[Statics]| -> Rows {
        let row = |row: &Statics| {
            let numbers = [row.registers, row.spilled, row.shared].map(u64::from);
            ((row.kernel.clone(), row.architecture.clone()), numbers)
        };
        rows.iter().map(row).collect()
    };
    let (now, before) = (by_kernel(now), by_kernel(before));
    let keys: BTreeSet<&(String, String)> = now.keys().chain(before.keys()).collect();
    let mut found = Vec::new();
    for key in keys {
        for (at, metric) in METRICS.into_iter().enumerate() {
            let of = |rows: &Rows| rows.get(key).map(|numbers| numbers[at]);
            let (before, after) = (of(&before), of(&now));
            if before != after {
                found.push(Change { kernel: key.0.clone(), case: key.1.clone(), metric, before, after });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every kernel of every module has a row for each architecture, and none spills.
    #[test]
    fn the_committed_table_has_every_kernel() {
        let rows = committed().expect("a table");
        let kernels = MODULES.iter().map(|module| module.ptx.matches(".visible .entry ").count()).sum::<usize>();
        assert_eq!(rows.len(), kernels * ARCHITECTURES.len());
        assert!(rows.iter().all(|row| row.spilled == 0));
        assert_eq!(text(&rows), COMMITTED);
        assert!(parse(&format!("{COMMITTED}adam\tsm_75\tmany\t0\t0\n")).is_err_and(|problem| problem.contains("line")));
    }

    #[test]
    fn more_is_worse_and_a_kernel_that_is_gone_too() {
        let before = committed().expect("a table");
        assert_eq!(changes(&before, &before), []);
        let mut now = before.clone();
        now[0].registers += 1;
        now[1].spilled += 8;
        now[2].shared -= if now[2].shared > 0 { 1 } else { 0 };
        let found = changes(&now, &before);
        let named = format!("{} in {}: registers was", before[0].kernel, before[0].architecture);
        assert!(found.iter().any(|change| change.is_worse() && change.to_string().starts_with(&named)), "{found:?}");
        assert_eq!(found.iter().filter(|change| change.is_worse()).count(), 2);
        assert!(changes(&before[1..], &before).iter().all(Change::is_worse));
    }
}
