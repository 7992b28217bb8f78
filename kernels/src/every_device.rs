//! The same body on every device: plain loops, vectors, and CUDA on the emulator, equal in every bit.
//!
//! With `MERCATO_TEST_DEVICE=gpu` the CUDA part runs on the machine's GPU instead.
use crate::{
    Cuda, CudaConfig, Math,
    device::{Device, Element},
    error::Error,
    memory::{Batch, Memory, STEPS, UPDATES, Weights, clock},
    ops::{
        Backend,
        adam::{AdamConfig, TargetUpdate},
        choose::ChooseConfig,
        factored::FactoredHead,
        linear::{Dense, Linear},
        multiplier::MultiplierConfig,
        munchausen::MunchausenConfig,
        naf::naf_outputs,
        noisy::NoiseAddress,
        parameters::ParametersShape,
        sample::{Priority, Sample, SampleConfig},
        search::{Found, SearchShape},
        td::TdConfig,
        towers::TowersShape,
    },
    schedule::Ramp,
    testing::{bits, numbers, plain, stream, vectored},
};
use envs::{Stage, rng::Stream};

/// CUDA as the tests have it.
pub fn cuda() -> Cuda {
    if std::env::var("MERCATO_TEST_DEVICE").as_deref() != Ok("gpu") {
        emulator::install();
    }
    Cuda::new().expect("the emulator is loaded, or there is a GPU")
}

/// Has the emulator run blocks and warps in the order of this seed; 0 is the natural one. A GPU has its own.
pub fn in_order(seed: u64) {
    if std::env::var("MERCATO_TEST_DEVICE").as_deref() != Ok("gpu") {
        emulator::set("order", seed);
    }
}

/// Evaluates the body on every device and compares with the plain one; on CUDA also with blocks and warps out of order.
macro_rules! on_every_device {
    ($device:ident => $body:expr) => {{
        let expected = {
            let $device = &plain();
            $body
        };
        for cpu in vectored() {
            let $device = &cpu;
            assert_eq!($body, expected, "{cpu:?}");
        }
        let device = cuda();
        let $device = &device;
        assert_eq!($body, expected, "CUDA");
        // Tests beside this one then run in that order too, which must not matter to them either.
        in_order(u64::from(line!()));
        assert_eq!($body, expected, "CUDA, shuffled by {}", line!());
        in_order(0);
    }};
}

mod catalogues;
mod distributions;
mod masks;
mod prices;
mod products;
mod slates;

fn host<D: Device, T: Element>(device: &D, buffer: &D::Buf<T>, len: usize) -> Vec<T> {
    let mut numbers = vec![T::default(); len];
    device.download(buffer, 0..len, &mut numbers).expect("download");
    numbers
}

fn host_bits<D: Device>(device: &D, buffer: &D::Buf<f32>, len: usize) -> Vec<u32> {
    bits(&host(device, buffer, len))
}

fn factored_both<D: Backend>(d: &D, actions: usize, rows: usize) -> [Vec<u32>; 3] {
    let mut stream = stream(actions as u64);
    let head = FactoredHead { actions, weight: 1, bias: 1 + actions };
    let theta = d.upload(&numbers(&mut stream, 1 + 2 * actions)).unwrap();
    let f = d.upload(&numbers(&mut stream, rows)).unwrap();
    let dq = d.upload(&numbers(&mut stream, rows * actions)).unwrap();
    let (mut q, mut df) = (d.zeros(rows * actions).unwrap(), d.zeros(rows).unwrap());
    let mut gradient = d.upload(&vec![7.0; 1 + 2 * actions]).unwrap();
    d.factored(&head, rows, &theta, &f, &mut q).unwrap();
    d.factored_back(&head, rows, &theta, &f, &dq, &mut df, &mut gradient).unwrap();
    [host_bits(d, &q, rows * actions), host_bits(d, &df, rows), host_bits(d, &gradient, 1 + 2 * actions)]
}

