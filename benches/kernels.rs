//! Times of the operations and of whole DQN updates, on one core, for every instruction set that the machine has.
//!
//! `cargo bench --bench kernels` runs all; a filter such as `-- update/M` or `-- avx2` picks. The shapes are S =
//! 100-64-10 with batches of 64, M = 128-256-256-10 with 256, L = 128-256-256-1000 with 256; an update is a uniform
//! sample from 100,000 stored transitions, both forward passes, Huber TD, backward, Adam, and every 1000 updates a copy
//! to the target network. `chosen` computes and differentiates the online output layer only at the actions taken.
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use envs::{
    Stage,
    rng::{Domain, Purpose, Rng, Stream},
};
use kernels::{
    Adam, AdamConfig, Batch, Choose, ChooseConfig, Cpu, Dense, Isa, Linear, Memory, Multiplier, MultiplierConfig, Naf,
    Parameters, ParametersShape, Priority, Ramp, Sample, SampleConfig, Search, TargetUpdate, Td, TdConfig, Towers,
    TowersShape, Weights, clock, naf_outputs,
};
use std::time::Duration;

/// A network's widths and its batch.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    widths: &'static [usize],
    batch: usize,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "S", widths: &[100, 64, 10], batch: 64 },
    Shape { name: "M", widths: &[128, 256, 256, 10], batch: 256 },
    Shape { name: "L", widths: &[128, 256, 256, 1000], batch: 256 },
];

fn devices() -> Vec<Cpu> {
    [Isa::Avx2, Isa::Avx512].into_iter().filter_map(|isa| Cpu::with(isa).ok()).collect()
}

fn stream() -> Stream {
    Rng::new(7, Domain::Statistics).stream(Purpose::BOOTSTRAP)
}

fn numbers(stream: &mut Stream, len: usize) -> Vec<f32> {
    (0..len).map(|_| stream.uniform() - 0.5).collect()
}

impl Shape {
    fn layers(self) -> Vec<Dense> {
        let mut at = 0;
        let last = self.widths.len() - 2;
        let layer = |(i, pair): (usize, &[usize])| {
            let (weight, bias) = (at, at + pair[0] * pair[1]);
            at = bias + pair[1];
            Dense { inputs: pair[0], outputs: pair[1], weight, bias, relu: i < last }
        };
        self.widths.windows(2).enumerate().map(layer).collect()
    }
    /// Parameters with the variance of He et al. 2015.
    fn theta(self, stream: &mut Stream) -> Vec<f32> {
        let mut theta = vec![];
        for pair in self.widths.windows(2) {
            let bound = (24.0 / pair[0] as f32).sqrt();
            theta.extend(numbers(stream, pair[0] * pair[1]).iter().map(|weight| weight * bound));
            theta.extend(vec![0.0; pair[1]]);
        }
        theta
    }
}

/// A ring of one row with episodes of about a hundred steps.
fn memory(cpu: &Cpu, slots: usize, width: usize, actions: usize, config: &SampleConfig) -> (Memory<Cpu>, Vec<u32>) {
    let mut stream = stream();
    let mut memory = Memory::new(cpu, slots, 1, width, config.priority.is_some()).expect("room");
    let mut clock = clock(cpu).expect("room");
    memory.observation = numbers(&mut stream, slots * width);
    memory.reward = numbers(&mut stream, slots);
    memory.action = (0..slots).map(|_| stream.below(actions as u32)).collect();
    for slot in 0..slots {
        memory.stage[slot] = match (slot > 0 && memory.stage[slot - 1].is_last(), stream.below(100)) {
            (true, _) => Stage::First,
            (false, 0) => Stage::Terminated,
            (false, _) => Stage::Mid,
        };
        cpu.advance(config, &mut memory, &mut clock).expect("the CPU does not fail");
    }
    (memory, clock)
}

/// A DQN without its world.
struct Learner {
    cpu: Cpu,
    layers: Vec<Dense>,
    sample: SampleConfig,
    td: TdConfig,
    adam: AdamConfig,
    memory: Memory<Cpu>,
    clock: Vec<u32>,
    batch: Batch<Cpu>,
    weights: Weights<Cpu>,
    /// Outputs of every layer, for the states and for their successors, and gradients with respect to them.
    online: Vec<Vec<f32>>,
    target: Vec<Vec<f32>>,
    slope: Vec<Vec<f32>>,
    summary: Vec<f32>,
}

