//! Catalogues of items with vectors, and costs with a price.
use super::*;

fn towers_of<D: Backend>(d: &D, size: usize, shape: &TowersShape) -> [Vec<u32>; 5] {
    let (mut stream, dims, length) = (stream(size as u64), shape.dims, shape.length());
    let batch = batch_of(d, &mut stream, size, shape.items);
    let items = d.upload(&numbers(&mut stream, shape.items * dims)).unwrap();
    let [x, other] = [(); 2].map(|()| d.upload(&numbers(&mut stream, size * length)).unwrap());
    let clock = d.upload(&[9, 5]).unwrap();
    let count = shape.candidates();
    let (mut q, mut dx) = (d.zeros(size).unwrap(), d.zeros(size * length).unwrap());
    let (mut drawn, mut value) = (d.zeros(dims * count).unwrap(), d.zeros(size).unwrap());
    d.meet(shape, &batch, &items, &x, &mut q).unwrap();
    d.meet_back(shape, &batch, &items, &q, &mut dx).unwrap();
    d.draw_candidates(shape, &items, &clock, &mut drawn).unwrap();
    d.best_candidate(shape, size, &drawn, &x, &other, &mut value).unwrap();
    let config =
        ChooseConfig { actions: shape.items, epsilon: Ramp { from: 1.0, to: 0.0, over: 10 }, spread: 0.0, seed: 3 };
    let found = d.upload(&(0..size as u32).map(|row| row % shape.items as u32).collect::<Vec<_>>()).unwrap();
    let mut action = d.zeros(size).unwrap();
    d.choose_found(&config, size, &found, &clock, &mut action).unwrap();
    let (q, dx) = (host_bits(d, &q, size), host_bits(d, &dx, size * length));
    [q, dx, host_bits(d, &drawn, dims * count), host_bits(d, &value, size), host(d, &action, size)]
}

#[test]
fn towers() {
    for (size, items, dims, count) in [(1, 1, 1, 1), (33, 100, 7, 33), (5, 1000, 40, 64), (2, 20, 3, 64)] {
        on_every_device!(d => towers_of(d, size, &TowersShape { items, dims, count, seed: 3 }));
    }
}

fn priced<D: Backend>(d: &D, size: usize, rows: usize) -> [Vec<u32>; 2] {
    let (mut stream, width, slots) = (stream(size as u64), 4, 3);
    let mut memory = Memory::new(d, slots, rows, width, false).unwrap();
    memory.observation = d.upload(&numbers(&mut stream, slots * rows * width)).unwrap();
    let stages: Vec<Stage> = (0..slots * rows).map(|i| if i % 5 == 2 { Stage::First } else { Stage::Mid }).collect();
    memory.stage = d.upload(&stages).unwrap();
    let mut batch = batch_of(d, &mut stream, size, 10);
    batch.next = d.upload(&numbers(&mut stream, size * width)).unwrap();
    let (clock, mut multiplier) = (d.upload(&[9, 5]).unwrap(), d.upload(&[0.75]).unwrap());
    let config = MultiplierConfig { width, first: 2, limit: 0.25, rate: 0.5, scale: 0.1 };
    d.price(&config, &memory, &clock, &mut multiplier, &mut batch).unwrap();
    [host_bits(d, &multiplier, 1), host_bits(d, &batch.reward, size)]
}

#[test]
fn multiplier() {
    for (size, rows) in [(1, 1), (33, 8), (70, 45)] {
        on_every_device!(d => priced(d, size, rows));
    }
}
