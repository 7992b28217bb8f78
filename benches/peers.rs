//! mercato's side of `benches/peers/run.sh`: the figures of the scripts of the same names, one JSON line each, on the
//! thread it is started on.
//!
//! `taskset -c 0 cargo bench --bench peers -- [cartpole|dqn_updates|prioritised|acting|train_cartpole]...`
#![expect(clippy::disallowed_methods, reason = "a bench reads the clock; nothing here makes a trace")]
use agents::{Agent, AgentSpec, Player, evaluate};
use envs::{
    Actions, Params, Shape, Slot, Spec, Stage, Start, Width, make,
    rng::{Domain, Purpose, Rng, Stream},
};
use kernels::{Batch, Cpu, Memory, Priority, Ramp, Sample, SampleConfig, UPDATES, clock};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn main() {
    let all: [(&str, fn()); 5] = [
        ("cartpole", cartpole),
        ("dqn_updates", dqn_updates),
        ("prioritised", prioritised),
        ("acting", acting),
        ("train_cartpole", train_cartpole),
    ];
    // cargo itself adds `--bench`.
    let asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (name, measure) in all {
        if asked.is_empty() || asked.iter().any(|topic| topic == name) {
            measure();
        }
    }
}

fn report(shape: &str, metric: &str, value: f64) {
    println!("{}", json!({ "peer": "mercato", "shape": shape, "metric": metric, "value": value, "threads": 1 }));
}

/// Median over ten intervals of how often per second `work` does what it does `per_call` times in a call, after a
/// warm-up: as `measure.py` has it.
fn rate(per_call: usize, mut work: impl FnMut()) -> f64 {
    let seconds = std::env::var("SECONDS_PER_FIGURE").ok().and_then(|text| text.parse().ok()).unwrap_or(3.0);
    let mut calls_in = |interval: Duration| {
        let (started, mut calls) = (Instant::now(), 0);
        while calls == 0 || started.elapsed() < interval {
            work();
            calls += 1;
        }
        (calls * per_call) as f64 / started.elapsed().as_secs_f64()
    };
    calls_in(Duration::from_secs_f64(seconds / 5.0));
    let mut rates: Vec<f64> = (0..10).map(|_| calls_in(Duration::from_secs_f64(seconds / 10.0))).collect();
    rates.sort_by(f64::total_cmp);
    (rates[4] + rates[5]) / 2.0
}

fn stream() -> Stream {
    Rng::new(7, Domain::Statistics).stream(Purpose::BOOTSTRAP)
}

fn cartpole() {
    let rows = 1024;
    let mut world = make("classic/cartpole-v1", &Params::new(), rows).expect("it is in the suite");
    let mut buffers = Buffers::new(rows, world.spec().observation);
    world.reset(Start::training(0), buffers.slot()).expect("the buffers fit");
    let mut stream = stream();
    let actions: Vec<Actions> = (0..64)
        .map(|_| {
            let mut actions = Actions::new(rows, world.spec().width);
            actions.items.fill_with(|| stream.below(2));
            actions
        })
        .collect();
    let mut step = 0;
    let steps = rate(rows, || {
        world.step(&actions[step % 64], buffers.slot()).expect("the actions are admissible");
        step += 1;
    });
    report("cartpole, 1024 rows", "steps/s", steps);
}

struct Buffers {
    observation: Vec<f32>,
    reward: Vec<f32>,
    stage: Vec<Stage>,
}

impl Buffers {
    fn new(rows: usize, width: usize) -> Self {
        Buffers { observation: vec![0.0; rows * width], reward: vec![0.0; rows], stage: vec![Stage::First; rows] }
    }
    fn slot(&mut self) -> Slot<'_> {
        Slot { observation: &mut self.observation, reward: &mut self.reward, stage: &mut self.stage }
    }
}

/// What an agent must know of a world of this shape; nothing is stepped.
fn spec(rows: usize, observation: usize, actions: u32) -> Spec {
    Spec {
        id: "bench/noise-v1",
        params: json!({}),
        rows,
        agents: 1,
        fields: Vec::new(),
        observation,
        shape: Shape::Discrete(actions),
        width: Width { items: 1, reals: 0 },
        horizon: 100,
        discount: 0.99,
        metrics: Vec::new(),
        costs: &[],
        items: None,
        weights: &[],
        policies: &[],
    }
}

fn agent(settings: Value, spec: &Spec, seed: u64) -> Box<dyn Agent> {
    let Value::Object(settings) = settings else { unreachable!("every caller gives a table") };
    let chosen = AgentSpec::preset("dqn", &settings).expect("the settings are admissible");
    let cpu = Cpu::new().expect("MERCATO_ISA names what the machine has");
    chosen.build(cpu, spec, seed).expect("a discrete world")
}