impl Learner {
    fn new(cpu: &Cpu, shape: Shape, chosen: bool) -> kernels::Result<Self> {
        let actions = *shape.widths.last().expect("a network has layers");
        let sample = SampleConfig { n_step: 1, discount: 0.99, seed: 1, priority: None };
        let (memory, clock) = memory(cpu, 100_001, shape.widths[0], actions, &sample);
        let outputs = || shape.widths[1..].iter().map(|width| vec![0.0; width * shape.batch]).collect();
        Ok(Learner {
            cpu: cpu.clone(),
            layers: shape.layers(),
            sample,
            td: TdConfig { actions, huber: 1.0, chosen },
            adam: AdamConfig {
                rate: Ramp::constant(1e-4),
                beta: [0.9, 0.999],
                epsilon: 1e-8,
                clip: f32::INFINITY,
                l2: 0.0,
                decay: 0.0,
                target: TargetUpdate::Hard(1000),
            },
            memory,
            clock,
            batch: Batch::new(cpu, shape.batch, shape.widths[0])?,
            weights: Weights::new(cpu, &shape.theta(&mut stream()))?,
            online: outputs(),
            target: outputs(),
            slope: outputs(),
            summary: vec![0.0; 2],
        })
    }

    fn update(&mut self) -> kernels::Result<()> {
        let Learner { cpu, layers, batch, weights, online, target, slope, .. } = self;
        let (rows, last) = (batch.size, layers.len() - 1);
        cpu.sample(&self.sample, &self.memory, &self.clock, batch)?;
        for (i, layer) in layers.iter().enumerate() {
            let (before, after) = target.split_at_mut(i);
            cpu.linear(layer, rows, &weights.target, before.last().unwrap_or(&batch.next), &mut after[0])?;
        }
        for (i, layer) in layers.iter().enumerate() {
            let (before, after) = online.split_at_mut(i);
            let x = before.last().unwrap_or(&batch.observation);
            if i == last && self.td.chosen {
                cpu.linear_chosen(layer, rows, &weights.theta, x, &batch.action, &mut after[0])?;
            } else {
                cpu.linear(layer, rows, &weights.theta, x, &mut after[0])?;
            }
        }
        cpu.td(&self.td, batch, &online[last], &target[last], None, &mut slope[last], &mut self.summary)?;
        for (i, layer) in layers.iter().enumerate().rev() {
            let (before, after) = slope.split_at_mut(i);
            let (dy, dx) = (&mut after[0], before.last_mut());
            let x = if i == 0 { &batch.observation } else { &online[i - 1] };
            let (theta, gradient) = (&weights.theta, &mut weights.gradient);
            if i == last && self.td.chosen {
                cpu.linear_chosen_back(layer, rows, theta, x, &batch.action, dy, dx, gradient)?;
            } else {
                cpu.linear_back(layer, rows, theta, x, &online[i], dy, dx, gradient)?;
            }
        }
        cpu.adam(&self.adam, &mut self.clock, weights)
    }
}

fn updates(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(format!("update/{}", shape.name));
        group.throughput(Throughput::Elements(1));
        for cpu in devices() {
            for (form, chosen) in [("dense", false), ("chosen", true)] {
                let mut learner = Learner::new(&cpu, shape, chosen).expect("room");
                group.bench_function(format!("{form}/{}", cpu.isa().name()), |bencher| {
                    bencher.iter(|| learner.update().expect("the CPU does not fail"));
                });
            }
        }
    }
}

/// Greedy actions of S for 1 and for 1024 rows.
fn acting(criterion: &mut Criterion) {
    let shape = SHAPES[0];
    let (layers, theta) = (shape.layers(), shape.theta(&mut stream()));
    let config = ChooseConfig { actions: 10, epsilon: Ramp::constant(0.0), spread: 0.0, seed: 1 };
    for rows in [1, 1024] {
        let mut group = criterion.benchmark_group(format!("act/{rows}"));
        group.throughput(Throughput::Elements(rows as u64));
        for cpu in devices() {
            let x = numbers(&mut stream(), rows * 100);
            let (mut hidden, mut q) = (vec![0.0; rows * 64], vec![0.0; rows * 10]);
            let (clock, mut action) = (vec![0, 0], vec![0; rows]);
            let mut act = || {
                cpu.linear(&layers[0], rows, &theta, &x, &mut hidden)?;
                cpu.linear(&layers[1], rows, &theta, &hidden, &mut q)?;
                cpu.choose(&config, rows, &q, &clock, &mut action)
            };
            group.bench_function(cpu.isa().name(), |bencher| bencher.iter(|| act().expect("the CPU does not fail")));
        }
    }
}

