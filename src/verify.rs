//! Is it true? Records against themselves, their report and their files, and against trials that are run again.
mod report;
mod tolerance;

use crate::{
    error::{Error, Result, file},
    provenance,
    runner::Observer,
    trail::{Divergence, Trail},
    trial::{Device, Surroundings, Trial, curve_hash, hash_of_file, trail_path, weights_hash, weights_path},
};
use agents::Checkpoint;
use envs::{Domain, Purpose, Rng};
use kernels::{Cpu, Math};
use reports::{
    Record,
    record::{Code, Status},
};
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tolerance::{numeric, scores, statistical};

/// What a re-run brings.
type Again = Result<(Record, Trail)>;

/// Number of the layout of [`Verification`].
pub const SCHEMA: u32 = 1;

/// How alike a re-run must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tier {
    /// In every bit: what exact arithmetic promises on any machine.
    Bitwise,
    /// Every evaluation within a share of the distance between the random policy and the optimum.
    Numeric {
        /// The share.
        tolerance: f64,
    },
    /// The mean score of each agent in each world equivalent within a margin, by two one-sided Welch tests at 0.05.
    Statistical {
        /// The margin, in units of the normalised score.
        margin: f64,
    },
}

/// What is checked, and how.
pub struct Verifier<'a> {
    /// Folder of the records.
    pub folder: &'a Path,
    /// Ids of trials; the others are not run again. All are possible when there are none.
    pub only: &'a [String],
    /// How many trials are run again; all without a number.
    pub sample: Option<usize>,
    /// Seed of the choice of the sample.
    pub seed: u64,
    /// How alike they must be; by the record's arithmetic (`exact` in every bit, `fast` within 0.05) when not given.
    pub tier: Option<Tier>,
    /// Trials side by side, at least 1.
    pub jobs: usize,
    /// Set from outside to stop early.
    pub stop: &'a AtomicBool,
    /// Told what happens.
    pub observer: &'a dyn Observer,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Verification {
    /// Layout, [`SCHEMA`].
    pub schema: u32,
    /// Records in the folder.
    pub records: usize,
    /// Trials that were run again.
    pub rerun: usize,
    /// What is not as it was recorded: exit code 3.
    pub mismatches: Vec<Mismatch>,
    /// What cannot be decided: exit code 4.
    pub ambiguous: Vec<String>,
    /// What this machine cannot run again: exit code 5.
    pub unavailable: Vec<String>,
    /// What is not there: exit code 6.
    pub missing: Vec<String>,
    /// Differences that explain others and are no fault by themselves.
    pub notes: Vec<String>,
}

/// Something that is not as it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Mismatch {
    /// World, agent and seed, or a file.
    pub subject: String,
    /// The trial's id, for a trial.
    pub trial: Option<String>,
    /// What differs.
    pub what: Vec<String>,
    /// Where the training first left the recorded one, by the trail.
    pub divergence: Option<Divergence>,
    /// The same in words, by the trail or else by the points of the record.
    pub place: Option<String>,
}

impl Verification {
    /// 0, or the gravest of 3 (mismatch), 4 (ambiguous), 5 (unavailable), 6 (incomplete).
    pub fn exit_code(&self) -> u8 {
        let found = [
            (3, !self.mismatches.is_empty()),
            (4, !self.ambiguous.is_empty()),
            (5, !self.unavailable.is_empty()),
            (6, !self.missing.is_empty()),
        ];
        found.into_iter().find(|(_, found)| *found).map_or(0, |(code, _)| code)
    }
}

