//! Every operation at the shapes of the presets and at larger ones: what counts and times are of. The numbers in the
//! buffers are the same in every run; they matter only where an operation chooses its way by them.
use crate::{
    device::Device,
    error::Result,
    memory::{Batch, Memory, UPDATES, Weights, clock},
    ops::{
        Backend,
        adam::{AdamConfig, TargetUpdate},
        categorical::CategoricalConfig,
        choose::ChooseConfig,
        factored::FactoredHead,
        fraction::FractionAddress,
        likelihood::LikelihoodConfig,
        linear::Dense,
        mask::MaskConfig,
        multiplier::MultiplierConfig,
        munchausen::MunchausenConfig,
        noisy::NoiseAddress,
        quantile::QuantileConfig,
        sample::{Priority, SampleConfig},
        slate::{BestSlate, SlateConfig},
        td::TdConfig,
        towers::TowersShape,
    },
    schedule::Ramp,
};
use envs::Stage;
use prices::{parameters, prices, search};

mod prices;

/// Who is shown a case: its name, and the operation, which can be run again and again.
pub trait Visitor {
    /// Looks at a case.
    ///
    /// # Errors
    /// What the operation returns.
    fn visit(&mut self, case: &str, operation: &mut dyn FnMut() -> Result<()>) -> Result<()>;
}

/// Numbers in \[−1, 1), the same in every run.
fn numbers<D: Device>(d: &D, count: usize) -> Result<D::Buf<f32>> {
    d.upload(&(0..count).map(|index| (index * 7919 % 2000) as f32 / 1000.0 - 1.0).collect::<Vec<_>>())
}

fn indices<D: Device>(d: &D, count: usize, below: usize) -> Result<D::Buf<u32>> {
    d.upload(&(0..count).map(|index| (index * 7919 % below) as u32).collect::<Vec<_>>())
}

/// Shows every case, in order.
///
/// # Errors
/// When the device has no room or fails.
pub fn visit<D: Backend>(device: &D, visitor: &mut dyn Visitor) -> Result<()> {
    for (rows, inputs, outputs) in [(16, 100, 64), (64, 100, 64), (64, 64, 10), (256, 100, 64), (256, 256, 256)] {
        linear(device, visitor, rows, inputs, outputs)?;
    }
    // Many tiles of 64, of numbers that travel in fours and alone.
    for (rows, inputs, outputs) in [(64, 32, 2048), (64, 2048, 32), (64, 33, 2048), (64, 2047, 32)] {
        linear(device, visitor, rows, inputs, outputs)?;
    }
    for (rows, inputs, outputs) in [(64, 64, 10), (256, 128, 100)] {
        chosen(device, visitor, rows, inputs, outputs)?;
    }
    for (size, actions) in [(16, 10), (64, 10), (256, 100)] {
        heads(device, visitor, size, actions)?;
        difference(device, visitor, size, actions)?;
        closed(device, visitor, size, actions)?;
        likelihood(device, visitor, size, actions)?;
    }
    for (size, actions) in [(16, 4), (64, 10)] {
        distributions(device, visitor, size, actions)?;
        quantiles(device, visitor, size, actions)?;
    }
    for (size, candidates) in [(16, 10), (64, 20)] {
        slates(device, visitor, size, candidates, BestSlate::Exact)?;
        slates(device, visitor, size, candidates, BestSlate::Cascade)?;
    }
    fractions(device, visitor, [64, 8, 64])?;
    noise(device, visitor, 64, 64)?;
    // The parameters of a net 100-64-10, and many.
    for len in [7114, 50_000, 200_000] {
        optimiser(device, visitor, len)?;
    }
    for (rows, width) in [(16, 9), (64, 100)] {
        writing(device, visitor, rows, width)?;
    }
    for (size, width) in [(64, 9), (64, 100), (256, 100)] {
        drawing(device, visitor, size, width)?;
    }
    prices(device, visitor, 64, 2)?;
    search(device, visitor, 64, 2)?;
    parameters(device, visitor, 64)?;
    for (size, count) in [(16, 32), (64, 256)] {
        towers(device, visitor, size, count)?;
    }
    multiplier(device, visitor, 64, 8)
}