/// The dense layer of 256 rows, there and back; elements are fused multiply-adds.
fn layers(criterion: &mut Criterion) {
    for (inputs, outputs) in [(128, 256), (256, 256), (256, 1000)] {
        let (rows, mut stream) = (256, stream());
        let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: true };
        let theta = numbers(&mut stream, (inputs + 1) * outputs);
        let x = numbers(&mut stream, rows * inputs);
        let (mut y, mut dy) = (vec![0.0; rows * outputs], numbers(&mut stream, rows * outputs));
        let (mut dx, mut gradient) = (vec![0.0; rows * inputs], vec![0.0; theta.len()]);
        let mut group = criterion.benchmark_group(format!("linear/256x{inputs}x{outputs}"));
        for cpu in devices() {
            let name = cpu.isa().name();
            group.throughput(Throughput::Elements((rows * inputs * outputs) as u64));
            group.bench_function(format!("there/{name}"), |bencher| {
                bencher.iter(|| cpu.linear(&layer, rows, &theta, &x, &mut y).expect("the CPU does not fail"));
            });
            group.throughput(Throughput::Elements(2 * (rows * inputs * outputs) as u64));
            group.bench_function(format!("back/{name}"), |bencher| {
                bencher.iter(|| {
                    cpu.linear_back(&layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient)
                        .expect("the CPU does not fail")
                });
            });
        }
    }
}

/// Adam over the parameters of L, with and without a norm to clip.
fn optimiser(criterion: &mut Criterion) {
    let theta = SHAPES[2].theta(&mut stream());
    let mut group = criterion.benchmark_group("adam");
    group.throughput(Throughput::Elements(theta.len() as u64));
    for cpu in devices() {
        for (name, clip) in [("plain", f32::INFINITY), ("clipped", 10.0)] {
            let mut weights = Weights::new(&cpu, &theta).expect("room");
            weights.gradient = numbers(&mut stream(), theta.len());
            let target = TargetUpdate::Hard(1000);
            let config = AdamConfig {
                rate: Ramp::constant(1e-4),
                beta: [0.9, 0.999],
                epsilon: 1e-8,
                clip,
                l2: 0.0,
                decay: 0.0,
                target,
            };
            let mut clock = vec![0, 0];
            group.bench_function(format!("{name}/{}", cpu.isa().name()), |bencher| {
                bencher.iter(|| cpu.adam(&config, &mut clock, &mut weights).expect("the CPU does not fail"));
            });
        }
    }
}

/// Real numbers of 256 rows: a parabola of two there and back, the 6 best of 64 candidates, prices of ten items beside
/// observations in a pass for each.
fn real_numbers(criterion: &mut Criterion) {
    let (rows, reals, mut stream) = (256, 2, stream());
    let outputs = numbers(&mut stream, rows * naf_outputs(reals));
    let (real, dq) = (numbers(&mut stream, rows * reals), numbers(&mut stream, rows));
    let (mut q, mut doutputs) = (vec![0.0; rows], vec![0.0; outputs.len()]);
    let (candidates, mut elite) = (numbers(&mut stream, rows * 64), vec![0; rows * 6]);
    let shape = ParametersShape { rows, passes: 10, width: 30, total: 10 };
    let (observation, parameters) = (numbers(&mut stream, rows * 30), numbers(&mut stream, rows * 10));
    let mut x = vec![0.0; rows * 10 * shape.length()];
    let mut group = criterion.benchmark_group("reals");
    group.throughput(Throughput::Elements(rows as u64));
    for cpu in devices() {
        let name = cpu.isa().name();
        group.bench_function(format!("naf/{name}"), |bencher| {
            bencher.iter(|| {
                cpu.naf(rows, reals, &outputs, &real, &mut q)?;
                cpu.naf_back(rows, reals, &outputs, &real, &dq, &mut doutputs)
            });
        });
        group.bench_function(format!("top/{name}"), |bencher| {
            bencher.iter(|| cpu.top(rows, 64, 6, &candidates, &mut elite));
        });
        group.bench_function(format!("attach/{name}"), |bencher| {
            bencher.iter(|| cpu.attach(&shape, &observation, &parameters, &mut x));
        });
    }
}