#[test]
fn factored() {
    for (rows, actions) in [(1, 1), (6, 19), (64, 10), (33, 140)] {
        on_every_device!(d => factored_both(d, actions, rows));
    }
}

fn dueling_both<D: Backend>(d: &D, rows: usize, actions: usize) -> [Vec<u32>; 2] {
    let x = d.upload(&numbers(&mut stream(actions as u64), rows * (1 + actions))).unwrap();
    let (mut q, mut dx) = (d.zeros(rows * actions).unwrap(), d.zeros(rows * (1 + actions)).unwrap());
    d.dueling(rows, actions, &x, &mut q).unwrap();
    d.dueling_back(rows, actions, &q, &mut dx).unwrap();
    [host_bits(d, &q, rows * actions), host_bits(d, &dx, rows * (1 + actions))]
}

#[test]
fn dueling() {
    for (rows, actions) in [(1, 1), (3, 2), (64, 10), (33, 17), (2, 100)] {
        on_every_device!(d => dueling_both(d, rows, actions));
    }
}

fn choices<D: Backend>(d: &D, config: &ChooseConfig, q: &[f32]) -> Vec<u32> {
    let rows = q.len() / config.actions;
    let mut action = d.zeros(rows).unwrap();
    let clock = d.upload(&[3, 7]).unwrap();
    d.choose(config, rows, &d.upload(q).unwrap(), &clock, &mut action).unwrap();
    host(d, &action, rows)
}

/// Ties, NaN and hopeless rows, greedy and exploring.
#[test]
fn choose() {
    for actions in [1, 2, 10, 33, 100] {
        let mut q = numbers(&mut stream(actions as u64), 37 * actions);
        q.iter_mut().step_by(7).for_each(|q| *q = (*q * 3.0).round() / 3.0);
        q.iter_mut().step_by(11).for_each(|q| *q = f32::NAN);
        q[..actions].fill(f32::NEG_INFINITY);
        q[actions..2 * actions].fill(f32::NAN);
        q[2 * actions..3 * actions].fill(0.5);
        for epsilon in [Ramp::constant(0.0), Ramp { from: 1.0, to: 0.1, over: 13 }] {
            let config = ChooseConfig { actions, epsilon, spread: 0.0, seed: 3 << 40 | 5 };
            on_every_device!(d => choices(d, &config, &q));
        }
    }
}

fn difference<D: Backend>(d: &D, size: usize, actions: usize, double: bool, chosen: bool, huber: f32) -> [Vec<u32>; 3] {
    let mut stream = stream(size as u64);
    let action: Vec<u32> = (0..size).map(|_| stream.below(actions as u32)).collect();
    let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
    let mut batch = Batch::new(d, size, 1).unwrap();
    batch.action = d.upload(&action).unwrap();
    batch.reward = d.upload(&numbers(&mut stream, size)).unwrap();
    batch.discount = d.upload(&discount).unwrap();
    batch.weight = d.upload(&numbers(&mut stream, size)).unwrap();
    let values = if chosen { size } else { size * actions };
    let q = d.upload(&numbers(&mut stream, values)).unwrap();
    let mut next = numbers(&mut stream, size * actions);
    for i in (2..size).step_by(3) {
        next[i * actions..(i + 1) * actions].fill(f32::NAN);
    }
    let next = d.upload(&next).unwrap();
    let other = d.upload(&numbers(&mut stream, size * actions)).unwrap();
    let mut dq = d.upload(&vec![f32::NAN; values]).unwrap();
    let mut summary = d.zeros(2).unwrap();
    let config = TdConfig { actions, huber, chosen };
    d.td(&config, &mut batch, &q, &next, double.then_some(&other), &mut dq, &mut summary).unwrap();
    [host_bits(d, &dq, values), host_bits(d, &summary, 2), host_bits(d, &batch.error, size)]
}

