//! Single-threaded stepping allocates nothing: a step of a thousand rows costs what its arithmetic costs.
//!
//! A binary of its own, because it replaces the allocator of its whole process.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait; this one only counts")]
use mercato::{
    agents::{AgentSpec, spec::PRESETS},
    envs::{self, Actions, ENVS, Params, Slot, Stage, Start},
    kernels::{Cpu, Isa},
};
use serde_json::{Map, json};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// Allocations of this thread: tests run beside each other.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter is a plain cell without a destructor, so
// that counting neither allocates nor can come after its end.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations `work` makes on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Otherwise the tests below could not fail.
#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

/// Episodes end and start again within the steps that are counted.
#[test]
fn no_world_allocates_in_step_or_random_policy() {
    let (rows, warm) = (32, 8);
    let modified = json!({"reward_noise": 0.5, "reward_delay": 3, "reward_missing": 0.1, "sticky_actions": 0.2,
        "drift_step": 7, "mask_rate": 0.2});
    let modified = modified.as_object().expect("a table").clone();
    let every = ENVS.iter().map(|entry| (entry, Params::new()));
    let slates = envs::find("rec/slate-cascade-v1").expect("it is in the suite");
    for (entry, params) in every.chain([(slates, modified)]) {
        let mut world = entry.make(&params, rows).expect("the parameters are admissible");
        let counted = if world.spec().horizon < 2000 { world.spec().horizon + 100 } else { 2100 };
        let policy = world.spec().policy("random").expect("every world has it");
        let mut actions = Actions::new(rows, world.spec().width);
        let mut observation = vec![0.0; rows * world.spec().observation];
        let (mut reward, mut stage) = (vec![0.0; rows], vec![Stage::First; rows]);
        let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
        world.reset(Start::training(1), slot).expect("the buffers fit");
        let (mut in_step, mut in_choice, mut starts) = (0, 0, 0);
        for step in 0..warm + counted {
            let choice = allocations(|| world.reference(&policy, &mut actions).expect("the widths fit"));
            let slot = Slot { observation: &mut observation, reward: &mut reward, stage: &mut stage };
            let stepped = allocations(|| world.step(&actions, slot).expect("random actions are admissible"));
            if step >= warm {
                (in_step, in_choice) = (in_step + stepped, in_choice + choice);
                starts += stage.iter().filter(|&&stage| stage == Stage::First).count();
            }
        }
        assert!(starts > 0, "{}: no episode started within {counted} steps", entry.id);
        assert_eq!((in_step, in_choice), (0, 0), "{}: allocations in (step, random policy)", entry.id);
    }
}

/// Acting, learning and greedy play, for every preset and every instruction set of this machine.
#[test]
fn no_agent_allocates_in_act_or_learn() {
    let settings = [("hidden", json!([20, 20])), ("memory", json!(512)), ("warmup", json!(64)), ("batch", json!(8))];
    for (preset, isa) in PRESETS.iter().flat_map(|preset| Isa::ALL.map(|isa| (preset, isa))) {
        let Ok(cpu) = Cpu::with(isa) else {
            eprintln!("skipped: {} with {}, because this machine lacks it", preset.name, isa.name());
            continue;
        };
        let (id, params) = preset.world();
        // Small where the preset is large; those without a network have none of these settings.
        let defaults = json!((preset.spec)());
        let small = settings.iter().filter(|(key, _)| defaults.get(key).is_some());
        let small = Map::from_iter(small.map(|(key, value)| (key.to_string(), value.clone())));
        let spec = AgentSpec::preset(preset.name, &small).expect("the settings are admissible");
        let rows = spec.rows();
        let mut world = envs::make(id, &params, rows).expect("the world is there");
        let mut agent = spec.build(cpu, world.spec(), 1).expect("the agent fits");
        let mut actions = Actions::new(rows, world.spec().width);
        world.reset(Start::training(1), agent.slot()).expect("the buffers fit");
        let mut counts = [0; 2];
        for step in 0..200 {
            let act = allocations(|| agent.act(&mut actions).expect("the CPU acts"));
            world.step(&actions, agent.slot()).expect("the actions are admissible");
            let learn = allocations(|| agent.learn().expect("the CPU learns"));
            if step >= 40 {
                counts = [counts[0] + act, counts[1] + learn];
            }
        }
        assert!(agent.progress().expect("finite").updates > 100, "{}", preset.name);
        let mut greedy = agent.greedy(rows).expect("room");
        world.reset(Start::evaluation(1, 0), greedy.slot()).expect("the buffers fit");
        greedy.act(&mut actions).expect("the CPU acts");
        let play = allocations(|| greedy.act(&mut actions).expect("the CPU acts"));
        assert_eq!((counts, play), ([0, 0], 0), "{} with {}: (act, learn), greedy", preset.name, isa.name());
    }
}