fn batch<D: Device>(d: &D, size: usize, actions: usize) -> Result<Batch<D>> {
    let mut batch = Batch::new(d, size, 1)?;
    batch.action = indices(d, size, actions)?;
    batch.reward = numbers(d, size)?;
    batch.discount = d.upload(&vec![0.9; size])?;
    batch.weight = d.upload(&vec![1.0; size])?;
    Ok(batch)
}

fn linear<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, inputs: usize, outputs: usize) -> Result<()> {
    let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: true };
    let theta = numbers(d, layer.bias + outputs)?;
    let x = numbers(d, rows * inputs)?;
    let (mut y, mut dy) = (numbers(d, rows * outputs)?, numbers(d, rows * outputs)?);
    let (mut dx, mut gradient) = (numbers(d, rows * inputs)?, numbers(d, layer.bias + outputs)?);
    let shape = format!("{rows}x{inputs}x{outputs}");
    to.visit(&format!("linear/{shape}"), &mut || d.linear(&layer, rows, &theta, &x, &mut y))?;
    to.visit(&format!("linear_back/{shape}"), &mut || {
        d.linear_back(&layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient)
    })
}

fn chosen<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, inputs: usize, outputs: usize) -> Result<()> {
    let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: false };
    let (theta, x) = (numbers(d, layer.bias + outputs)?, numbers(d, rows * inputs)?);
    let (columns, dy) = (indices(d, rows, outputs)?, numbers(d, rows)?);
    let (mut y, mut dx) = (numbers(d, rows)?, numbers(d, rows * inputs)?);
    let mut gradient = numbers(d, layer.bias + outputs)?;
    let shape = format!("{rows}x{inputs}x{outputs}");
    to.visit(&format!("linear_chosen/{shape}"), &mut || d.linear_chosen(&layer, rows, &theta, &x, &columns, &mut y))?;
    to.visit(&format!("linear_chosen_back/{shape}"), &mut || {
        d.linear_chosen_back(&layer, rows, &theta, &x, &columns, &dy, Some(&mut dx), &mut gradient)
    })
}

fn heads<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, actions: usize) -> Result<()> {
    let shape = format!("{rows}x{actions}");
    let (x, mut q) = (numbers(d, rows * (1 + actions))?, numbers(d, rows * actions)?);
    let mut dx = numbers(d, rows * (1 + actions))?;
    to.visit(&format!("dueling/{shape}"), &mut || d.dueling(rows, actions, &x, &mut q))?;
    to.visit(&format!("dueling_back/{shape}"), &mut || d.dueling_back(rows, actions, &q, &mut dx))?;
    let head = FactoredHead { actions, weight: 0, bias: actions };
    let (theta, f) = (numbers(d, 2 * actions)?, numbers(d, rows)?);
    let (dq, mut df, mut gradient) = (numbers(d, rows * actions)?, numbers(d, rows)?, numbers(d, 2 * actions)?);
    to.visit(&format!("factored/{shape}"), &mut || d.factored(&head, rows, &theta, &f, &mut q))?;
    to.visit(&format!("factored_back/{shape}"), &mut || {
        d.factored_back(&head, rows, &theta, &f, &dq, &mut df, &mut gradient)
    })?;
    let config = ChooseConfig { actions, epsilon: Ramp::constant(0.1), spread: 0.0, seed: 1 };
    let (clock, mut action) = (d.upload(&[3, 7])?, indices(d, rows, 1)?);
    to.visit(&format!("choose/{shape}"), &mut || d.choose(&config, rows, &q, &clock, &mut action))
}

