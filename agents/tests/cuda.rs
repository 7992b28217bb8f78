//! Training on CUDA: every tensor of a checkpoint equals the CPU's, and a step makes as few calls as it should.
//!
//! The device is the emulator; with `MERCATO_TEST_DEVICE=gpu` the training runs on the machine's GPU instead.
use envs::{Actions, Params, Start, make};
use kernels::{Cpu, Cuda, CudaConfig, Math};
use mercato_agents::{Agent, AgentSpec, Processor, Tensor, Tensors};
use serde_json::{Value, json};
use std::sync::MutexGuard;

/// Whether the tests run on a GPU.
fn on_gpu() -> bool {
    std::env::var("MERCATO_TEST_DEVICE").as_deref() == Ok("gpu")
}

/// CUDA, and the emulator to itself.
fn cuda() -> (Option<MutexGuard<'static, ()>>, Cuda) {
    cuda_with(Math::Exact)
}

fn cuda_with(math: Math) -> (Option<MutexGuard<'static, ()>>, Cuda) {
    let guard = (!on_gpu()).then(emulator::alone);
    let device = Cuda::with(CudaConfig { math, ..CudaConfig::default() });
    (guard, device.expect("the emulator is loaded, or there is a GPU"))
}

/// A learner in its world.
struct Trained {
    agent: Box<dyn Agent>,
    world: Box<dyn envs::VectorEnv>,
    actions: Actions,
}

impl Trained {
    fn new(processor: impl Into<Processor>, world: &str, preset: &str, settings: &Value) -> Self {
        Self::within(processor, world, &json!({}), preset, settings)
    }
    fn within(processor: impl Into<Processor>, world: &str, params: &Value, preset: &str, settings: &Value) -> Self {
        let params: Params = params.as_object().expect("a table").clone();
        let spec = AgentSpec::preset(preset, settings.as_object().expect("a table")).expect("a preset");
        let mut world = make(world, &params, spec.rows()).expect("a world");
        let mut agent = spec.build(processor, world.spec(), 7).expect("an agent");
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
    compare_in(world, &json!({}), preset, settings);
}

/// The same in a world with parameters of its own.
fn compare_in(world: &str, params: &Value, preset: &str, settings: &Value) {
    const STEPS: usize = 120;
    let mut plain = Trained::within(Cpu::new().expect("a processor"), world, params, preset, settings);
    plain.steps(STEPS);
    let (_guard, cuda) = cuda();
    if !on_gpu() {
        // What must not matter: in which order blocks and warps run, and how late a stream does what it was given.
        emulator::set("order", 5);
        emulator::set("deferred", 1);
    }
    let mut device = Trained::within(cuda, world, params, preset, settings);
    device.steps(STEPS);
    assert!(plain.updates() >= 100 && device.updates() == plain.updates(), "{preset}: {}", plain.updates());
    let (expected, got) = (plain.saved(), device.saved());
    assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, tensor) in &expected {
        // As text, which tells −0 from 0 and has shortest digits that read back to the same bits.
        assert!(format!("{:?}", got[name]) == format!("{tensor:?}"), "{preset}: {name} differs");
    }
}

