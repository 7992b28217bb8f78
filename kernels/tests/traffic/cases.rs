//! Every operation at the shapes of the presets and at larger ones. The numbers in the buffers do not matter, but that
//! they are numbers.
use super::Counted;
use envs::Stage;
use mercato_kernels::*;

/// Numbers in \[−1, 1), the same in every run.
fn numbers(device: &Cuda, count: usize) -> <Cuda as Device>::Buf<f32> {
    let numbers: Vec<f32> = (0..count).map(|index| (index * 7919 % 2000) as f32 / 1000.0 - 1.0).collect();
    device.upload(&numbers).expect("room for a test")
}

fn indices(device: &Cuda, count: usize, below: usize) -> <Cuda as Device>::Buf<u32> {
    device.upload(&(0..count).map(|index| (index * 7919 % below) as u32).collect::<Vec<_>>()).expect("room for a test")
}

/// Runs one operation and reads what it counted.
fn counted(found: &mut Vec<Counted>, case: String, operation: impl FnOnce() -> Result<()>) {
    emulator::reset();
    operation().unwrap_or_else(|error| panic!("{case}: {error}: {:?}", emulator::messages()));
    found.push((case, emulator::snapshot()));
}

/// Every case, in order.
pub fn run(device: &Cuda) -> Vec<Counted> {
    let mut found = Vec::new();
    for (rows, inputs, outputs) in [(64, 100, 64), (64, 64, 10), (256, 256, 256)] {
        linear(device, &mut found, rows, inputs, outputs);
    }
    chosen(device, &mut found, 64, 64, 10);
    for (size, actions) in [(64, 10), (256, 100)] {
        heads(device, &mut found, size, actions);
        difference(device, &mut found, size, actions);
    }
    // The parameters of a net 100-64-10, and many.
    for len in [7114, 200_000] {
        optimiser(device, &mut found, len);
    }
    replay(device, &mut found, 64, 100);
    prices(device, &mut found, 64, 2);
    found
}

fn linear(device: &Cuda, found: &mut Vec<Counted>, rows: usize, inputs: usize, outputs: usize) {
    let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: true };
    let theta = numbers(device, layer.bias + outputs);
    let x = numbers(device, rows * inputs);
    let (mut y, mut dy) = (numbers(device, rows * outputs), numbers(device, rows * outputs));
    let (mut dx, mut gradient) = (numbers(device, rows * inputs), numbers(device, layer.bias + outputs));
    let shape = format!("{rows}x{inputs}x{outputs}");
    counted(found, format!("linear/{shape}"), || device.linear(&layer, rows, &theta, &x, &mut y));
    counted(found, format!("linear_back/{shape}"), || {
        device.linear_back(&layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient)
    });
}

fn chosen(device: &Cuda, found: &mut Vec<Counted>, rows: usize, inputs: usize, outputs: usize) {
    let layer = Dense { inputs, outputs, weight: 0, bias: inputs * outputs, relu: false };
    let (theta, x) = (numbers(device, layer.bias + outputs), numbers(device, rows * inputs));
    let (columns, dy) = (indices(device, rows, outputs), numbers(device, rows));
    let (mut y, mut dx) = (numbers(device, rows), numbers(device, rows * inputs));
    let mut gradient = numbers(device, layer.bias + outputs);
    let shape = format!("{rows}x{inputs}x{outputs}");
    counted(found, format!("linear_chosen/{shape}"), || {
        device.linear_chosen(&layer, rows, &theta, &x, &columns, &mut y)
    });
    counted(found, format!("linear_chosen_back/{shape}"), || {
        device.linear_chosen_back(&layer, rows, &theta, &x, &columns, &dy, Some(&mut dx), &mut gradient)
    });
}

fn heads(device: &Cuda, found: &mut Vec<Counted>, rows: usize, actions: usize) {
    let shape = format!("{rows}x{actions}");
    let (x, mut q) = (numbers(device, rows * (1 + actions)), numbers(device, rows * actions));
    let mut dx = numbers(device, rows * (1 + actions));
    counted(found, format!("dueling/{shape}"), || device.dueling(rows, actions, &x, &mut q));
    counted(found, format!("dueling_back/{shape}"), || device.dueling_back(rows, actions, &q, &mut dx));
    let head = FactoredHead { actions, weight: 0, bias: actions };
    let (theta, f) = (numbers(device, 2 * actions), numbers(device, rows));
    let (dq, mut df, mut gradient) =
        (numbers(device, rows * actions), numbers(device, rows), numbers(device, 2 * actions));
    counted(found, format!("factored/{shape}"), || device.factored(&head, rows, &theta, &f, &mut q));
    counted(found, format!("factored_back/{shape}"), || {
        device.factored_back(&head, rows, &theta, &f, &dq, &mut df, &mut gradient)
    });
    let config = ChooseConfig { actions, epsilon: Ramp::constant(0.1), spread: 0.0, seed: 1 };
    let (clock, mut action) = (device.upload(&[3, 7]).expect("room for a test"), indices(device, rows, 1));
    counted(found, format!("choose/{shape}"), || device.choose(&config, rows, &q, &clock, &mut action));
}