impl Verifier<'_> {
    /// Checks `records`, which are those of the folder.
    ///
    /// # Errors
    /// [`Error::Interrupted`]; errors of the file system.
    pub fn verify(&self, records: &[Record]) -> Result<Verification> {
        let mut found = Verification { schema: SCHEMA, records: records.len(), ..Verification::default() };
        let mut trials: Vec<(&Record, Trial)> = Vec::new();
        for record in records {
            match Trial::of(record) {
                Some(Ok(trial)) => trials.push((record, trial)),
                Some(Err(error)) => found.unavailable.push(format!("{}: {error}", named(record))),
                None => found.mismatches.push(Mismatch::of(
                    record,
                    vec!["its id does not follow from its world, agent, seed, budget and evaluation".into()],
                )),
            }
        }
        self.files(records, &mut found)?;
        report::compare(self.folder, records, &mut found)?;
        holes(records, &mut found);
        found.notes.extend(notes(records));
        for id in self.only.iter().filter(|id| !records.iter().any(|record| record.trial == **id)) {
            found.missing.push(format!("trial {id}: there is no such record"));
        }
        let chosen = self.chosen(trials, &mut found);
        found.rerun = chosen.len();
        let again = self.rerun(&chosen)?;
        let mut cells: BTreeMap<(String, String), Vec<[f64; 2]>> = BTreeMap::new();
        for ((record, _), (again, trail)) in chosen.iter().zip(&again) {
            match self.tier_of(record) {
                Tier::Bitwise => self.bitwise(record, again, trail, &mut found),
                Tier::Numeric { tolerance } => numeric(record, again, tolerance, &mut found),
                Tier::Statistical { .. } => {
                    let key = (format!("{} {}", record.env, record.env_params), record.agent.clone());
                    cells.entry(key).or_default().extend(scores(record, again));
                }
            }
        }
        if let Some(Tier::Statistical { margin }) = self.tier {
            cells.iter().for_each(|((world, agent), scores)| {
                statistical(&format!("{world}, {agent}"), scores, margin, &mut found);
            });
        }
        Ok(found)
    }

    fn tier_of(&self, record: &Record) -> Tier {
        let usual = if record.math == "exact" { Tier::Bitwise } else { Tier::Numeric { tolerance: 0.05 } };
        self.tier.unwrap_or(usual)
    }

    /// What a trial left beside its record: weights, trail; and the curve that its hash is of.
    fn files(&self, records: &[Record], found: &mut Verification) -> Result<()> {
        let mut without = 0;
        for record in records {
            let mut what = Vec::new();
            if record.hashes.curve.as_ref().is_some_and(|hash| *hash != curve_hash(&record.curve)) {
                what.push("the points of its curve are not those of its hash".into());
            }
            let path = weights_path(self.folder, &record.trial);
            if path.exists() && record.hashes.weights.is_some() {
                let same = Checkpoint::read(&path).is_ok_and(|checkpoint| {
                    record.hashes.weights.as_deref() == Some(weights_hash(&checkpoint.tensors).as_str())
                });
                if !same {
                    what.push(format!("{} does not hold the recorded weights", path.display()));
                }
            }
            let path = trail_path(self.folder, &record.trial);
            without += usize::from(record.hashes.trail.is_some() && !path.exists());
            if path.exists()
                && record.hashes.trail.is_some()
                && !is_recorded_trail(record, &std::fs::read(&path).map_err(file(&path))?)
            {
                what.push(format!("{} is not the recorded trail", path.display()));
            }
            if !what.is_empty() {
                found.mismatches.push(Mismatch::of(record, what));
            }
        }
        if without > 0 {
            let place = "where a difference begins can be told by training points only";
            found.notes.push(format!("{without} records have a trail that is not here: {place}"));
        }
        Ok(())
    }

    /// The trials to run again: a random sample in the order of the records.
    fn chosen<'r>(&self, trials: Vec<(&'r Record, Trial)>, found: &mut Verification) -> Vec<(&'r Record, Trial)> {
        let mut possible = Vec::new();
        for (record, trial) in trials {
            if !self.only.is_empty() && !self.only.contains(&record.trial) {
                continue;
            }
            match &record.status {
                Status::Failed { message } => {
                    found
                        .missing
                        .push(format!("{}: failed ({message}), so there is nothing to compare", named(record)));
                }
                _ if record.math != "exact" && self.tier == Some(Tier::Bitwise) => {
                    let why = "was run in fast arithmetic, which promises no bits; use --tier numeric";
                    found.unavailable.push(format!("{}: {why}", named(record)));
                }
                _ => match &trial.log {
                    Some(log) if hash_of_file(Path::new(&log.path)).ok().as_ref() != Some(&log.sha256) => {
                        let why = format!("the log that it learnt from, {}, is not here or is another", log.path);
                        found.unavailable.push(format!("{}: {why}", named(record)));
                    }
                    _ => possible.push((record, trial)),
                },
            }
        }
        let Some(sample) = self.sample.filter(|sample| *sample < possible.len()) else { return possible };
        let mut order = vec![0; possible.len()];
        Rng::new(self.seed, Domain::Statistics).stream(Purpose::BOOTSTRAP).permutation(&mut order);
        let kept: BTreeSet<usize> = order[..sample].iter().map(|at| *at as usize).collect();
        possible.into_iter().enumerate().filter(|(at, _)| kept.contains(at)).map(|(_, trial)| trial).collect()
    }

    fn rerun(&self, chosen: &[(&Record, Trial)]) -> Result<Vec<(Record, Trail)>> {
        let next = AtomicUsize::new(0);
        let results: Mutex<Vec<Option<Again>>> = Mutex::new(chosen.iter().map(|_| None).collect());
        std::thread::scope(|scope| {
            for job in 0..self.jobs {
                let (next, results) = (&next, &results);
                scope.spawn(move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some((record, trial)) = chosen.get(at) else { break };
                        if self.stop.load(Ordering::Relaxed) {
                            break;
                        }
                        self.observer.started(job, trial);
                        // Here, where it is exact whatever the record says; `tier_of` knows how alike it must then be.
                        let exact = Trial { math: Math::Exact, ..trial.clone() };
                        let result = exact.run_with_trail(&Surroundings {
                            folder: None,
                            device: Device::Cpu,
                            tensorboard: false,
                            trace: false,
                            experiment: &record.experiment,
                            jobs: u32::try_from(self.jobs).unwrap_or(u32::MAX),
                            stop: self.stop,
                            progress: &|transitions| self.observer.advanced(job, transitions),
                        });
                        if let Ok((again, _)) = &result {
                            self.observer.finished(job, trial, again);
                        }
                        results.lock().unwrap_or_else(|poisoned| poisoned.into_inner())[at] = Some(result);
                    }
                });
            }
        });
        let results = results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        results.into_iter().map(|result| result.unwrap_or(Err(Error::Interrupted))).collect()
    }

    fn bitwise(&self, record: &Record, again: &Record, trail: &Trail, found: &mut Verification) {
        // Through its text, because a number that is not finite is absent there.
        let again: Record = serde_json::from_str(&again.to_line()).unwrap_or_else(|_| again.clone());
        let mut what = Vec::new();
        let mut differs = |name: &str, differs: bool| {
            if differs {
                what.push(name.to_string());
            }
        };
        differs("status", record.status != again.status);
        differs("curve", record.hashes.curve != again.hashes.curve || record.curve != again.curve);
        differs("weights", record.hashes.weights != again.hashes.weights);
        differs("evaluation", record.hashes.evaluation != again.hashes.evaluation);
        differs("result", record.outcome != again.outcome);
        differs("training", record.training != again.training);
        // Devices mark their trails at other steps.
        let comparable = record.hashes.trail.is_some() && record.device == again.device;
        differs("trail", comparable && record.hashes.trail != again.hashes.trail);
        differs("published values of the world", record.reference != again.reference);
        if what.is_empty() {
            return;
        }
        let stored = std::fs::read(trail_path(self.folder, &record.trial)).ok();
        let genuine = stored.filter(|bytes| is_recorded_trail(record, bytes));
        let divergence = genuine.and_then(|bytes| Trail::from_bytes(&bytes)).and_then(|then| trail.leaves(&then));
        let place = divergence.as_ref().map(Divergence::to_string).or_else(|| points(record, &again));
        found.mismatches.push(Mismatch { divergence, place, ..Mismatch::of(record, what) });
    }
}