/// The agent itself, with its ring of 100,000 transitions full; in every call it also acts and takes in eight more.
fn dqn_updates() {
    let (rows, calls) = (8, 100);
    for (name, observation, hidden, actions, batch) in [
        ("S = 100-64-10, batch 64", 100, vec![64], 10, 64),
        ("M = 128-256-256-10, batch 256", 128, vec![256, 256], 10, 256),
        ("L = 128-256-256-1000, batch 256", 128, vec![256, 256], 1000, 256),
    ] {
        let spec = spec(rows, observation, actions);
        let settings = json!({
            "hidden": hidden, "rows": rows, "memory": 100_000, "warmup": 100_000, "batch": batch, "updates": calls,
            "learning_rate": 1e-3, "target_every": 1000, "clip": "inf", "discount": 0.99,
        });
        let (mut agent, mut chosen, mut stream) = (agent(settings, &spec, 0), Actions::new(rows, spec.width), stream());
        let mut round = || {
            let slot = agent.slot();
            slot.observation.fill_with(|| stream.uniform() - 0.5);
            slot.reward.fill_with(|| stream.uniform() - 0.5);
            slot.stage.fill_with(|| if stream.below(20) == 0 { Stage::Terminated } else { Stage::Mid });
            agent.act(&mut chosen).expect("the CPU does not fail");
            agent.learn().expect("the CPU does not fail");
        };
        (0..100_000 / rows).for_each(|_| round());
        report(name, "updates/s", rate(calls, round));
    }
}

fn prioritised() {
    let (capacity, width, size) = (1_000_000, 4, 32);
    let priority = Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 0.01 };
    let config = SampleConfig { n_step: 1, discount: 0.99, seed: 1, priority: Some(priority) };
    let cpu = Cpu::new().expect("MERCATO_ISA names what the machine has");
    let mut memory = Memory::new(&cpu, capacity + 1, 1, width, true).expect("room");
    let (mut clock, mut stream) = (clock(&cpu).expect("room"), stream());
    memory.observation.fill_with(|| stream.uniform() - 0.5);
    memory.reward.fill_with(|| stream.uniform() - 0.5);
    for slot in 0..=capacity {
        memory.stage[slot] = if stream.below(20) == 0 { Stage::Terminated } else { Stage::Mid };
        cpu.advance(&config, &mut memory, &mut clock).expect("the CPU does not fail");
    }
    let mut batch = Batch::new(&cpu, size, width).expect("room");
    // Priorities of their own for many transitions, as after a long training.
    let pair = |memory: &mut Memory<Cpu>, batch: &mut Batch<Cpu>, clock: &mut Vec<u32>, stream: &mut Stream| {
        clock[UPDATES] += 1;
        cpu.sample(&config, memory, clock, batch).expect("the ring is full");
        batch.error.fill_with(|| stream.uniform());
        cpu.prioritise(&config, memory, batch).expect("the CPU does not fail");
    };
    (0..100_000).for_each(|_| pair(&mut memory, &mut batch, &mut clock, &mut stream));
    let pairs = rate(100, || (0..100).for_each(|_| pair(&mut memory, &mut batch, &mut clock, &mut stream)));
    report("capacity 10^6, batch 32", "pairs/s", pairs);
}

fn acting() {
    let agent = agent(json!({ "hidden": [64], "rows": 8, "memory": 1000 }), &spec(8, 100, 10), 0);
    for (rows, calls) in [(1, 200), (1024, 1)] {
        let (mut policy, mut stream) = (agent.greedy(rows).expect("room"), stream());
        let mut chosen = Actions::new(rows, Width { items: 1, reals: 0 });
        policy.slot().observation.fill_with(|| stream.uniform() - 0.5);
        let actions = rate(rows * calls, || {
            (0..calls).for_each(|_| policy.act(&mut chosen).expect("the CPU does not fail"));
        });
        match rows {
            1 => report("S = 100-64-10, batch 1", "us/action", 1e6 / actions),
            _ => report("S = 100-64-10, batch 1024", "actions/s", actions),
        }
    }
}

/// The tuned setting of `train_cartpole.py`. Its target network is copied every ten steps, and its 128 updates follow
/// each other without a step between them: one copy per round.
fn train_cartpole() {
    let (steps, seeds) = (50_000, 5);
    for seed in 0..seeds {
        let mut world = make("classic/cartpole-v1", &Params::new(), 1).expect("it is in the suite");
        let settings = json!({
            "hidden": [256, 256], "rows": 1, "memory": 100_000, "warmup": 1000, "batch": 64, "learning_rate": 2.3e-3,
            "update_every": 256, "updates": 128, "target_every": 128, "discount": 0.99, "clip": 10.0,
            "explore_from": 1.0, "explore_to": 0.04, "explore_over": 8000,
        });
        let mut agent = agent(settings, world.spec(), seed);
        let mut actions = Actions::new(1, world.spec().width);
        let started = Instant::now();
        world.reset(Start::training(seed), agent.slot()).expect("the buffers fit");
        let mut made = 0;
        while made < steps {
            agent.act(&mut actions).expect("the CPU does not fail");
            world.step(&actions, agent.slot()).expect("the actions are admissible");
            made += usize::from(agent.slot().stage[0] != Stage::First);
            agent.learn().expect("the CPU does not fail");
        }
        let speed = steps as f64 / started.elapsed().as_secs_f64();
        let mut policy = agent.greedy(1).expect("room");
        let played =
            evaluate(world.as_mut(), Player::Policy(policy.as_mut()), seed, 20).expect("the CPU does not fail");
        let shape = format!("cartpole, tuned DQN, {steps} steps");
        report(&shape, "steps/s", speed);
        let returned = played.metric("episode_return").expect("every world has it").mean;
        report(&format!("{shape}, seed {seed}"), "final return", returned);
    }
}
