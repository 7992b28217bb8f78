//! An id means the same bits for ever: every world against the trace of its first release.
//!
//! `UPDATE=1 cargo test golden` writes the traces of new worlds. A trace that changes needs a new version of the world:
//! the old id keeps its bits.
use mercato_envs::{self as envs, Actions, ENVS, Entry, Params, Reference, Slot, Stage, Start, VectorEnv};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

const ROWS: usize = 4;
const STEPS: u32 = 64;
const MORE_STEPS: u32 = 10_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/envs")
}

fn file(entry: &Entry) -> PathBuf {
    folder().join(format!("{}.csv", entry.id.replace('/', "_")))
}

/// One world for each modifier, and one with all of them: the name of the trace, the world, the settings.
const MODIFIED: &[(&str, &str, &str)] = &[
    ("reward_noise", "rec/markov-interest-v1", r#"{"reward_noise": 0.5}"#),
    ("reward_delay", "rec/topic-bandit-v1", r#"{"reward_delay": 5}"#),
    ("reward_missing", "rec/topic-bandit-v1", r#"{"reward_missing": 0.25}"#),
    ("sticky_actions", "rec/markov-interest-v1", r#"{"sticky_actions": 0.25}"#),
    ("drift_step", "pricing/wine-club-v1", r#"{"drift_step": 4}"#),
    ("mask_rate", "rec/slate-cascade-v1", r#"{"mask_rate": 0.3}"#),
    ("cost_signal", "health/dose-v1", r#"{"cost_signal": "toxicity", "cost_weight": 0.1}"#),
    (
        "all",
        "rec/markov-interest-v1",
        r#"{"reward_noise": 0.5, "reward_delay": 3, "reward_missing": 0.1, "sticky_actions": 0.2, "drift_step": 7,
            "mask_rate": 0.2, "cost_signal": "bait", "cost_weight": 0.3}"#,
    ),
];

#[test]
fn every_modifier_repeats_its_golden_trace() {
    let folder = folder().with_file_name("modifiers");
    let mut differences = Vec::new();
    for (name, id, settings) in MODIFIED {
        let settings: Params = serde_json::from_str(settings).expect("a table");
        let found = trace(envs::find(id).expect("it is in the suite"), &settings);
        differences.extend(compared(&folder.join(format!("{name}.csv")), name, found));
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

#[test]
fn every_world_repeats_its_golden_trace() {
    let differences: Vec<String> =
        ENVS.iter().filter_map(|entry| compared(&file(entry), entry.id, trace(entry, &Params::new()))).collect();
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

/// What is different from the kept trace; with UPDATE the found one is kept.
fn compared(path: &Path, name: &str, found: String) -> Option<String> {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of traces is writable");
        std::fs::write(path, found).expect("the trace is writable");
        return None;
    }
    match std::fs::read_to_string(path) {
        Err(error) => {
            Some(format!("{name}: no trace at {} ({error}); `UPDATE=1 cargo test golden` writes it", path.display()))
        }
        Ok(kept) => first_difference(&kept, &found).map(|text| format!("{name}: {text}")),
    }
}

/// A trace without a world is a world that was renamed or lost, and ids are for ever.
#[test]
fn every_golden_trace_has_its_world() {
    for found in std::fs::read_dir(folder()).expect("the folder of traces exists") {
        let path = found.expect("a readable entry").path();
        assert!(ENVS.iter().any(|entry| file(entry) == path), "{} belongs to no world", path.display());
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

/// The optimum, 64 steps of four rows that follow the reference policies in turn, and the hash of 10,000 more at
/// random. Numbers are the shortest decimals that read back as the same bits.
fn trace(entry: &Entry, params: &Params) -> String {
    let mut play = Play::new(entry, params);
    let optimum = play.world.optimum();
    let mut text = String::new();
    let mut line = |content: String| writeln!(text, "{content}").expect("a String can be written to");
    line(format!("# {} {}", entry.id, play.world.spec().params));
    line(format!("# optimum {:?} to {:?}, random {:?}", optimum.lower, optimum.upper, optimum.random));
    line("step,row,policy,items,reals,expected_reward,reward,stage,observation".into());
    for step in 0..=STEPS {
        for row in 0..ROWS {
            line(format!("{step},{row},{},{}", play.policy(row).name, play.row(row)));
        }
        if step < STEPS {
            play.step(Play::policy);
        }
    }
    let mut hash = Sha256::new();
    for _ in 0..MORE_STEPS {
        play.step(|_, _| RANDOM);
        play.hash(&mut hash);
    }
    let digest: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    line(format!("# {MORE_STEPS} more steps at random: SHA-256 {digest}"));
    text
}

const RANDOM: Reference = Reference { name: Reference::RANDOM, value: None };

struct Play {
    world: Box<dyn VectorEnv>,
    policies: Vec<Reference>,
    chosen: Actions,
    actions: Actions,
    expected: Vec<f64>,
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl Play {
    fn new(entry: &Entry, params: &Params) -> Self {
        let mut world = entry.make(params, ROWS).expect("the parameters are admissible");
        let spec = world.spec().clone();
        // Those that take a number are left out: the others already move the world.
        let named = spec.policies.iter().filter_map(|name| spec.policy(name).ok());
        let mut observation = vec![0.0; ROWS * spec.observation];
        let (mut reward, mut stage) = (vec![0.0; ROWS], vec![Stage::First; ROWS]);
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.reset(Start::evaluation(1, 0), slot).expect("the buffers fit");
        let actions = Actions::new(ROWS, spec.width);
        Play {
            policies: std::iter::once(RANDOM).chain(named).collect(),
            chosen: actions.clone(),
            actions,
            expected: vec![0.0; ROWS],
            world,
            observation,
            reward,
            stage,
        }
    }

    fn policy(&self, row: usize) -> Reference {
        self.policies[row % self.policies.len()].clone()
    }

    fn step(&mut self, policy: impl Fn(&Self, usize) -> Reference) {
        for row in 0..ROWS {
            self.world.reference(&policy(self, row), &mut self.chosen).expect("the widths fit");
            self.actions.row_mut(row).items.copy_from_slice(self.chosen.row(row).items);
            self.actions.row_mut(row).reals.copy_from_slice(self.chosen.row(row).reals);
        }
        self.world.expected_reward(&self.actions, &mut self.expected).expect("reference actions are admissible");
        let Play { world, actions, observation, reward, stage, .. } = self;
        world.step(actions, Slot { observation, reward, stage }).expect("reference actions are admissible");
    }

    fn observed(&self, row: usize) -> &[f32] {
        let len = self.world.spec().observation;
        &self.observation[row * len..][..len]
    }

    fn row(&self, row: usize) -> String {
        fn words<T: ToString>(values: &[T]) -> String {
            values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
        }
        let (action, stage) = (self.actions.row(row), self.stage[row]);
        let (expected, reward) = (self.expected[row], self.reward[row]);
        let (items, reals, observed) = (words(action.items), words(action.reals), words(self.observed(row)));
        format!("{items},{reals},{expected},{reward},{stage:?},{observed}")
    }

    fn hash(&self, hash: &mut Sha256) {
        for row in 0..ROWS {
            hash.update([self.stage[row] as u8]);
            hash.update(self.reward[row].to_le_bytes());
            hash.update(self.expected[row].to_le_bytes());
            self.observed(row).iter().for_each(|x| hash.update(x.to_le_bytes()));
            if self.stage[row].is_last() {
                let mut metrics = vec![0.0; self.world.spec().metrics.len()];
                self.world.metrics(row, &mut metrics);
                metrics.iter().for_each(|x| hash.update(x.to_le_bytes()));
            }
        }
    }
}