impl Mismatch {
    fn of(record: &Record, what: Vec<String>) -> Self {
        Mismatch { subject: named(record), trial: Some(record.trial.clone()), what, divergence: None, place: None }
    }
}

/// Whether the file of a trail is the one of its record, whole or as it is published.
fn is_recorded_trail(record: &Record, bytes: &[u8]) -> bool {
    let hash = Some(hex(&Sha256::digest(bytes)));
    hash == record.hashes.trail || hash == record.hashes.published_trail
}

fn named(record: &Record) -> String {
    format!("{}, {}, seed {}", record.env, record.agent, record.seed)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Between which points of the record a training left it, where there is no trail.
fn points(record: &Record, again: &Record) -> Option<String> {
    let at =
        (0..).zip(&record.training).find(|(at, point)| again.training.get(*at) != Some(point)).map(|(at, _)| at)?;
    let step = |at: usize| record.training.get(at).map_or(0, |point| point.step);
    let loss = |record: &Record| {
        let loss = record.training.get(at).and_then(|point| point.loss);
        loss.map_or("none".into(), |loss| loss.to_string())
    };
    let from = at.checked_sub(1).map_or(0, step);
    let until = step(at);
    Some(format!(
        "between transitions {from} and {until}, by the training points; loss {} in the record, {} now",
        loss(record),
        loss(again)
    ))
}

/// Seeds that other agents of the same world have.
fn holes(records: &[Record], found: &mut Verification) {
    let mut worlds: BTreeMap<(&str, String), BTreeMap<&str, BTreeSet<u64>>> = BTreeMap::new();
    for record in records {
        let agents = worlds.entry((&record.env, record.env_params.to_string())).or_default();
        agents.entry(&record.agent).or_default().insert(record.seed);
    }
    for ((env, _), agents) in worlds {
        let all: BTreeSet<u64> = agents.values().flatten().copied().collect();
        for (agent, seeds) in agents {
            for seed in all.difference(&seeds) {
                let subject = format!("{env}, {agent}, seed {seed}");
                if !found.missing.iter().any(|known| known.starts_with(&subject)) {
                    found.missing.push(format!("{subject}: other agents of this world ran with it"));
                }
            }
        }
    }
}

/// What is different about the code that made the records.
fn notes(records: &[Record]) -> Vec<String> {
    let Ok(cpu) = Cpu::new() else { return Vec::new() };
    let here = provenance::code(&cpu);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    type Field = (&'static str, fn(&Code) -> String);
    let fields: [Field; 6] = [
        ("sources", |code| code.fingerprint.clone()),
        ("lock file", |code| code.lockfile.clone()),
        ("compiler", |code| code.rustc.clone()),
        ("profile", |code| code.profile.clone()),
        ("target", |code| code.target.clone()),
        ("instruction set", |code| code.isa.used.clone()),
    ];
    for record in records {
        for (name, of) in fields {
            let (then, now) = (of(&record.code), of(&here));
            if then != now {
                let short = |text: &str| text.chars().take(40).collect::<String>();
                *counts.entry(format!("other {name}: {} then, {} now", short(&then), short(&now))).or_default() += 1;
            }
        }
    }
    counts.into_iter().map(|(note, count)| format!("{note} ({count} records)")).collect()
}
