//! Every world of the registry keeps every promise of the checker.
use envs::{ENVS, check};

/// A world that is added is walked through by the checker, its page included, without another word of code.
#[test]
fn every_world_keeps_its_promises() {
    let findings: Vec<String> = ENVS
        .iter()
        .flat_map(|entry| check::entry(entry).into_iter().map(|finding| format!("{}: {finding}", entry.id)))
        .collect();
    assert!(findings.is_empty(), "\n{}", findings.join("\n"));
}

/// The table of worlds shows their first sentence, so it must be one and no longer than a line.
#[test]
fn every_title_fits_a_line() {
    for entry in ENVS {
        let title = entry.about();
        assert!((10..=110).contains(&title.chars().count()), "{}: {title:?}", entry.id);
    }
}
