//! The published quick suite: small enough to be kept, sound as it lies, and a bit that moved is found. `.ci/run` runs a
//! sample of it again in release.
use crate::support::{Folder, mercato};
use mercato::{reports::Record, store};
use std::path::{Path, PathBuf};

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/published/quick")
}

fn records() -> Vec<Record> {
    store::records(&published()).expect("the published records")
}

/// The trials that the suite of this version asks for are those that are published: an edited suite is run again.
#[test]
fn it_has_every_trial_of_the_suite_and_each_is_small() {
    let experiment = mercato::Experiment::load("quick", &[]).expect("the suite");
    let mut asked: Vec<String> = experiment.trials().expect("trials").iter().map(mercato::Trial::id).collect();
    let mut kept: Vec<String> = records().iter().map(|record| record.trial.clone()).collect();
    asked.sort();
    kept.sort();
    assert_eq!(
        asked, kept,
        "run `mercato run quick` and `mercato report runs/quick --publish reports/published/quick`"
    );
    for part in store::part_paths(&published()).expect("the files of records") {
        assert!(std::fs::metadata(&part).expect("a file").len() < 1 << 20, "{}", part.display());
    }
    for record in records() {
        let trail = published().join("trail").join(format!("{}.bin", record.trial));
        assert_eq!(trail.exists(), record.learned, "{}", trail.display());
        assert!(!record.learned || std::fs::metadata(&trail).expect("a trail").len() < 1 << 20, "{}", trail.display());
    }
}

/// What is published is what this version makes of the records: figures, tables, text and charts.
#[test]
fn the_reports_are_what_this_version_makes_of_the_records() {
    for name in ["quick", "full", "constraints", "catalogues"] {
        let path = published().with_file_name(name).display().to_string();
        let whole = mercato(&["verify", &path, "--sample", "0"], &[]);
        let same = whole.code == 0 && !whole.stdout.contains("not what this version makes");
        assert!(same, "`mercato report {path}` makes it again: {}", whole.stdout);
    }
}

#[test]
fn it_is_sound_and_a_moved_bit_fails() {
    let path = published().display().to_string();
    // Cheap in a debug build: a policy that does not learn.
    let record = records().into_iter().find(|record| record.agent == "myopic").expect("myopic");
    let again = mercato(&["verify", &path, "--trial", &record.trial], &[]);
    assert_eq!(again.code, 0, "{}", again.stdout);
    let folder = Folder::new();
    let hash = record.hashes.evaluation.clone().expect("a hash");
    let digit = u32::from_str_radix(&hash[..1], 16).expect("a digit") ^ 1;
    let moved = format!("{digit:x}{}", &hash[1..]);
    let lines: String = records().iter().map(Record::to_line).collect();
    folder.file("records.jsonl", &lines.replace(&hash, &moved));
    let found = mercato(&["verify", &folder.0.path().display().to_string(), "--trial", &record.trial], &[]);
    assert_eq!(found.code, 3, "{}", found.stdout);
    let named = format!("myopic, seed {}: evaluation", record.seed);
    assert!(found.stdout.contains(&named), "{}", found.stdout);
}
