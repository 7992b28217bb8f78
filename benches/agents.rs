//! Updates per second of every preset with a network, on one core, beside what its matrix products alone would take.
//!
//! `taskset -c 0 cargo bench --bench agents`
//!
//! The floor is that of a plain DQN with as many weights: two products of the batch forward and two back, 4 · weights ·
//! batch multiply-adds, at the rate of a 64 × 256 × 256 layer in the same run. Agents that look at the batch more often
//! (double targets, fractions, searches, a pass for each item) are further above it.
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock; nothing here makes a trace")]
use agents::{AgentSpec, Tensor, spec::PRESETS};
use envs::{Actions, Start};
use kernels::{Cpu, Dense, Linear};
use serde_json::{Map, json};
use std::time::Instant;

const BATCH: usize = 64;

fn main() {
    let cpu = Cpu::new().expect("MERCATO_ISA names what the machine has");
    let peak = products_per_second(&cpu);
    println!("multiply-adds: {:.1} thousand millions a second", peak / 1e9);
    println!("| preset | world | weights | updates/s | floor | of the floor |\n|---|---|---:|---:|---:|---:|");
    let settings = [("hidden", json!([64, 64])), ("memory", json!(20_000)), ("batch", json!(BATCH))];
    for preset in PRESETS {
        let defaults = json!((preset.spec)());
        if defaults.get("hidden").is_none() {
            continue;
        }
        let (id, params) = preset.world();
        let set = Map::from_iter(settings.iter().map(|(key, value)| (key.to_string(), value.clone())));
        let spec = AgentSpec::preset(preset.name, &set).expect("the settings are admissible");
        let mut world = envs::make(id, &params, spec.rows()).expect("the world is there");
        let mut agent = spec.build(cpu.clone(), world.spec(), 1).expect("the agent fits");
        let mut actions = Actions::new(spec.rows(), world.spec().width);
        world.reset(Start::training(1), agent.slot()).expect("the buffers fit");
        for _ in 0..2000 {
            agent.act(&mut actions).expect("the CPU acts");
            world.step(&actions, agent.slot()).expect("the actions are admissible");
        }
        let weights = match agent.weights().expect("weights").get("theta") {
            Some(Tensor::F32(theta)) => theta.len(),
            _ => continue,
        };
        // Without a step between them each call is a round of updates, of which there is one.
        let rate = fastest(|| agent.learn().expect("the CPU learns"));
        let floor = peak / (4 * weights * BATCH) as f64;
        println!("| `{}` | `{id}` | {weights} | {rate:.0} | {floor:.0} | {:.2} |", preset.name, rate / floor);
    }
}

/// How often a second `work` is done, the best of ten tenths of a second.
fn fastest(mut work: impl FnMut()) -> f64 {
    let mut best = 0.0;
    for _ in 0..10 {
        let (started, mut calls) = (Instant::now(), 0);
        while calls == 0 || started.elapsed().as_secs_f64() < 0.1 {
            work();
            calls += 1;
        }
        let rate = f64::from(calls) / started.elapsed().as_secs_f64();
        best = if rate > best { rate } else { best };
    }
    best
}

fn products_per_second(cpu: &Cpu) -> f64 {
    let layer = Dense { inputs: 256, outputs: 256, weight: 0, bias: 256 * 256, relu: true };
    let theta = vec![0.5; layer.bias + layer.outputs];
    let (x, mut y) = (vec![0.5; BATCH * layer.inputs], vec![0.0; BATCH * layer.outputs]);
    let rate = fastest(|| cpu.linear(&layer, BATCH, &theta, &x, &mut y).expect("the CPU multiplies"));
    rate * (BATCH * layer.inputs * layer.outputs) as f64
}