/// A catalogue of 10,000 items of 16 numbers: the items taken there and back, and the best of 256 candidates, for 64 states;
/// the price of a cost for as many transitions.
fn catalogues(criterion: &mut Criterion) {
    let shape = TowersShape { items: 10_000, dims: 16, count: 256, seed: 1 };
    let (size, mut stream) = (64, stream());
    let items = numbers(&mut stream, shape.items * shape.dims);
    let x = numbers(&mut stream, size * shape.length());
    let (mut q, mut dx) = (vec![0.0; size], vec![0.0; x.len()]);
    let (mut drawn, mut value) = (vec![0.0; shape.dims * shape.count], vec![0.0; size]);
    let config = MultiplierConfig { width: 1, first: 0, limit: 0.5, rate: 1e-4, scale: 1.0 };
    let mut group = criterion.benchmark_group("catalogues");
    group.throughput(Throughput::Elements(size as u64));
    for cpu in devices() {
        let name = cpu.isa().name();
        let mut batch = Batch::new(&cpu, size, 1).expect("room");
        batch.action.fill_with(|| stream.below(shape.items as u32));
        group.bench_function(format!("meet/{name}"), |bencher| {
            bencher.iter(|| {
                cpu.meet(&shape, &batch, &items, &x, &mut q)?;
                cpu.meet_back(&shape, &batch, &items, &q, &mut dx)
            });
        });
        group.bench_function(format!("candidates/{name}"), |bencher| {
            bencher.iter(|| {
                cpu.draw_candidates(&shape, &items, &vec![0, 0], &mut drawn)?;
                cpu.best_candidate(&shape, size, &drawn, &x, &x, &mut value)
            });
        });
        let memory = Memory::new(&cpu, 4, 8, 1, false).expect("room");
        let mut multiplier = vec![0.1];
        group.bench_function(format!("price/{name}"), |bencher| {
            bencher.iter(|| cpu.price(&config, &memory, &vec![0, 4], &mut multiplier, &mut batch));
        });
    }
}

/// The temporal difference of 256 × 1000 values.
fn temporal_difference(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("td/256x1000");
    for cpu in devices() {
        let mut stream = stream();
        let mut batch = Batch::new(&cpu, 256, 1).expect("room");
        batch.discount.fill(0.99);
        batch.weight.fill(1.0);
        let (q, next) = (numbers(&mut stream, 256), numbers(&mut stream, 256_000));
        let (mut dq, mut summary) = (vec![0.0; 256], vec![0.0; 2]);
        let config = TdConfig { actions: 1000, huber: 1.0, chosen: true };
        group.bench_function(cpu.isa().name(), |bencher| {
            bencher.iter(|| {
                cpu.td(&config, &mut batch, &q, &next, None, &mut dq, &mut summary).expect("the CPU does not fail")
            });
        });
    }
}

/// Prioritised replay at a capacity of 10⁶, batches of 32: draw with weights, and write back.
fn replay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    let uniform = SampleConfig { n_step: 1, discount: 0.99, seed: 1, priority: None };
    let priority = Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 1e-6 };
    for (name, config, slots, width, size) in [
        ("uniform/100000x100/64", uniform, 100_001, 100, 64),
        ("prioritised/1000000x4/32", SampleConfig { priority: Some(priority), ..uniform }, 1_000_001, 4, 32),
    ] {
        let cpu = Cpu::new().expect("MERCATO_ISA names what the machine has");
        let (mut memory, mut clock) = memory(&cpu, slots, width, 10, &config);
        let mut batch = Batch::new(&cpu, size, width).expect("room");
        let mut stream = stream();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                clock[kernels::UPDATES] += 1;
                cpu.sample(&config, &memory, &clock, &mut batch).expect("the ring is full");
                batch.error.fill_with(|| stream.uniform());
                cpu.prioritise(&config, &mut memory, &batch).expect("the CPU does not fail");
            });
        });
    }
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = updates, acting, layers, optimiser, real_numbers, catalogues, temporal_difference, replay
}
criterion_main!(all);