/// A hundred updates and more with the options of `dqn` that go together: double, dueling, three steps, priorities,
/// clipping, decays, ramps, a target that follows softly, two updates in a launch; then noise, and Munchausen targets with
/// the factored head.
#[test]
fn dqn_with_all_options() {
    let settings = json!({
        "hidden": [20, 13], "head": "dueling", "double": true, "n_step": 3, "priority": true, "importance_updates": 80,
        "rows": 3, "memory": 240, "warmup": 60, "batch": 17, "updates": 2, "huber": 0.5, "clip": 0.1, "l2": 1e-3,
        "weight_decay": 1e-3, "learning_rate_to": 1e-4, "learning_rate_over": 70, "target_rate": 0.05,
        "explore_over": 200, "reward_scale": 0.5,
    });
    compare(READER, "dqn", &settings);
    let mut small = json!({ "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 8, "noisy": true });
    compare(READER, "dqn", &small);
    small["noisy"] = false.into();
    small["head"] = "factored".into();
    compare(READER, "munchausen", &small);
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

/// Distributions of returns, with few atoms and quantiles.
#[test]
fn distributions() {
    let small = json!({ "hidden": [12], "rows": 4, "memory": 300, "warmup": 60, "batch": 8, "target_every": 30 });
    let with = |more: Value| {
        let mut all = small.clone();
        let more = more.as_object().expect("a table").clone();
        all.as_object_mut().expect("a table").extend(more);
        all
    };
    compare(READER, "c51", &with(json!({ "atoms": 7 })));
    compare(READER, "rainbow", &with(json!({ "atoms": 5 })));
    compare(READER, "qr_dqn", &with(json!({ "quantiles": 6 })));
    let fractions =
        json!({ "quantiles": 3, "next_quantiles": 4, "acting_quantiles": 5, "features": 6, "double": true });
    compare(READER, "iqn", &with(fractions));
}

/// Slates, prices of a grid, and items that are not all on offer.
#[test]
fn slates_grids_and_masks() {
    let mut small = json!({ "hidden": [12], "rows": 4, "memory": 300, "warmup": 60, "batch": 8, "explore_over": 300 });
    compare("rec/slateq-mdp-v1", "slateq", &small);
    compare("rec/slate-cascade-v1", "cascade_slateq", &small);
    compare_in("rec/slateq-mdp-v1", &json!({ "mask_rate": 0.3 }), "top_k_dqn", &small);
    compare_in(READER, &json!({ "mask_rate": 0.3 }), "dqn", &small);
    small["prices"] = 5.into();
    compare("pricing/inventory-v1", "price_grid", &small);
}

/// A cost with a price, and items with vectors: more items than candidates, and fewer.
#[test]
fn costs_and_catalogues() {
    let small = json!({ "hidden": [12], "rows": 4, "memory": 300, "warmup": 60, "batch": 8, "explore_over": 300 });
    let mut priced = small.clone();
    priced["multiplier_rate"] = 0.05.into();
    let costs = json!({ "reward": "clicks", "cost_signal": "others", "cost_shown": true });
    compare_in("rec/fair-interest-v1", &costs, "lagrangian", &priced);
    let mut searching = small.clone();
    searching["discount"] = 0.5.into();
    searching["candidates"] = 40.into();
    searching["double"] = true.into();
    compare_in("rec/huge-hashed-v1", &json!({ "items": 10_000, "users": 10 }), "two_tower", &searching);
    compare(READER, "two_tower", &small);
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

/// A policy judged by what a random one did: its values, learnt on `processor` from 60 steps in 100 rounds.
fn judged(processor: impl Into<Processor>, preset: &str, settings: &Value, policy: &Tensors) -> Tensors {
    let spec = AgentSpec::preset(preset, settings.as_object().expect("a table")).expect("a preset");
    let mut world = make(READER, &Params::new(), 1).expect("a world");
    let mut agent = spec.judge(processor, policy, (60, 100), world.spec(), 7).expect("it chooses by values");
    let (random, mut actions) =
        (world.spec().policy("random").expect("it is there"), Actions::new(1, world.spec().width));
    world.reset(Start::training(7), agent.slot()).expect("reset");
    for _ in 0..60 {
        world.reference(&random, &mut actions).expect("actions");
        agent.watch(&actions).expect("one learns from logs");
        world.step(&actions, agent.slot()).expect("step");
    }
    (0..100).for_each(|_| agent.study().expect("an update"));
    agent.save().expect("save")
}

/// The values of a policy that stays as it is, learnt beside it.
#[test]
fn judges_of_policies() {
    let small = json!({ "hidden": [12], "rows": 4, "memory": 300, "warmup": 60, "batch": 8, "explore_over": 300 });
    for (preset, more) in [("dqn", json!({})), ("qr_dqn", json!({ "quantiles": 6 }))] {
        let mut settings = small.clone();
        settings.as_object_mut().expect("a table").extend(more.as_object().expect("a table").clone());
        let mut policy = Trained::new(Cpu::new().expect("a processor"), READER, preset, &settings);
        policy.steps(60);
        let policy = policy.agent.weights().expect("weights");
        let expected = judged(Cpu::new().expect("a processor"), preset, &settings, &policy);
        let (_guard, cuda) = cuda();
        let got = judged(cuda, preset, &settings, &policy);
        assert_eq!(got.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, tensor) in &expected {
            assert!(format!("{:?}", got[name]) == format!("{tensor:?}"), "{preset}: {name} differs");
        }
    }
}

/// What was counted while `body` ran.
fn calls(names: &[&str], body: impl FnOnce()) -> Vec<u64> {
    let before = emulator::snapshot();
    body();
    let after = emulator::snapshot();
    names.iter().map(|name| after.driver(name) - before.driver(name)).collect()
}

/// The parameters.
fn theta(trained: &Trained) -> Vec<f64> {
    match &trained.agent.weights().expect("weights")["theta"] {
        Tensor::F32(theta) => theta.iter().map(|number| f64::from(*number)).collect(),
        other => panic!("{other:?}"),
    }
}

fn distance(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other) * (one - other)).sum::<f64>().sqrt()
}

/// With cuBLAS's products a training goes where the exact one goes: after a hundred updates from the same transitions the
/// parameters are apart by a small share of the way that they have come. The bound is for any order of the sums; on the
/// emulator, whose cuBLAS only adds the bias at the end instead of at the start, they are much nearer, but not equal.
#[test]
fn training_with_fast_products_goes_the_same_way() {
    // Random actions, so that a value's last bit cannot send the training through other states.
    let settings = json!({
        "hidden": [20, 13], "head": "dueling", "double": true, "n_step": 3, "rows": 3, "memory": 240, "warmup": 60,
        "batch": 17, "explore_from": 1.0, "explore_to": 1.0,
    });
    let mut plain = Trained::new(Cpu::new().expect("a processor"), READER, "dqn", &settings);
    let start = theta(&plain);
    plain.steps(130);
    let end = theta(&plain);
    let way = distance(&start, &end);
    for (math, bound) in [(Math::Fast, 1e-3), (Math::Tf32, 0.1)] {
        let (_guard, cuda) = cuda_with(math);
        let mut device = Trained::new(cuda, READER, "dqn", &settings);
        device.steps(130);
        assert!(device.updates() >= 100 && device.updates() == plain.updates());
        let apart = distance(&theta(&device), &end);
        println!("{math:?}: {apart:e} apart after a way of {way}");
        assert!(apart > 0.0 && apart <= bound * way, "{math:?}: {apart} apart after a way of {way}");
    }
}

/// TF32 only where it was asked for, fast products inside the graph of an update, one for each of its products.
#[test]
fn fast_products_are_captured() {
    if on_gpu() {
        return println!("skipped: fast_products_are_captured because a GPU's driver does not count");
    }
    const NAMES: [&str; 6] =
        ["products", "products_in_tf32", "cuGraphLaunch", "cuLaunchKernel", "cuMemAllocAsync", "cuMemHostAlloc"];
    let settings = json!({ "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 16, "updates": 3 });
    for (math, tf32) in [(Math::Fast, 0), (Math::Tf32, 1)] {
        let (_guard, cuda) = cuda_with(math);
        let mut trained = Trained::new(cuda, READER, "dqn", &settings);
        trained.steps(40);
        trained.act();
        // Forward: the first layer of both networks and the last of the target; the online values are only of the actions
        // taken. Backward: the weights of the first layer. Three updates.
        let learned = calls(&NAMES, || trained.agent.learn().expect("learn"));
        assert_eq!(learned, [12, 12 * tf32, 1, 0, 0, 0], "{math:?}");
        // Launches: advance, newest, what two products lack, choose.
        assert_eq!(calls(&NAMES, || trained.act()), [2, 2 * tf32, 0, 5, 0, 0], "{math:?}");
    }
}

/// After the first round all updates of a round are one launch of a graph; a step of the world is a handful of launches
/// and copies; nothing is allocated or loaded.
#[test]
fn launches_and_copies_are_counted() {
    if on_gpu() {
        println!("skipped: launches_and_copies_are_counted because a GPU's driver does not count");
        return;
    }
    const NAMES: [&str; 7] = [
        "cuGraphLaunch",
        "cuLaunchKernel",
        "copies_to_device",
        "copies_to_host",
        "cuMemAllocAsync",
        "cuMemHostAlloc",
        "cuModuleLoadData",
    ];
    let (_guard, cuda) = cuda();
    let settings = json!({
        "hidden": [16], "rows": 4, "memory": 300, "warmup": 60, "batch": 16, "updates": 3, "double": true,
        "priority": true,
    });
    let mut trained = Trained::new(cuda, READER, "dqn", &settings);
    // Through the first steps, the first round, which is captured, and the ring's first wrap.
    assert_eq!(calls(&NAMES[4..], || trained.steps(100)), [0, 0, 0], "nothing is allocated after construction");
    trained.act();
    let learned = calls(&NAMES, || trained.agent.learn().expect("learn"));
    assert_eq!(learned, [1, 0, 0, 0, 0, 0, 0], "three updates are one launch and no copy");
    // Launches: advance, newest, two layers, choose. Copies: observation, reward, stage and action in; the action out,
    // and after a round once whether there was anything to draw.
    assert_eq!(calls(&NAMES, || trained.act()), [0, 5, 4, 2, 0, 0, 0]);
    assert_eq!(calls(&NAMES, || trained.act()), [0, 5, 4, 1, 0, 0, 0]);
}
