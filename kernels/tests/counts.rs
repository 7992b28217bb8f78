//! What the kernels cost, against the committed table; a kernel that got worse fails here and in `mercato kernels check`.
use mercato_kernels::{
    counts::{Change, Table},
    cuda::MODULES,
};

#[path = "../examples/counts.rs"]
mod measuring;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.txt");

/// Exactly the committed counts. More of anything is worse; less is written with `UPDATE=1 cargo test -p mercato-kernels`.
#[test]
fn kernels_cost_what_the_table_says() {
    let measured = measuring::measured().expect("the emulator runs every kernel");
    assert_eq!(measuring::measured().expect("again"), measured, "counts do not depend on the run");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(COMMITTED, measured.to_string()).expect("the table is written");
        return;
    }
    let text = std::fs::read_to_string(COMMITTED).expect("kernels/counts.txt is part of the repository");
    let committed = Table::parse(&text).expect("a table");
    let changes = measured.changes(&committed).expect("the table is of the compiler that made the shipped PTX");
    let (worse, better): (Vec<Change>, Vec<Change>) = changes.into_iter().partition(Change::is_worse);
    let lines = |changes: &[Change]| changes.iter().map(|change| format!("\n  {change}")).collect::<String>();
    assert!(worse.is_empty(), "worse:{}", lines(&worse));
    assert!(better.is_empty(), "better or new; UPDATE=1 writes the table:{}", lines(&better));
}

/// A kernel without a case could get worse unseen.
#[test]
fn every_kernel_has_a_row() {
    let text = std::fs::read_to_string(COMMITTED).expect("kernels/counts.txt is part of the repository");
    let committed = Table::parse(&text).expect("a table");
    for module in &MODULES {
        for entry in module.ptx.split(".visible .entry ").skip(1) {
            let name = entry.split('(').next().unwrap_or_default();
            assert!(committed.rows.keys().any(|(_, kernel)| kernel == name), "{name} is in no case of the workload");
        }
    }
}
