//! Training on CUDA: every tensor of a checkpoint equals the CPU's, and a step makes as few calls as it should.
//!
//! The device is the emulator; with `MERCATO_TEST_DEVICE=gpu` the training runs on the machine's GPU instead.
use envs::{Actions, Params, Start, make};
use kernels::{Backend, Cpu, Cuda};
use mercato_agents::{Agent, AgentSpec, Tensors};
use serde_json::{Value, json};
use std::sync::MutexGuard;

/// Whether the tests run on a GPU.
fn on_gpu() -> bool {
    std::env::var("MERCATO_TEST_DEVICE").as_deref() == Ok("gpu")
}

/// CUDA, and the emulator to itself.
fn cuda() -> (Option<MutexGuard<'static, ()>>, Cuda) {
    let guard = (!on_gpu()).then(emulator::alone);
    (guard, Cuda::new().expect("the emulator is loaded, or there is a GPU"))
}

/// A learner in its world.
struct Trained {
    agent: Box<dyn Agent>,
    world: Box<dyn envs::VectorEnv>,
    actions: Actions,
}

impl Trained {
    fn new<B: Backend>(backend: B, world: &str, preset: &str, settings: &Value) -> Self {
        let spec = AgentSpec::preset(preset, settings.as_object().expect("a table")).expect("a preset");
        let mut world = make(world, &Params::new(), spec.rows()).expect("a world");
        let mut agent = spec.build(backend, world.spec(), 7).expect("an agent");
        let actions = Actions::new(world.spec().rows, world.spec().width);
        world.reset(Start::training(7), agent.slot()).expect("reset");
        Trained { agent, world, actions }
    }
    fn act(&mut self) {
        self.agent.act(&mut self.actions).expect("act");
        self.world.step(&self.actions, self.agent.slot()).expect("step");
    }
    fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.act();
            self.agent.learn().expect("learn");
        }
    }
    fn updates(&self) -> u64 {
        self.agent.progress().expect("finite").updates
    }
    fn saved(&self) -> Tensors {
        self.agent.save().expect("save")
    }
}

const READER: &str = "rec/markov-interest-v1";

/// Trains on both and compares all that a checkpoint holds.
fn compare(world: &str, preset: &str, settings: &Value) {
    const STEPS: usize = 120;
    let mut plain = Trained::new(Cpu::new().expect("a processor"), world, preset, settings);
    plain.steps(STEPS);
    let (_guard, cuda) = cuda();
    let mut device = Trained::new(cuda, world, preset, settings);
    device.steps(STEPS);
    assert!(plain.updates() >= 100 && device.updates() == plain.updates(), "{preset}: {}", plain.updates());
    let (expected, got) = (plain.saved(), device.saved());
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, tensor) in &expected {
        // As text, which tells −0 from 0 and has shortest digits that read back to the same bits.
        assert!(format!("{:?}", got[name]) == format!("{tensor:?}"), "{preset}: {name} differs");
    }
}

/// A hundred updates and more with every option of `dqn`: double, dueling, three steps, priorities, clipping, decays,
/// ramps, a target that follows softly, two updates in a launch.
#[test]
fn dqn_with_all_options() {
    let settings = json!({
        "hidden": [20, 13], "head": "dueling", "double": true, "n_step": 3, "priority": true, "importance_updates": 80,
        "rows": 3, "memory": 240, "warmup": 60, "batch": 17, "updates": 2, "huber": 0.5, "clip": 0.1, "l2": 1e-3,
        "weight_decay": 1e-3, "learning_rate_to": 1e-4, "learning_rate_over": 70, "target_rate": 0.05,
        "explore_over": 200, "reward_scale": 0.5,
    });
    compare(READER, "dqn", &settings);
}

/// A learner restored from a checkpoint in the midst of training goes on with the same bits, on the other device too.
#[test]
fn restored_learners_go_on() {
    let settings = json!({ "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 16, "priority": true });
    let mut plain = Trained::new(Cpu::new().expect("a processor"), READER, "dqn", &settings);
    plain.steps(60);
    let (_guard, cuda) = cuda();
    let mut device = Trained::new(cuda, READER, "dqn", &settings);
    device.steps(7);
    device.agent.restore(&plain.saved()).expect("restore");
    device.world.restore(&plain.world.save()).expect("restore");
    for _ in 0..20 {
        plain.steps(1);
        device.steps(1);
    }
    assert!(format!("{:?}", plain.saved()) == format!("{:?}", device.saved()));
}

/// The presets at small shapes; the ring wraps.
#[test]
fn presets() {
    let small = json!({ "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 16, "target_every": 30 });
    for preset in ["dqn", "rainbow-lite", "article"] {
        compare(READER, preset, &small);
    }
}

/// Real numbers, alone and beside an index.
#[test]
fn prices() {
    let mut small = json!({ "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 8, "explore_over": 300 });
    compare("pricing/inventory-v1", "naf", &small);
    compare("pricing/wine-club-v1", "pdqn", &small);
    small["double"] = true.into();
    small["priority"] = true.into();
    compare("pricing/wine-club-v1", "mp_dqn", &small);
    small["candidates"] = 12.into();
    compare("pricing/inventory-v1", "qt_opt", &small);
}

/// What was counted while `body` ran.
fn calls(names: &[&str], body: impl FnOnce()) -> Vec<u64> {
    let before = emulator::snapshot();
    body();
    let after = emulator::snapshot();
    names.iter().map(|name| after.driver(name) - before.driver(name)).collect()
}

/// After the first round all updates of a round are one launch of a graph; a step of the world is a handful of launches
/// and copies; nothing is allocated or loaded.
#[test]
fn launches_and_copies_are_counted() {
    if on_gpu() {
        println!("skipped: launches_and_copies_are_counted because a GPU's driver does not count");
        return;
    }
    const NAMES: [&str; 6] = [
        "cuGraphLaunch",
        "cuLaunchKernel",
        "copies_to_device",
        "copies_to_host",
        "cuMemAllocAsync",
        "cuModuleLoadData",
    ];
    let (_guard, cuda) = cuda();
    let settings = json!({
        "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 16, "updates": 3, "double": true,
        "priority": true,
    });
    let mut trained = Trained::new(cuda, READER, "dqn", &settings);
    trained.steps(40);
    trained.act();
    let learned = calls(&NAMES, || trained.agent.learn().expect("learn"));
    assert_eq!(learned, [1, 0, 0, 0, 0, 0], "three updates are one launch and no copy");
    // Launches: advance, newest, two layers, choose. Copies: observation, reward, stage and action in; the action out,
    // and after a round once whether there was anything to draw.
    assert_eq!(calls(&NAMES, || trained.act()), [0, 5, 4, 2, 0, 0]);
    assert_eq!(calls(&NAMES, || trained.act()), [0, 5, 4, 1, 0, 0]);
}