#[test]
fn td() {
    for (size, actions) in [(1, 1), (5, 10), (64, 10), (37, 33)] {
        for (double, chosen, huber) in [(false, false, 0.7), (true, false, f32::INFINITY), (true, true, 0.7)] {
            on_every_device!(d => difference(d, size, actions, double, chosen, huber));
        }
    }
}

fn optimised<D: Backend>(d: &D, config: &AdamConfig, len: usize) -> [Vec<u32>; 6] {
    let mut stream = stream(len as u64);
    let mut weights = Weights::new(d, &numbers(&mut stream, len)).unwrap();
    let mut clock = clock(d).unwrap();
    for _ in 0..5 {
        weights.gradient = d.upload(&numbers(&mut stream, len)).unwrap();
        d.adam(config, &mut clock, &mut weights).unwrap();
    }
    let powers: Vec<f64> = host(d, &weights.powers, 2);
    let parts = [&weights.theta, &weights.target, &weights.first, &weights.second].map(|part| host_bits(d, part, len));
    let [theta, target, first, second] = parts;
    let powers = powers.iter().flat_map(|power| [power.to_bits() as u32, (power.to_bits() >> 32) as u32]).collect();
    [theta, target, first, second, powers, host(d, &clock, 2)]
}

/// Clipping over several chunks, decays, both ways in which the target follows.
#[test]
fn adam() {
    let config = AdamConfig {
        rate: Ramp { from: 0.1, to: 0.01, over: 4 },
        beta: [0.9, 0.999],
        epsilon: 1e-8,
        clip: 3.0,
        l2: 1e-3,
        decay: 1e-2,
        target: TargetUpdate::Soft(0.01),
    };
    for (len, clip, target) in [
        (1, 3.0, TargetUpdate::Soft(0.01)),
        (33, f32::INFINITY, TargetUpdate::Hard(2)),
        (1000, 3.0, TargetUpdate::Hard(3)),
        (20_001, 3.0, TargetUpdate::Soft(0.01)),
    ] {
        let config = AdamConfig { clip, target, ..config };
        on_every_device!(d => optimised(d, &config, len));
    }
}

/// What one slot of a ring is fed with.
fn slot(
    stream: &mut Stream,
    rows: usize,
    width: usize,
    before: &[Stage],
) -> (Vec<f32>, Vec<f32>, Vec<Stage>, Vec<u32>) {
    let stage = before.iter().map(|before| match (before.is_last(), stream.below(8)) {
        (true, _) => Stage::First,
        (false, 0) => Stage::Terminated,
        (false, 1) => Stage::Truncated,
        _ => Stage::Mid,
    });
    let stage = stage.collect();
    let action = (0..rows).map(|_| stream.below(1000)).collect();
    (numbers(stream, rows * width), numbers(stream, rows), stage, action)
}

