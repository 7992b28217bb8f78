//! An id means the same bits for ever: every world, and every modifier, against the trace of its first release.
//!
//! `UPDATE=1 cargo test golden` writes the traces of new worlds and the digests that the library carries. A trace that changes
//! needs a new version of the world: the old id keeps its bits.
use mercato_envs::golden::{Traced, digest, traced};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

fn file(of: &Traced) -> PathBuf {
    folder().join(if of.is_world() { "envs" } else { "modifiers" }).join(format!("{}.csv", of.name.replace('/', "_")))
}

#[test]
fn every_world_and_every_modifier_repeats_its_golden_trace() {
    let all: Vec<Traced> = traced().collect();
    let differences: Vec<String> = all.par_iter().filter_map(compared).collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    let digests: String = traced()
        .map(|of| format!("{} {}\n", digest(&std::fs::read(file(&of)).expect("it was just compared")), of.name))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, digests).expect("the digests are writable");
    } else {
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, digests, "envs/src/golden.txt: `UPDATE=1 cargo test golden` rewrites it");
    }
}

/// What is different from the kept trace; with UPDATE the found one is kept.
fn compared(of: &Traced) -> Option<String> {
    let (path, found) = (file(of), of.trace().expect("the reference policies act admissibly"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of traces is writable");
        std::fs::write(path, found).expect("the trace is writable");
        return None;
    }
    match std::fs::read_to_string(&path) {
        Err(error) => {
            let path = path.display();
            Some(format!("{}: no trace at {path} ({error}); `UPDATE=1 cargo test golden` writes it", of.name))
        }
        Ok(kept) => first_difference(&kept, &found).map(|text| format!("{}: {text}", of.name)),
    }
}

/// A trace without a world is a world that was renamed or lost, and ids are for ever.
#[test]
fn every_golden_trace_has_its_world() {
    for kind in ["envs", "modifiers"] {
        for found in std::fs::read_dir(folder().join(kind)).expect("the folder of traces exists") {
            let path = found.expect("a readable entry").path();
            assert!(traced().any(|of| file(&of) == path), "{} belongs to no world", path.display());
        }
    }
}

fn first_difference(kept: &str, found: &str) -> Option<String> {
    let lines = kept.lines().count().max(found.lines().count());
    (0..lines).find_map(|line| {
        let (kept, found) = (kept.lines().nth(line), found.lines().nth(line));
        (kept != found).then(|| {
            let (kept, found) = (kept.unwrap_or("nothing"), found.unwrap_or("nothing"));
            format!("line {} differs\n  kept  {kept}\n  found {found}", line + 1)
        })
    })
}