fn difference(device: &Cuda, found: &mut Vec<Counted>, size: usize, actions: usize) {
    let mut batch = Batch::new(device, size, 1).expect("room for a test");
    batch.action = indices(device, size, actions);
    batch.reward = numbers(device, size);
    batch.discount = device.upload(&vec![0.9; size]).expect("room for a test");
    batch.weight = device.upload(&vec![1.0; size]).expect("room for a test");
    let (next, other) = (numbers(device, size * actions), numbers(device, size * actions));
    let mut summary = numbers(device, 2);
    for chosen in [false, true] {
        let values = if chosen { size } else { size * actions };
        let (q, mut dq) = (numbers(device, values), numbers(device, values));
        let config = TdConfig { actions, huber: 1.0, chosen };
        let name = if chosen { "td_chosen" } else { "td" };
        counted(found, format!("{name}/{size}x{actions}"), || {
            device.td(&config, &mut batch, &q, &next, Some(&other), &mut dq, &mut summary)
        });
    }
}

fn optimiser(device: &Cuda, found: &mut Vec<Counted>, len: usize) {
    let config = AdamConfig {
        rate: Ramp::constant(1e-3),
        beta: [0.9, 0.999],
        epsilon: 1e-8,
        clip: 10.0,
        l2: 0.0,
        decay: 0.0,
        target: TargetUpdate::Soft(0.01),
    };
    let mut weights = Weights::new(device, &vec![0.1; len]).expect("room for a test");
    weights.gradient = numbers(device, len);
    let mut clock = clock(device).expect("room for a test");
    counted(found, format!("adam/{len}"), || device.adam(&config, &mut clock, &mut weights));
}

fn replay(device: &Cuda, found: &mut Vec<Counted>, size: usize, width: usize) {
    let (slots, rows) = (128, 16);
    let priority = Priority { exponent: 0.6, importance: Ramp::constant(0.4), offset: 0.01 };
    for (name, priority) in [("uniform", None), ("priority", Some(priority))] {
        let config = SampleConfig { n_step: 3, discount: 0.9, seed: 1, priority };
        let mut memory = Memory::new(device, slots, rows, width, config.priority.is_some()).expect("room for a test");
        let mut batch = Batch::new(device, size, width).expect("room for a test");
        let mut clock = clock(device).expect("room for a test");
        let mut x = numbers(device, rows * width);
        memory.stage = device.upload(&vec![Stage::Mid; slots * rows]).expect("room for a test");
        for _ in 0..100 {
            device.advance(&config, &mut memory, &mut clock).expect("advance");
        }
        batch.error = numbers(device, size);
        counted(found, format!("advance/{name}/{slots}x{rows}"), || device.advance(&config, &mut memory, &mut clock));
        counted(found, format!("newest/{name}/{rows}x{width}"), || device.newest(&memory, &clock, &mut x));
        counted(found, format!("sample/{name}/{size}x{width}"), || device.sample(&config, &memory, &clock, &mut batch));
        counted(found, format!("prioritise/{name}/{size}"), || device.prioritise(&config, &mut memory, &batch));
    }
}

/// Real numbers: a parabola of them, a search among them, and those of ten indices.
fn prices(device: &Cuda, found: &mut Vec<Counted>, rows: usize, reals: usize) {
    let (width, count, elite, shape) = (10, 32, 4, format!("{rows}x{reals}"));
    let outputs = numbers(device, rows * naf_outputs(reals));
    let (real, dq) = (numbers(device, rows * reals), numbers(device, rows));
    let (mut best, mut value, mut q) = (numbers(device, rows * reals), numbers(device, rows), numbers(device, rows));
    let mut doutputs = numbers(device, rows * naf_outputs(reals));
    counted(found, format!("naf_best/{shape}"), || device.naf_best(rows, reals, &outputs, &mut best, &mut value));
    counted(found, format!("naf/{shape}"), || device.naf(rows, reals, &outputs, &real, &mut q));
    counted(found, format!("naf_back/{shape}"), || device.naf_back(rows, reals, &outputs, &real, &dq, &mut doutputs));
    let config = ChooseConfig { actions: 0, epsilon: Ramp::constant(0.1), spread: 0.2, seed: 1 };
    let (clock, mut chosen) = (device.upload(&[3, 7]).expect("room for a test"), numbers(device, rows * reals));
    counted(found, format!("choose_reals/{shape}"), || {
        device.choose_reals(&config, rows, reals, &best, &clock, &mut chosen)
    });

    let search = SearchShape { rows, count, width, reals, elite };
    let (observation, draws) = (numbers(device, rows * width), numbers(device, count * reals));
    let (mut mean, mut deviation) = (numbers(device, rows * reals), numbers(device, rows * reals));
    let (mut x, values) = (numbers(device, rows * count * search.length()), numbers(device, rows * count));
    let mut index = indices(device, rows * elite, 1);
    counted(found, format!("propose/{shape}x{count}"), || {
        device.propose(&search, &observation, &mean, Some((&deviation, &draws)), &mut x)
    });
    counted(found, format!("top/{rows}x{count}x{elite}"), || device.top(rows, count, elite, &values, &mut index));
    counted(found, format!("refit/{shape}x{count}"), || {
        let parts = Found { mean: &mut mean, deviation: &mut deviation, best: &mut best, value: &mut value };
        device.refit(&search, &index, &values, &x, parts)
    });

    for passes in [1, 10] {
        let shape = ParametersShape { rows, passes, width, total: 10 };
        let (raw, mut parameters) = (numbers(device, rows * 10), numbers(device, rows * 10));
        let (mut x, mut draw) = (numbers(device, rows * passes * shape.length()), numbers(device, rows * 10));
        let name = format!("{rows}x10x{passes}");
        counted(found, format!("squash/{name}"), || device.squash(rows * 10, &raw, &mut parameters));
        counted(found, format!("attach/{name}"), || device.attach(&shape, &observation, &parameters, &mut x));
        counted(found, format!("detach/{name}"), || device.detach(&shape, &x, &parameters, &mut draw));
    }
}