/// Every buffer of a ring's life: advance, newest, sample, prioritise over wraps, in bits.
fn replayed<D: Backend>(d: &D, config: &SampleConfig, slots: usize, rows: usize, size: usize) -> Vec<Vec<u32>> {
    let width = 3;
    let reals = config.n_step % 3;
    let memory = Memory::new(d, slots, rows, width, config.priority.is_some()).unwrap();
    let mut memory = memory.with_reals(d, reals).unwrap();
    let mut batch = Batch::new(d, size, width).unwrap().with_reals(d, reals).unwrap();
    let mut clock = clock(d).unwrap();
    let mut x = d.zeros(rows * width).unwrap();
    let mut stream = stream(slots as u64);
    let mut before = vec![Stage::Truncated; rows];
    let mut seen = Vec::new();
    for time in 0..3 * slots {
        let (numbers, cells) = (memory.numbers(time % slots), memory.cells(time % slots));
        let (observation, reward, stage, action) = slot(&mut stream, rows, width, &before);
        before.clone_from(&stage);
        d.stage(&mut memory.observation, numbers.clone()).copy_from_slice(&observation);
        d.stage(&mut memory.reward, cells.clone()).copy_from_slice(&reward);
        d.stage(&mut memory.stage, cells.clone()).copy_from_slice(&stage);
        d.stage(&mut memory.action, cells.clone()).copy_from_slice(&action);
        let real = memory.real_numbers(time % slots);
        d.stage(&mut memory.real, real.clone()).copy_from_slice(&crate::testing::numbers(&mut stream, real.len()));
        d.commit(&mut memory.real, real).unwrap();
        d.commit(&mut memory.observation, numbers).unwrap();
        d.commit(&mut memory.reward, cells.clone()).unwrap();
        d.commit(&mut memory.stage, cells.clone()).unwrap();
        d.commit(&mut memory.action, cells).unwrap();
        d.advance(config, &mut memory, &mut clock).unwrap();
        d.newest(&memory, &clock, &mut x).unwrap();
        seen.push(host_bits(d, &x, rows * width));
        let sampled = d.sample(config, &memory, &clock, &mut batch);
        let mut one = [0];
        let Ok(()) = sampled.and_then(|()| d.download(&batch.pick, 0..1, &mut one)) else {
            seen.push(vec![u32::MAX]);
            continue;
        };
        batch.error = d.upload(&crate::testing::numbers(&mut stream, size)).unwrap();
        d.prioritise(config, &mut memory, &batch).unwrap();
        seen.extend([host(d, &batch.pick, size), host(d, &batch.action, size)]);
        seen.push(host_bits(d, &batch.real, size * reals));
        seen.extend([&batch.weight, &batch.reward, &batch.discount].map(|part| host_bits(d, part, size)));
        seen.extend([&batch.observation, &batch.next].map(|part| host_bits(d, part, size * width)));
        if let Some(tree) = &memory.tree {
            let nodes: Vec<u64> = host(d, &tree.nodes, 2 * tree.leaves);
            seen.push(nodes.iter().flat_map(|node| [*node as u32, (*node >> 32) as u32]).collect());
        }
        let mut counts: Vec<u32> = host(d, &clock, 2);
        assert_eq!(counts[STEPS] as usize, time + 1);
        counts[UPDATES] += 1;
        clock = d.upload(&counts).unwrap();
    }
    seen
}

const PRIORITY: Priority = Priority { exponent: 0.6, importance: Ramp { from: 0.4, to: 1.0, over: 20 }, offset: 0.01 };

/// Rings that wrap, windows of one and several steps, uniform and prioritised; negative errors give strange priorities,
/// which both sides must treat alike.
#[test]
fn sample() {
    for (slots, rows, n_step, size) in [(2, 1, 1, 5), (7, 3, 2, 33), (16, 2, 5, 300)] {
        for priority in [None, Some(PRIORITY)] {
            let config = SampleConfig { n_step, discount: 0.9, seed: 1 << 33 | 9, priority };
            on_every_device!(d => replayed(d, &config, slots, rows, size));
        }
    }
}

/// A device cannot return from a kernel with an error: it comes with the next download, once, and tells the same.
#[test]
fn nothing_to_draw_comes_with_the_next_download() {
    let d = cuda();
    let mut memory = Memory::new(&d, 5, 1, 2, false).unwrap();
    let mut clock = clock(&d).unwrap();
    let mut batch = Batch::new(&d, 4, 2).unwrap();
    let config = SampleConfig { n_step: 3, discount: 0.9, seed: 9, priority: None };
    for time in 0..9 {
        let cells = memory.cells(time % 5);
        d.stage(&mut memory.stage, cells.clone()).fill(Stage::Terminated);
        d.commit(&mut memory.stage, cells).unwrap();
        d.advance(&config, &mut memory, &mut clock).unwrap();
    }
    d.sample(&config, &memory, &clock, &mut batch).unwrap();
    let mut pick = [0; 4];
    let error = d.download(&batch.pick, 0..4, &mut pick).expect_err("only ends of episodes");
    assert!(matches!(error, Error::NothingToDraw { slots: 5, committed: 9, window: 3 }), "{error}");
    d.download(&batch.pick, 0..4, &mut pick).unwrap();
}

