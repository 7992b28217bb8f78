//! Every preset gives the committed bits: in this profile, with every instruction set of the machine, in any order.
//!
//! `.ci/run` runs this in debug and in release. `UPDATE=1 cargo test bits` accepts new hashes; the change belongs in
//! CHANGELOG.md.
use crate::support::{Folder, golden, mercato};
use mercato::{kernels::Isa, reports::read_records};

/// Hashes of curve, weights and evaluation of every trial, a line each, sorted.
fn hashes(isa: Isa, jobs: &str) -> String {
    let folder = Folder::new();
    let out = folder.path("run");
    let run = mercato(&["run", "bits", "--jobs", jobs, "--out", &out], &[("MERCATO_ISA", isa.name())]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let records = read_records(&folder.0.path().join("run/records.jsonl")).expect("records");
    let mut lines: Vec<String> = (records.iter())
        .map(|record| {
            let short = |hash: &Option<String>| hash.as_ref().map_or("-".into(), |hash| hash[..16].to_string());
            let hashes = [&record.hashes.curve, &record.hashes.weights, &record.hashes.evaluation].map(short);
            format!("{},{},{}\n", record.env, record.agent, hashes.join(","))
        })
        .collect();
    lines.sort();
    lines.concat()
}

#[test]
fn every_instruction_set_and_any_number_of_threads_give_the_committed_bits() {
    let mut first: Option<String> = None;
    for isa in Isa::ALL {
        if !isa.is_present() {
            let refused = mercato(&["train", "classic/chain-v1"], &[("MERCATO_ISA", isa.name())]);
            assert_eq!(refused.code, 5, "{}", refused.stderr);
            eprintln!("skipped: the bits of {}, because this machine lacks it", isa.name());
            continue;
        }
        for jobs in ["1", "2"] {
            let (hashes, what) = (hashes(isa, jobs), format!("{} with {jobs} threads", isa.name()));
            assert_eq!(first.get_or_insert_with(|| hashes.clone()), &hashes, "{what} against scalar");
            golden("bits.csv", &hashes, &what);
        }
    }
}