fn difference<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, actions: usize) -> Result<()> {
    let mut batch = batch(d, size, actions)?;
    let (next, other) = (numbers(d, size * actions)?, numbers(d, size * actions)?);
    let mut summary = numbers(d, 2)?;
    for chosen in [false, true] {
        let values = if chosen { size } else { size * actions };
        let (q, mut dq) = (numbers(d, values)?, numbers(d, values)?);
        let config = TdConfig { actions, huber: 1.0, chosen };
        let name = if chosen { "td_chosen" } else { "td" };
        to.visit(&format!("{name}/{size}x{actions}"), &mut || {
            d.td(&config, &mut batch, &q, &next, Some(&other), &mut dq, &mut summary)
        })?;
    }
    let td = TdConfig { actions, huber: 1.0, chosen: false };
    let config = MunchausenConfig { td, temperature: 0.03, share: 0.9, floor: -1.0 };
    let (q, mut dq) = (numbers(d, size * actions)?, numbers(d, size * actions)?);
    to.visit(&format!("munchausen/{size}x{actions}"), &mut || {
        d.munchausen(&config, &mut batch, &q, &next, &other, &mut dq, &mut summary)
    })
}

fn closed<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, actions: usize) -> Result<()> {
    let (width, shape) = (3 + actions, format!("{rows}x{actions}"));
    let seen: Vec<f32> = (0..rows * width).map(|index| if index % 3 == 0 { 0.0 } else { 1.0 }).collect();
    let (observation, logits, mut values) =
        (d.upload(&seen)?, numbers(d, rows * actions)?, numbers(d, rows * actions)?);
    let config = MaskConfig { actions, values: actions, width, first: 3 };
    to.visit(&format!("close/{shape}"), &mut || d.close(&config, rows, &observation, &mut values))?;
    to.visit(&format!("close_unlikely/{shape}"), &mut || d.close_unlikely(actions, rows, -1.0, &logits, &mut values))
}

fn likelihood<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, actions: usize) -> Result<()> {
    let batch = batch(d, size, actions)?;
    let (x, mut dx) = (numbers(d, size * actions)?, numbers(d, size * actions)?);
    let (mut gap, mut summary) = (numbers(d, size)?, numbers(d, 2)?);
    let config = LikelihoodConfig { actions, share: 1.0, adds: true };
    to.visit(&format!("likelihood/{size}x{actions}"), &mut || {
        d.likelihood(&config, &batch, &x, &mut dx, &mut gap, &mut summary)
    })
}

fn towers<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, count: usize) -> Result<()> {
    let shape = TowersShape { items: 10_000, dims: 16, count, seed: 1 };
    let (dims, length) = (shape.dims, shape.length());
    let (items, clock) = (numbers(d, shape.items * dims)?, clock(d)?);
    let batch = batch(d, size, shape.items)?;
    let [x, other] = [numbers(d, size * length)?, numbers(d, size * length)?];
    let (mut q, mut dx, mut drawn) = (numbers(d, size)?, numbers(d, size * length)?, numbers(d, dims * count)?);
    to.visit(&format!("meet/{size}x{dims}"), &mut || d.meet(&shape, &batch, &items, &x, &mut q))?;
    to.visit(&format!("meet_back/{size}x{dims}"), &mut || d.meet_back(&shape, &batch, &items, &q, &mut dx))?;
    to.visit(&format!("draw_candidates/{count}x{dims}"), &mut || {
        d.draw_candidates(&shape, &items, &clock, &mut drawn)
    })?;
    let mut value = numbers(d, size)?;
    to.visit(&format!("best_candidate/{size}x{count}x{dims}"), &mut || {
        d.best_candidate(&shape, size, &drawn, &x, &other, &mut value)
    })?;
    let config = ChooseConfig { actions: shape.items, epsilon: Ramp::constant(0.1), spread: 0.0, seed: 1 };
    let (found, mut action) = (indices(d, size, shape.items)?, indices(d, size, shape.items)?);
    to.visit(&format!("choose_found/{size}"), &mut || d.choose_found(&config, size, &found, &clock, &mut action))
}

fn multiplier<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, rows: usize) -> Result<()> {
    let width = 10;
    let config = MultiplierConfig { width, first: 9, limit: 0.5, rate: 1e-3, scale: 1.0 };
    let mut memory = Memory::new(d, 4, rows, width, false)?;
    memory.observation = numbers(d, 4 * rows * width)?;
    memory.stage = d.upload(&vec![Stage::Mid; 4 * rows])?;
    let (mut batch, clock, mut multiplier) = (batch(d, size, 10)?, clock(d)?, numbers(d, 1)?);
    batch.next = numbers(d, size * width)?;
    to.visit(&format!("price/{size}x{rows}"), &mut || d.price(&config, &memory, &clock, &mut multiplier, &mut batch))
}

