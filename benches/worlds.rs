//! Steps per second of every world, on one core: `taskset -c 0 cargo bench --bench worlds -- [id]...`
//!
//! Uniformly random actions, made beforehand; resets are among the steps. The printed table is that of
//! docs/performance.md.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock; nothing here makes a trace")]
use envs::{Actions, ENVS, Entry, Params, Slot, Stage, Start};
use std::time::{Duration, Instant};

const ROWS: [usize; 3] = [1, 64, 1024];
/// How many batches of actions are made beforehand; they are played in turn.
const BATCHES: usize = 16;

fn main() {
    // cargo itself adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    println!("| world, million steps per second | 1 row | 64 rows | 1024 rows |");
    println!("|---|---:|---:|---:|");
    for entry in ENVS.iter().filter(|entry| asked.is_empty() || asked.iter().any(|id| id == entry.id)) {
        let figures = ROWS.map(|rows| format!("{:.2}", millions_per_second(entry, rows)));
        println!("| `{}` | {} |", entry.id, figures.join(" | "));
    }
}

/// The best of five intervals: what disturbs makes it slower, never faster.
fn millions_per_second(entry: &Entry, rows: usize) -> f64 {
    let mut world = entry.make(&Params::new(), rows).expect("the defaults are admissible");
    let random = world.spec().policy("random").expect("every world has it");
    let (mut observation, mut reward) = (vec![0.0; rows * world.spec().observation], vec![0.0; rows]);
    let mut stage = vec![Stage::First; rows];
    let mut slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
    world.reset(Start::training(0), again(&mut slot)).expect("the buffers fit");
    let batches: Vec<Actions> = (0..BATCHES)
        .map(|_| {
            let mut actions = Actions::new(rows, world.spec().width);
            world.reference(&random, &mut actions).expect("the widths fit");
            world.step(&actions, again(&mut slot)).expect("random actions are admissible");
            actions
        })
        .collect();
    let interval = Duration::from_millis(60);
    let best = (0..5)
        .map(|_| {
            let (started, mut steps) = (Instant::now(), 0u64);
            while started.elapsed() < interval {
                for actions in &batches {
                    world.step(actions, again(&mut slot)).expect("random actions are admissible");
                }
                steps += (BATCHES * rows) as u64;
            }
            steps as f64 / started.elapsed().as_secs_f64()
        })
        .fold(0.0, f64::max);
    best / 1e6
}

/// The same slot for one more call.
fn again<'a>(slot: &'a mut Slot<'_>) -> Slot<'a> {
    Slot { observation: slot.observation, reward: slot.reward, stage: slot.stage }
}
