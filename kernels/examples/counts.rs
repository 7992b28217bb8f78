//! Prints what every kernel costs at some shapes, counted by the emulator: `cargo run -p mercato-kernels --example counts`.
use mercato_kernels::{
    Adam, AdamConfig, Batch, Choose, ChooseConfig, Cuda, Dense, Device, Dueling, Factored, FactoredHead, Linear,
    Memory, Priority, Ramp, Result, Sample, SampleConfig, TargetUpdate, Td, TdConfig, Weights, clock,
    counts::{METRICS, Table},
};

#[allow(dead_code, reason = "tests/counts.rs takes only what is measured")]
fn main() -> Result<()> {
    print!("{}", measured()?);
    Ok(())
}

/// The counts of the shipped kernels.
pub fn measured() -> Result<Table> {
    let _alone = emulator::alone();
    let cuda = &Cuda::new()?;
    let mut table = Table::new();
    for [rows, inputs, outputs] in [[64, 100, 64], [256, 256, 256], [512, 256, 512]] {
        count(&mut table, format!("{rows}x{inputs}x{outputs}"), || dense(cuda, rows, inputs, outputs))?;
    }
    count(&mut table, "64x64x1000".into(), || chosen(cuda, 64, 64, 1000))?;
    for actions in [10, 1000] {
        count(&mut table, format!("64x{actions}"), || heads(cuda, 64, actions))?;
    }
    count(&mut table, "100000".into(), || optimiser(cuda, 100_000))?;
    count(&mut table, "64 of 500x8, width 20".into(), || replay(cuda, false))?;
    count(&mut table, "64 of 500x8, width 20, prioritised".into(), || replay(cuda, true))?;
    Ok(table)
}

/// Runs `body` and adds a row for every kernel that it launched.
fn count(table: &mut Table, shape: String, body: impl FnOnce() -> Result<()>) -> Result<()> {
    emulator::reset();
    body()?;
    let snapshot = emulator::snapshot();
    for kernel in snapshot.kernels.keys().filter(|kernel| snapshot.kernel(kernel, "launches") > 0) {
        let counts = METRICS.map(|metric| snapshot.kernel(kernel, metric));
        table.rows.insert((kernel.clone(), shape.clone()), counts);
    }
    Ok(())
}

fn dense(cuda: &Cuda, rows: usize, inputs: usize, outputs: usize) -> Result<()> {
    let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: true };
    let theta = cuda.zeros(layer.bias + outputs)?;
    let (x, mut y) = (cuda.zeros(rows * inputs)?, cuda.zeros(rows * outputs)?);
    let (mut dy, mut dx) = (cuda.zeros(rows * outputs)?, cuda.zeros(rows * inputs)?);
    let mut gradient = cuda.zeros(layer.bias + outputs)?;
    cuda.linear(&layer, rows, &theta, &x, &mut y)?;
    cuda.linear_back(&layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient)
}

fn chosen(cuda: &Cuda, rows: usize, inputs: usize, outputs: usize) -> Result<()> {
    let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: false };
    // Ones, because a zero's sign would be looked into.
    let theta = cuda.upload(&vec![1.0; layer.bias + outputs])?;
    let (x, mut y) = (cuda.upload(&vec![1.0; rows * inputs])?, cuda.zeros(rows)?);
    let columns: Vec<u32> = (0..rows).map(|row| (row * 37 % outputs) as u32).collect();
    let (columns, dy) = (cuda.upload(&columns)?, cuda.upload(&vec![1.0; rows])?);
    let (mut dx, mut gradient) = (cuda.zeros(rows * inputs)?, cuda.zeros(layer.bias + outputs)?);
    cuda.linear_chosen(&layer, rows, &theta, &x, &columns, &mut y)?;
    cuda.linear_chosen_back(&layer, rows, &theta, &x, &columns, &dy, Some(&mut dx), &mut gradient)
}

fn heads(cuda: &Cuda, rows: usize, actions: usize) -> Result<()> {
    let head = FactoredHead { actions, weight: 0, bias: actions };
    let (theta, mut gradient) = (cuda.zeros(2 * actions)?, cuda.zeros(2 * actions)?);
    let (f, mut df) = (cuda.zeros(rows)?, cuda.zeros(rows)?);
    let (mut q, mut x) = (cuda.zeros(rows * actions)?, cuda.zeros(rows * (1 + actions))?);
    cuda.factored(&head, rows, &theta, &f, &mut q)?;
    cuda.factored_back(&head, rows, &theta, &f, &q, &mut df, &mut gradient)?;
    cuda.dueling_back(rows, actions, &q, &mut x)?;
    cuda.dueling(rows, actions, &x, &mut q)?;
    let choosing = ChooseConfig { actions, epsilon: Ramp::constant(0.1), seed: 1 };
    cuda.choose(&choosing, rows, &q, &clock(cuda)?, &mut cuda.zeros(rows)?)?;
    let mut batch = Batch::new(cuda, rows, 1)?;
    batch.discount = cuda.upload(&vec![0.9; rows])?;
    let (mut dq, mut summary) = (cuda.zeros(rows * actions)?, cuda.zeros(2)?);
    cuda.td(&TdConfig { actions, huber: 1.0, chosen: false }, &mut batch, &q, &q, None, &mut dq, &mut summary)
}

fn optimiser(cuda: &Cuda, len: usize) -> Result<()> {
    let config = AdamConfig {
        rate: Ramp::constant(1e-3),
        beta: [0.9, 0.999],
        epsilon: 1e-8,
        clip: 10.0,
        l2: 0.0,
        decay: 0.0,
        target: TargetUpdate::Hard(200),
    };
    cuda.adam(&config, &mut clock(cuda)?, &mut Weights::new(cuda, &vec![0.5; len])?)
}

fn replay(cuda: &Cuda, prioritised: bool) -> Result<()> {
    let priority = Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 0.01 };
    let config = SampleConfig { n_step: 3, discount: 0.9, seed: 1, priority: prioritised.then_some(priority) };
    let mut memory = Memory::new(cuda, 500, 8, 20, prioritised)?;
    let (mut batch, mut clock) = (Batch::new(cuda, 64, 20)?, clock(cuda)?);
    for _ in 0..100 {
        cuda.advance(&config, &mut memory, &mut clock)?;
    }
    cuda.newest(&memory, &clock, &mut cuda.zeros(8 * 20)?)?;
    cuda.sample(&config, &memory, &clock, &mut batch)?;
    cuda.prioritise(&config, &mut memory, &batch)
}
