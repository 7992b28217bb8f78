//! Slates under each choice, with closed items among them.
use super::*;
use crate::ops::slate::{BestSlate, SlateConfig};

fn slates<D: Backend>(d: &D, size: usize, config: &SlateConfig, double: bool) -> [Vec<u32>; 4] {
    let (mut stream, len) = (stream(size as u64), size * config.outputs());
    let (base, slots) = (config.candidates as u32, config.slots as u32);
    let width = config.taken + config.slots + 1;
    let mut batch = Batch::new(d, size, width).unwrap();
    let codes = (0..size as u32).map(|i| (0..slots).rev().fold(0, |code, k| code * base + (i + k) % base));
    let mut taken = vec![0.0; size * width];
    (0..size).for_each(|i| taken[i * width + config.taken + i % (config.slots + 1)] = 1.0);
    let discount: Vec<f32> = (0..size).map(|i| if i % 3 == 2 { 0.0 } else { 0.9 }).collect();
    batch.action = d.upload(&codes.collect::<Vec<_>>()).unwrap();
    batch.next = d.upload(&taken).unwrap();
    batch.reward = d.upload(&numbers(&mut stream, size)).unwrap();
    batch.discount = d.upload(&discount).unwrap();
    batch.weight = d.upload(&numbers(&mut stream, size)).unwrap();
    let mut tables = [len; 3].map(|len| numbers(&mut stream, len));
    // Every eighth item is closed; with ten and more, enough are open.
    if config.candidates >= 10 {
        tables.iter_mut().flat_map(|table| table.chunks_exact_mut(config.outputs())).for_each(|row| {
            row[..config.candidates].iter_mut().step_by(8).for_each(|q| *q = f32::NEG_INFINITY);
        });
    }
    if config.best == BestSlate::Cascade && config.candidates >= 10 {
        let utilities = config.candidates + 1;
        let there = &mut tables[1..];
        for (at, row) in there.iter_mut().flat_map(|table| table.chunks_exact_mut(config.outputs())).enumerate() {
            // Equal items; a closed one that nobody takes, whose index is not a number.
            (row[2], row[utilities + 2], row[utilities]) = (row[3], row[utilities + 3], -200.0);
            if at % 3 == 0 {
                // An open one that nobody takes, and a user who always looks on.
                (row[utilities + 1], row[utilities + config.candidates]) = (-200.0, 110.0);
            }
        }
    }
    // One open item where a slate has more.
    let mut few = tables[0].clone();
    few.chunks_exact_mut(config.outputs()).for_each(|row| row[1..config.candidates].fill(f32::NEG_INFINITY));
    let few = d.upload(&few).unwrap();
    let [here, next, other] = tables.map(|table| d.upload(&table).unwrap());
    let (mut dq, mut summary) = (d.zeros(len).unwrap(), d.zeros(2).unwrap());
    let clock = d.upload(&[9, 5]).unwrap();
    let epsilon = Ramp { from: 1.0, to: 0.0, over: 10 };
    let mut codes = Vec::new();
    for outputs in [&here, &next, &few] {
        let mut code = d.zeros(size).unwrap();
        d.choose_slate(config, &epsilon, 3, size, outputs, &clock, &mut code).unwrap();
        codes.extend(host::<_, u32>(d, &code, size));
    }
    d.slate(config, &mut batch, &here, &next, double.then_some(&other), &mut dq, &mut summary).unwrap();
    [codes, host_bits(d, &dq, len), host_bits(d, &summary, 2), host_bits(d, &batch.error, size)]
}

#[test]
fn slate() {
    let shapes = [
        (1, 2, 1, BestSlate::Exact),
        (33, 10, 3, BestSlate::Exact),
        (9, 33, 4, BestSlate::TopK),
        (33, 10, 3, BestSlate::Items),
        (1, 2, 1, BestSlate::Cascade),
        (33, 10, 3, BestSlate::Cascade),
        (9, 33, 4, BestSlate::Cascade),
    ];
    for (size, candidates, slots, best) in shapes {
        let config = SlateConfig { candidates, slots, best, taken: 2, huber: 0.7, choice: 0.3 };
        on_every_device!(d => slates(d, size, &config, best != BestSlate::TopK));
    }
}
