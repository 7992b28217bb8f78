//! An invented experiment for the tests: three worlds, learners that differ, one diverged and one failed trial.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::json;

use crate::record::*;
use crate::stats::Address;
use crate::{Summary, summarise};

/// A world of the sample, with the level that each learner reaches as a normalised score.
struct World {
    env: &'static str,
    params: serde_json::Value,
    objective: &'static str,
    budget: u64,
    reference: Reference,
    learners: &'static [(&'static str, f64)],
}

fn worlds() -> [World; 3] {
    let reference = |lower, upper, method: &str, random, myopic, named: &[(&str, f64)]| Reference {
        optimum_lower: lower,
        optimum_upper: upper,
        optimum_method: method.into(),
        tolerance: 1e-9,
        random,
        random_se: 0.0,
        myopic,
        named: named.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
    };
    [
        World {
            env: "rec/markov-interest-v1",
            params: json!({"items": 10, "gamma": 0.9}),
            objective: "discounted_return",
            budget: 20_000,
            reference: reference(7.104, 7.104, "value iteration", 3.08, Some(2.58), &[]),
            learners: &[("dqn", 0.97), ("rainbow-lite", 0.99), ("article", 0.42)],
        },
        World {
            env: "rec/markov-interest-matrix-v1",
            params: json!({"items": 10, "rank": 3, "horizon": 40}),
            objective: "discounted_return",
            budget: 40_000,
            reference: reference(
                5.255,
                5.931,
                "best open-loop cycle, clairvoyant bound",
                3.9,
                None,
                &[("cycle", 5.07)],
            ),
            learners: &[("dqn", 0.95), ("rainbow-lite", 1.02), ("article", 0.3)],
        },
        World {
            env: "pricing/yogurt-v1",
            params: json!({"households": 100, "weeks": 30}),
            objective: "episode_return",
            budget: 30_000,
            reference: reference(
                412.5,
                412.5,
                "dynamic programming on a grid",
                101.25,
                Some(190.0),
                &[("best_fixed_price", 219.0)],
            ),
            learners: &[("price_grid", 0.91), ("dqn", 0.7)],
        },
    ]
}

/// All records of the sample: five seeds of every learner, one run of every reference policy. `dqn` diverges on the
/// yogurt world with seed 3 and `article` fails on the matrix world with seed 4.
pub fn records() -> Vec<Record> {
    let mut records = Vec::new();
    for world in worlds() {
        let reference = &world.reference;
        let policies = [("random", Some(reference.random)), ("myopic", reference.myopic)];
        let policies = policies.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let oracle =
            (reference.optimum_lower == reference.optimum_upper).then_some(("oracle", reference.optimum_upper));
        for (name, value) in policies.chain(oracle) {
            records.push(record(&world, name, 0, None, value));
        }
        for &(agent, level) in world.learners {
            for seed in 0..5 {
                let value = reference.random + level * (reference.optimum_lower - reference.random);
                let mut record = record(&world, agent, seed, Some(level), value);
                match (world.env, agent, seed) {
                    ("pricing/yogurt-v1", "dqn", 3) => {
                        record.curve.truncate(9);
                        record.outcome.metrics.clear();
                        record.hashes.evaluation = None;
                        record.status = Status::Diverged { message: "loss is NaN at update 11,872".into() };
                    }
                    ("rec/markov-interest-matrix-v1", "article", 4) => {
                        record.curve.clear();
                        record.outcome.metrics.clear();
                        record.hashes =
                            Hashes { curve: None, weights: None, evaluation: None, trail: None, published_trail: None };
                        record.status = Status::Failed { message: "network: 10 <outputs> & 12 items".into() };
                    }
                    _ => {}
                }
                records.push(record);
            }
        }
    }
    records
}

/// Uniform indices: Knuth's MMIX congruential generator from a state that mixes the address.
pub fn draw(address: Address, below: u32, indices: &mut [u32]) {
    let mut state = u64::from(address.stream) << 32 ^ u64::from(address.replicate) << 8 ^ u64::from(address.stratum);
    for index in indices {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *index = ((state >> 33) % u64::from(below)) as u32;
    }
}