fn distributions<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, actions: usize) -> Result<()> {
    let config = CategoricalConfig { actions, atoms: 51, low: -10.0, high: 10.0 };
    let (shape, len) = (format!("{size}x{actions}x51"), size * actions * 51);
    let mut batch = batch(d, size, actions)?;
    let (logits, next, mut gradient) = (numbers(d, len)?, numbers(d, len)?, numbers(d, len)?);
    let (mut q, mut summary) = (numbers(d, size * actions)?, numbers(d, 2)?);
    to.visit(&format!("expectation/{shape}"), &mut || d.expectation(&config, size, &logits, &mut q))?;
    to.visit(&format!("categorical/{shape}"), &mut || {
        d.categorical(&config, &mut batch, &logits, &next, &q, &mut gradient, &mut summary)
    })
}

fn quantiles<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, actions: usize) -> Result<()> {
    let (quantiles, next_quantiles) = (32, 32);
    let config = QuantileConfig { actions, quantiles, next_quantiles, huber: 1.0 };
    let (shape, len) = (format!("{size}x{actions}x{quantiles}"), size * actions * quantiles);
    let mut batch = batch(d, size, actions)?;
    let (theta, next, mut gradient) = (numbers(d, len)?, numbers(d, len)?, numbers(d, len)?);
    let (mut q, mut summary) = (numbers(d, size * actions)?, numbers(d, 2)?);
    to.visit(&format!("quantile_mean/{shape}"), &mut || d.quantile_mean(&config, size, quantiles, &theta, &mut q))?;
    to.visit(&format!("quantile/{shape}"), &mut || {
        d.quantile(&config, &mut batch, &theta, None, &next, &q, &mut gradient, &mut summary)
    })
}

fn slates<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, candidates: usize, best: BestSlate) -> Result<()> {
    let (slots, taken) = (2, 0);
    let config = SlateConfig { candidates, slots, best, taken, huber: 1.0, choice: 1.0 };
    let of = if best == BestSlate::Cascade { "cascade/" } else { "" };
    let (shape, len) = (format!("{of}{size}x{candidates}"), size * config.outputs());
    let mut batch = batch(d, size, candidates * candidates)?;
    batch.width = taken + slots + 1;
    batch.next = d.zeros(size * batch.width)?;
    let (here, next, mut gradient) = (numbers(d, len)?, numbers(d, len)?, numbers(d, len)?);
    let (mut code, mut summary) = (indices(d, size, 1)?, numbers(d, 2)?);
    let clock = d.upload(&[3, 7])?;
    to.visit(&format!("choose_slate/{shape}"), &mut || {
        d.choose_slate(&config, &Ramp::constant(0.1), 1, size, &here, &clock, &mut code)
    })?;
    to.visit(&format!("slate/{shape}"), &mut || {
        d.slate(&config, &mut batch, &here, &next, None, &mut gradient, &mut summary)
    })
}

fn fractions<D: Backend>(d: &D, to: &mut dyn Visitor, shape: [usize; 3]) -> Result<()> {
    let [rows, each, width] = shape;
    let (state, embedding, mut tau) =
        (numbers(d, rows * width)?, numbers(d, rows * each * width)?, numbers(d, rows * each)?);
    let mut product = numbers(d, rows * each * width)?;
    let (mut features, mut dembedding) = (numbers(d, rows * each * width)?, numbers(d, rows * each * width)?);
    let (mut dstate, clock) = (numbers(d, rows * width)?, d.upload(&[3, 7])?);
    let name = format!("{rows}x{each}x{width}");
    to.visit(&format!("fractions/{name}"), &mut || {
        d.fractions(&FractionAddress { seed: 1, copy: 0 }, rows, each, &clock, &mut tau)
    })?;
    to.visit(&format!("cosines/{name}"), &mut || d.cosines(rows * each, width, &tau, &mut features))?;
    to.visit(&format!("modulate/{name}"), &mut || d.modulate(shape, &state, &embedding, &mut product))?;
    to.visit(&format!("modulate_back/{name}"), &mut || {
        d.modulate_back(shape, &state, &embedding, &product, &mut dstate, &mut dembedding)
    })
}

