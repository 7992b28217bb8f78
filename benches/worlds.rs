//! Steps per second of every world, on one core: `taskset -c 0 cargo bench --bench worlds -- [id]...`
//!
//! Uniformly random actions, made beforehand; resets are among the steps. Takes ids and their beginnings. The printed tables
//! are those of docs/performance.md; `catalogues` instead of an id asks for the second one alone, what a huge catalogue costs
//! by its size. `--json` prints figures for `benches/peers/table.py` instead of the first.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock; nothing here makes a trace")]
use mercato_envs::{
    Actions, ENVS, Entry, Params, Slot, Stage, Start,
    catalogue::{factored, hashed, index::Index},
    find,
};
use serde_json::json;
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const ROWS: [usize; 3] = [1, 64, 1024];
/// How many batches of actions are made beforehand; they are played in turn.
const BATCHES: usize = 16;
/// How long a figure is measured, five times.
const INTERVAL: Duration = Duration::from_millis(60);

fn main() {
    // cargo itself adds `--bench`.
    let (options, asked): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|asked| name.starts_with(asked.as_str()));
    if options.iter().any(|option| option == "--json") {
        for entry in ENVS.iter().filter(|entry| wanted(entry.id)) {
            for rows in ROWS {
                let peer = format!("mercato, {rows} row{}", if rows == 1 { "" } else { "s" });
                let value = per_second(entry, &Params::new(), rows);
                println!(
                    "{}",
                    json!({ "peer": peer, "shape": entry.id, "metric": "steps/s", "value": value, "threads": 1 })
                );
            }
        }
        return;
    }
    if ENVS.iter().any(|entry| wanted(entry.id)) {
        println!("| world, million steps per second | 1 row | 64 rows | 1024 rows |");
        println!("|---|---:|---:|---:|");
        for entry in ENVS.iter().filter(|entry| wanted(entry.id)) {
            let figures = ROWS.map(|rows| format!("{:.2}", per_second(entry, &Params::new(), rows) / 1e6));
            println!("| `{}` | {} |", entry.id, figures.join(" | "));
        }
    }
    if wanted("catalogues") {
        catalogues();
    }
}

/// Steps per second of `rows` rows for each agent.
fn per_second(entry: &Entry, params: &Params, rows: usize) -> f64 {
    let rows = rows * entry.agents(params).expect("admissible parameters");
    let mut world = entry.make(params, rows).expect("admissible parameters");
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
    let batch = best(|| {
        for actions in &batches {
            world.step(actions, again(&mut slot)).expect("random actions are admissible");
        }
    });
    // A world of several agents makes one step for all of them.
    (BATCHES * rows / world.spec().agents) as f64 / batch
}

/// Seconds that `work` takes, the least of five intervals' means: what disturbs makes it slower, never faster.
fn best(mut work: impl FnMut()) -> f64 {
    let interval = |_| {
        let (started, mut calls) = (Instant::now(), 0);
        while calls == 0 || started.elapsed() < INTERVAL {
            work();
            calls += 1;
        }
        started.elapsed().as_secs_f64() / f64::from(calls)
    };
    (0..5).map(interval).fold(f64::INFINITY, f64::min)
}

/// The same slot for one more call.
fn again<'a>(slot: &'a mut Slot<'_>) -> Slot<'a> {
    Slot { observation: slot.observation, reward: slot.reward, stage: slot.stage }
}

/// A step does not grow with the catalogue; the search for the best item does, by scan, and hardly by an index.
fn catalogues() {
    println!("\n| catalogue | items | a step, 1024 rows, ns | best item by index, µs | by scan, µs |");
    println!("|---|---:|---:|---:|---:|");
    let line = |id: &str, items: u32, index: f64, scan: f64| {
        let entry = find(id).expect("it is in the suite");
        let params = Params::from_iter([("items".into(), json!(items))]);
        let step = 1e9 / per_second(entry, &params, 1024);
        println!("| `{id}` | {items} | {step:.1} | {:.2} | {:.0} |", 1e6 * index, 1e6 * scan);
    };
    let number = |user: usize, j: usize| ((user * 31 + j * 17) % 64) as f32 / 32.0 - 1.0;
    for digits in [4, 6, 7] {
        let items = 10u32.pow(digits);
        let queries: Vec<Vec<f32>> =
            (0..32).map(|user| (0..factored::DIMS * digits as usize).map(|j| number(user, j)).collect()).collect();
        let parts: Vec<Vec<f32>> = queries.iter().map(|query| factored::parts(query)).collect();
        let index = best(|| parts.iter().for_each(|parts| _ = black_box(factored::top(parts, 1)))) / 32.0;
        let scan = best(|| _ = black_box(highest(items, |item| factored::score(&parts[0], item))));
        line("rec/huge-factored-v1", items, index, scan);
    }
    for items in [10_000, 100_000, 1_000_000] {
        let queries: Vec<Vec<f32>> = (0..32).map(|user| (0..hashed::DIMS).map(|j| number(user, j)).collect()).collect();
        let tree =
            Index::new(items as usize, hashed::DIMS, |item, row| row.copy_from_slice(&hashed::embedding(7, item)));
        let found = best(|| queries.iter().for_each(|query| _ = black_box(tree.top(query, 1, usize::MAX)))) / 32.0;
        let scan = best(|| _ = black_box(highest(items, |item| hashed::score(7, &queries[0], item))));
        line("rec/huge-hashed-v1", items, found, scan);
    }
}

/// The item of 0..`items` with the highest score, and that score.
fn highest(items: u32, score: impl Fn(u32) -> f32) -> (u32, f32) {
    let better = |best: (u32, f32), item| if score(item) > best.1 { (item, score(item)) } else { best };
    (0..items).fold((0, f32::NEG_INFINITY), better)
}