/// The figures of the sample.
pub fn summary() -> Summary {
    static SUMMARY: OnceLock<Summary> = OnceLock::new();
    let summarised = || summarise("Sample", "mercato run sample", &records(), &draw).expect("the sample is sound");
    SUMMARY.get_or_init(summarised).clone()
}

/// A number between -1 and 1 that looks random and depends on the arguments alone.
fn wiggle(seed: u64, step: u64) -> f64 {
    let mixed = (seed * 7919 + step * 104_729 + 12_345).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f64 / (1u64 << 23) as f64 - 1.0
}

fn record(world: &World, agent: &str, seed: u64, level: Option<f64>, value: f64) -> Record {
    let span = world.reference.optimum_upper - world.reference.random;
    let salt = seed + 17 * agent.len() as u64;
    let last = value + if level.is_some() { 0.02 * span * wiggle(salt, 99) } else { 0.0 };
    let points = if level.is_some() { 20 } else { 0 };
    let mut curve: Vec<Point> = (0..points)
        .map(|index| {
            let progress = index as f64 / points as f64;
            let risen = 1.0 - (1.0 - progress) * (1.0 - progress) * (1.0 - progress);
            let noise = 0.12 * span * (1.0 - progress) * wiggle(salt, index);
            Point {
                step: index * world.budget / points,
                episodes: index * 25,
                objective: Some(world.reference.random + risen * (last - world.reference.random) + noise),
                se: Some(0.01 * span),
            }
        })
        .collect();
    let budget = if level.is_some() { world.budget } else { 0 };
    curve.push(Point { step: budget, episodes: points * 25, objective: Some(last), se: Some(0.01 * span) });
    let metric = |mean: f64, sd: f64| Metric { mean: Some(mean), sd: Some(sd), se: Some(sd / 10.0) };
    let metrics = BTreeMap::from([
        (world.objective.to_owned(), metric(last, 0.1 * span)),
        ("length".to_owned(), metric(40.0, 0.0)),
        ("click_rate".to_owned(), metric(0.2 + 0.1 * wiggle(salt, 7), 0.05)),
    ]);
    Record {
        schema: SCHEMA,
        trial: format!("{:016x}", 0x5eed_0000_0000_0000u64 + salt * 1_000_003 + world.budget),
        experiment: "sample".into(),
        env: world.env.into(),
        env_params: world.params.clone(),
        agent: agent.into(),
        agent_config: if level.is_some() { json!({"lr": 1e-3, "hidden": [64]}) } else { json!({}) },
        learned: level.is_some(),
        seed,
        budget,
        evaluation: Evaluation { episodes: 100, point_episodes: 100, seed: 1, every: world.budget / 20 },
        asked: None,
        tuning: None,
        log: None,
        device: "cpu".into(),
        math: "exact".into(),
        status: Status::Ok,
        objective: world.objective.into(),
        curve,
        training_points: None,
        training: Vec::new(),
        outcome: Outcome { episodes: 100, metrics },
        reference: world.reference.clone(),
        hashes: Hashes {
            curve: Some(format!("{:064x}", salt * 31 + 1)),
            weights: level.map(|_| format!("{:064x}", salt * 31 + 2)),
            evaluation: Some(format!("{:064x}", salt * 31 + 3)),
            trail: None,
            published_trail: None,
        },
        code: Code {
            version: "0.1.0".into(),
            fingerprint: "c0ffee".repeat(8),
            commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
            dirty: false,
            lockfile: "ab".repeat(32),
            rustc: "1.95.0".into(),
            profile: "release".into(),
            flags: Some("opt-level 3, target features fxsr,sse,sse2, no RUSTFLAGS".into()),
            target: "x86_64-unknown-linux-gnu".into(),
            isa: Isa { detected: vec!["avx2".into(), "avx512f".into()], used: "avx512".into() },
        },
        machine: None,
        time: Time {
            wall_s: 3.5 + seed as f64,
            train_s: 3.0,
            updates_per_s: level.map(|_| 9_800.0),
            peak_memory_mb: Some(61.5),
            jobs: 2,
        },
    }
}