fn noise<D: Backend>(d: &D, to: &mut dyn Visitor, inputs: usize, outputs: usize) -> Result<()> {
    let layers = [Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: true }];
    let len = (inputs + 1) * outputs;
    let (theta, mut gradient) = (numbers(d, 2 * len)?, numbers(d, 2 * len)?);
    let (mut factors, mut effective) = (numbers(d, inputs + outputs)?, numbers(d, len)?);
    let clock = d.upload(&[3, 7])?;
    let shape = format!("{inputs}x{outputs}");
    to.visit(&format!("noise/{shape}"), &mut || {
        d.noise(&layers, &NoiseAddress { seed: 1, counter: UPDATES, copy: 0 }, &clock, &mut factors)
    })?;
    to.visit(&format!("perturb/{shape}"), &mut || d.perturb(&layers, len, &factors, &theta, &mut effective))?;
    to.visit(&format!("perturb_back/{shape}"), &mut || d.perturb_back(&layers, len, &factors, &mut gradient))
}

fn optimiser<D: Backend>(d: &D, to: &mut dyn Visitor, len: usize) -> Result<()> {
    let config = AdamConfig {
        rate: Ramp::constant(1e-3),
        beta: [0.9, 0.999],
        epsilon: 1e-8,
        clip: 10.0,
        l2: 0.0,
        decay: 0.0,
        target: TargetUpdate::Soft(0.01),
    };
    let mut weights = Weights::new(d, &vec![0.1; len])?;
    weights.gradient = numbers(d, len)?;
    let mut clock = clock(d)?;
    to.visit(&format!("adam/{len}"), &mut || d.adam(&config, &mut clock, &mut weights))
}

/// The two ways to draw, by name.
const DRAWS: [(&str, Option<Priority>); 2] = [
    ("uniform", None),
    ("priority", Some(Priority { exponent: 0.6, importance: Ramp { from: 0.4, to: 0.4, over: 0 }, offset: 0.01 })),
];
const SLOTS: usize = 128;

/// A ring in which a hundred slots are written.
fn ring<D: Backend>(
    d: &D,
    priority: Option<Priority>,
    rows: usize,
    width: usize,
) -> Result<(SampleConfig, Memory<D>, D::Buf<u32>)> {
    let config = SampleConfig { n_step: 3, discount: 0.9, seed: 1, priority };
    let mut memory = Memory::new(d, SLOTS, rows, width, priority.is_some())?;
    let mut clock = clock(d)?;
    memory.stage = d.upload(&vec![Stage::Mid; SLOTS * rows])?;
    for _ in 0..100 {
        d.advance(&config, &mut memory, &mut clock)?;
    }
    Ok((config, memory, clock))
}

fn writing<D: Backend>(d: &D, to: &mut dyn Visitor, rows: usize, width: usize) -> Result<()> {
    for (name, priority) in DRAWS {
        let (config, mut memory, mut clock) = ring(d, priority, rows, width)?;
        let mut x = numbers(d, rows * width)?;
        to.visit(&format!("advance/{name}/{SLOTS}x{rows}"), &mut || d.advance(&config, &mut memory, &mut clock))?;
        if priority.is_none() {
            to.visit(&format!("newest/{rows}x{width}"), &mut || d.newest(&memory, &clock, &mut x))?;
        }
    }
    Ok(())
}

fn drawing<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, width: usize) -> Result<()> {
    for (name, priority) in DRAWS {
        let (config, mut memory, clock) = ring(d, priority, 16, width)?;
        let mut batch = Batch::new(d, size, width)?;
        batch.error = numbers(d, size)?;
        let shape = format!("{size}x{width}");
        to.visit(&format!("sample/{name}/{shape}"), &mut || d.sample(&config, &memory, &clock, &mut batch))?;
        if priority.is_some() {
            to.visit(&format!("prioritise/{shape}"), &mut || d.prioritise(&config, &mut memory, &batch))?;
        }
    }
    Ok(())
}
