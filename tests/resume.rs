//! A trial that was stopped and goes on gives the bits of one that was not; so does a run whose file was cut.
use crate::support::{Folder, mercato};
use mercato::{
    Error, Experiment, Trial,
    reports::{Record, read_records},
    trial::Surroundings,
};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

const TEXT: &str = r#"
    name = "resume"
    title = "Stopped and resumed"
    seeds = "3..4"
    [evaluation]
    episodes = 20
    points = 3
    point_episodes = 5
    [[worlds]]
    env = "classic/chain-v1"
    params = { slip = 0.1 }
    steps = 900
    [[worlds.agents]]
    preset = "dqn"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, target_every = 7, explore_over = 500 }
    [[worlds.agents]]
    preset = "rainbow-lite"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, explore_over = 500 }
    [[worlds.agents]]
    preset = "rainbow"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, atoms = 5 }
    [[worlds.agents]]
    preset = "qr_dqn"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, quantiles = 5, explore_over = 500 }
    [[worlds.agents]]
    preset = "thompson_beta"
    [[worlds.agents]]
    preset = "lin_ucb"
    set = { rows = 3 }
    [[worlds.agents]]
    preset = "tabular_q"
    set = { explore_decay = 0.01 }
    [[worlds]]
    env = "pricing/inventory-v1"
    steps = 900
    [[worlds.agents]]
    preset = "price_grid"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, explore_over = 500, target_rate = 0.1 }
    [[worlds.agents]]
    preset = "naf"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, explore_over = 500 }
    [[worlds.agents]]
    preset = "qt_opt"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, candidates = 8, elite = 2, explore_over = 500 }
    [[worlds.agents]]
    preset = "explore_then_commit"
    set = { rows = 2, prices = 5, each = 2 }
    [[worlds.agents]]
    preset = "thompson_pricing"
    set = { rows = 3, prices = 5 }
    [[worlds]]
    env = "rec/fair-interest-v1"
    params = { cost_signal = "others", cost_shown = true }
    steps = 900
    [[worlds.agents]]
    preset = "lagrangian"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, explore_over = 500, multiplier_rate = 0.05 }
    [[worlds]]
    env = "rec/huge-hashed-v1"
    params = { items = 10_000, users = 5 }
    steps = 900
    [[worlds.agents]]
    preset = "two_tower"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, explore_over = 500, candidates = 9, discount = 0.5 }
    [[worlds]]
    env = "rec/slateq-mdp-v1"
    steps = 900
    [[worlds.agents]]
    preset = "slateq"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, explore_over = 500 }
    [[worlds]]
    env = "pricing/wine-club-v1"
    steps = 900
    [[worlds.agents]]
    preset = "mp_dqn"
    set = { hidden = [8], memory = 300, warmup = 50, batch = 8, priority = true, explore_over = 500 }
"#;

/// Plays `trial` in `folder`; stops it once it has made `until` transitions.
fn play(trial: &Trial, folder: &Path, until: u64) -> Result<Record, Error> {
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    trial.run(&Surroundings {
        folder: Some(folder),
        tensorboard: false,
        trace: true,
        device: mercato::trial::Device::Cpu,
        experiment: "resume",
        jobs: 1,
        stop: &stop,
        progress: &|transitions| {
            if made.fetch_add(transitions, Ordering::Relaxed) + transitions >= until {
                stop.store(true, Ordering::Relaxed);
            }
        },
    })
}

#[test]
fn a_stopped_trial_goes_on_with_the_same_bits() {
    let experiment = Experiment::parse("resume.toml", TEXT, &[]).expect("experiment");
    for trial in experiment.trials().expect("trials") {
        let folder = Folder::new();
        let whole = play(&trial, folder.0.path(), u64::MAX).expect("whole");
        assert_eq!(whole.status, mercato::reports::record::Status::Ok);
        let trace = |folder: &Folder| {
            let path = folder.0.path().join("trace").join(format!("{}.csv", trial.id()));
            std::fs::read_to_string(path).expect("a trace of every update")
        };
        let whole_trace = trace(&folder);
        let steps: Vec<u64> = whole.curve.iter().map(|point| point.step).collect();
        assert_eq!(steps, [300, 600, 900], "curves of all seeds share their steps");
        // At 300 and 900 the trial is stopped within an evaluation.
        for stops in [vec![1], vec![333], vec![60, 420, 880], vec![300, 900]] {
            let folder = Folder::new();
            for until in &stops {
                assert!(matches!(play(&trial, folder.0.path(), *until), Err(Error::Interrupted)), "{until}");
            }
            let resumed = play(&trial, folder.0.path(), u64::MAX).expect("resumed");
            let bits = |record: &Record| {
                (record.hashes.clone(), record.curve.clone(), record.training.clone(), record.outcome.clone())
            };
            assert_eq!(bits(&resumed), bits(&whole), "{} stopped at {stops:?}", trial.agent);
            assert_eq!(trace(&folder), whole_trace, "{} stopped at {stops:?}", trial.agent);
            let left = std::fs::read_dir(folder.0.path().join("resume")).expect("folder").count();
            assert_eq!(left, 0, "what a trial goes on from is removed at its end");
        }
    }
}

#[test]
fn the_last_evaluation_can_be_stopped_too() {
    let experiment = Experiment::parse("resume.toml", TEXT, &[]).expect("experiment");
    let mut trial = experiment.trials().expect("trials").swap_remove(0);
    trial.evaluation.points = 0;
    let (folder, stopped) = (Folder::new(), Folder::new());
    let whole = play(&trial, folder.0.path(), u64::MAX).expect("whole");
    assert!(matches!(play(&trial, stopped.0.path(), 900), Err(Error::Interrupted)));
    let resumed = play(&trial, stopped.0.path(), u64::MAX).expect("resumed");
    assert_eq!((resumed.hashes, resumed.outcome), (whole.hashes, whole.outcome));
}

/// Points of training on two grids in one record would be neither's.
#[test]
fn a_trial_with_other_points_of_training_starts_anew() {
    let experiment = Experiment::parse("resume.toml", TEXT, &[]).expect("experiment");
    let trial = experiment.trials().expect("trials").swap_remove(0);
    let fewer = Trial { training_points: Some(3), ..trial.clone() };
    assert_eq!(trial.id(), fewer.id());
    let (folder, stopped) = (Folder::new(), Folder::new());
    let whole = play(&fewer, folder.0.path(), u64::MAX).expect("whole");
    assert!(matches!(play(&trial, stopped.0.path(), 500), Err(Error::Interrupted)));
    let resumed = play(&fewer, stopped.0.path(), u64::MAX).expect("resumed");
    assert_eq!((&resumed.training, &resumed.hashes), (&whole.training, &whole.hashes));
    assert_eq!(resumed.training.len(), 3);
}

#[test]
fn a_cut_line_is_dropped_and_its_trial_repeated() {
    let folder = Folder::new();
    let (spec, out) = (folder.file("resume.toml", TEXT), folder.path("run"));
    let arguments = ["run", &spec, "--out", &out, "--jobs", "1"];
    assert_eq!(mercato(&arguments, &[]).code, 0);
    let path = folder.0.path().join("run/records.jsonl");
    let (text, before) = (std::fs::read_to_string(&path).expect("records"), read_records(&path).expect("records"));
    std::fs::write(&path, &text[..text.len() - 100]).expect("cut");
    let again = mercato(&arguments, &[]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let after = read_records(&path).expect("whole again");
    assert_eq!(after.len(), 16);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.trial, &before.hashes), (&after.trial, &after.hashes));
    }
    assert_eq!(before[..15], after[..15], "what was whole is taken over as it was, times included");
}
