//! Every operation at the shapes of the presets and at larger ones: what counts and times are of. The numbers in the
//! buffers do not matter, but that they are numbers.
use crate::{
    device::Device,
    error::Result,
    memory::{Batch, Memory, Weights, clock},
    ops::{
        Backend,
        adam::{AdamConfig, TargetUpdate},
        choose::ChooseConfig,
        factored::FactoredHead,
        linear::Dense,
        sample::{Priority, SampleConfig},
        td::TdConfig,
    },
    schedule::Ramp,
};
use envs::Stage;

/// Who is shown a case: its name, and the operation, which can be run again and again.
pub trait Visitor {
    /// Looks at a case.
    ///
    /// # Errors
    /// What the operation returns.
    fn visit(&mut self, case: &str, operation: &mut dyn FnMut() -> Result<()>) -> Result<()>;
}

/// Numbers in \[−1, 1), the same in every run.
fn numbers<D: Device>(device: &D, count: usize) -> Result<D::Buf<f32>> {
    let numbers: Vec<f32> = (0..count).map(|index| (index * 7919 % 2000) as f32 / 1000.0 - 1.0).collect();
    device.upload(&numbers)
}

fn indices<D: Device>(device: &D, count: usize, below: usize) -> Result<D::Buf<u32>> {
    device.upload(&(0..count).map(|index| (index * 7919 % below) as u32).collect::<Vec<_>>())
}

/// Shows every case, in order.
///
/// # Errors
/// When the device has no room or fails.
pub fn visit<D: Backend>(device: &D, visitor: &mut dyn Visitor) -> Result<()> {
    for (rows, inputs, outputs) in [(64, 100, 64), (64, 64, 10), (256, 256, 256)] {
        linear(device, visitor, rows, inputs, outputs)?;
    }
    chosen(device, visitor, 64, 64, 10)?;
    for (size, actions) in [(64, 10), (256, 100)] {
        heads(device, visitor, size, actions)?;
        difference(device, visitor, size, actions)?;
    }
    // The parameters of a net 100-64-10, and many.
    for len in [7114, 200_000] {
        optimiser(device, visitor, len)?;
    }
    replay(device, visitor, 64, 100)
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
    let config = ChooseConfig { actions, epsilon: Ramp::constant(0.1), seed: 1 };
    let (clock, mut action) = (d.upload(&[3, 7])?, indices(d, rows, 1)?);
    to.visit(&format!("choose/{shape}"), &mut || d.choose(&config, rows, &q, &clock, &mut action))
}

fn difference<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, actions: usize) -> Result<()> {
    let mut batch = Batch::new(d, size, 1)?;
    batch.action = indices(d, size, actions)?;
    batch.reward = numbers(d, size)?;
    batch.discount = d.upload(&vec![0.9; size])?;
    batch.weight = d.upload(&vec![1.0; size])?;
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
    Ok(())
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

fn replay<D: Backend>(d: &D, to: &mut dyn Visitor, size: usize, width: usize) -> Result<()> {
    let (slots, rows) = (128, 16);
    let priority = Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 0.01 };
    for (name, priority) in [("uniform", None), ("priority", Some(priority))] {
        let config = SampleConfig { n_step: 3, discount: 0.9, seed: 1, priority };
        let mut memory = Memory::new(d, slots, rows, width, config.priority.is_some())?;
        let mut batch = Batch::new(d, size, width)?;
        let mut clock = clock(d)?;
        let mut x = numbers(d, rows * width)?;
        memory.stage = d.upload(&vec![Stage::Mid; slots * rows])?;
        for _ in 0..100 {
            d.advance(&config, &mut memory, &mut clock)?;
        }
        batch.error = numbers(d, size)?;
        to.visit(&format!("advance/{name}/{slots}x{rows}"), &mut || d.advance(&config, &mut memory, &mut clock))?;
        to.visit(&format!("newest/{name}/{rows}x{width}"), &mut || d.newest(&memory, &clock, &mut x))?;
        to.visit(&format!("sample/{name}/{size}x{width}"), &mut || d.sample(&config, &memory, &clock, &mut batch))?;
        to.visit(&format!("prioritise/{name}/{size}"), &mut || d.prioritise(&config, &mut memory, &batch))?;
    }
    Ok(())
}