/// A buffer that is too short, and a count that no kernel takes, are errors before anything runs.
#[test]
fn launches_are_checked() {
    let d = cuda();
    let (theta, x, mut y) = (d.zeros(10).unwrap(), d.zeros(4).unwrap(), d.zeros(4).unwrap());
    let layer = Dense { inputs: 2, outputs: 4, weight: 0, bias: 8, relu: false };
    let error = d.linear(&layer, 2, &theta, &x, &mut y).expect_err("10 numbers are no 12").to_string();
    assert!(error.contains("gemm_forward_32") && error.contains("beyond its buffer"), "{error}");
}

/// A batch whose every third transition ends, and whose weights differ.
fn batch_of<D: Backend>(d: &D, stream: &mut Stream, size: usize, actions: usize) -> Batch<D> {
    let mut batch = Batch::new(d, size, 1).unwrap();
    let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
    batch.action = d.upload(&(0..size).map(|_| stream.below(actions as u32)).collect::<Vec<_>>()).unwrap();
    batch.reward = d.upload(&numbers(stream, size)).unwrap();
    batch.discount = d.upload(&discount).unwrap();
    batch.weight = d.upload(&numbers(stream, size)).unwrap();
    batch
}

fn soft<D: Backend>(d: &D, size: usize, config: &MunchausenConfig) -> [Vec<u32>; 3] {
    let (mut stream, actions) = (stream(size as u64), config.td.actions);
    let values = if config.td.chosen { size } else { size * actions };
    let mut batch = batch_of(d, &mut stream, size, actions);
    let [q, here, next] =
        [values, size * actions, size * actions].map(|len| d.upload(&numbers(&mut stream, len)).unwrap());
    let (mut dq, mut summary) = (d.upload(&vec![f32::NAN; values]).unwrap(), d.zeros(2).unwrap());
    d.munchausen(config, &mut batch, &q, &here, &next, &mut dq, &mut summary).unwrap();
    [host_bits(d, &dq, values), host_bits(d, &summary, 2), host_bits(d, &batch.error, size)]
}

#[test]
fn munchausen() {
    for (size, actions, chosen) in [(1, 1, false), (33, 10, false), (5, 33, true)] {
        let td = TdConfig { actions, huber: 0.7, chosen };
        on_every_device!(d => soft(d, size, &MunchausenConfig { td, temperature: 0.03, share: 0.9, floor: -1.0 }));
    }
}

fn noise<D: Backend>(d: &D, layers: &[Dense], len: usize) -> [Vec<u32>; 3] {
    let mut stream = stream(3);
    let count = layers.iter().map(|layer| layer.inputs + layer.outputs).sum();
    let theta = d.upload(&numbers(&mut stream, 2 * len)).unwrap();
    let mut gradient = d.upload(&numbers(&mut stream, 2 * len)).unwrap();
    let (mut factors, mut effective) = (d.zeros(count).unwrap(), d.zeros(len).unwrap());
    let clock = d.upload(&[9, 5]).unwrap();
    d.noise(layers, &NoiseAddress { seed: 7, counter: STEPS, copy: 1 }, &clock, &mut factors).unwrap();
    d.perturb(layers, len, &factors, &theta, &mut effective).unwrap();
    d.perturb_back(layers, len, &factors, &mut gradient).unwrap();
    [host_bits(d, &factors, count), host_bits(d, &effective, len), host_bits(d, &gradient, 2 * len)]
}

/// Two layers with numbers after them that have no noise; enough factors for the tails of the normal distribution.
#[test]
fn noisy() {
    let first = Dense { inputs: 37, outputs: 51, weight: 0, bias: 37 * 51, relu: true };
    let second = Dense { inputs: 51, outputs: 700, weight: 38 * 51, bias: 38 * 51 + 51 * 700, relu: false };
    on_every_device!(d => noise(d, &[first, second], 38 * 51 + 52 * 700 + 5));
}
