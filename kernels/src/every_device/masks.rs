//! Actions that are not on offer, and those that the logging policy would not take.
use super::*;
use crate::ops::{likelihood::LikelihoodConfig, mask::MaskConfig};

fn closed<D: Backend>(d: &D, rows: usize, actions: usize) -> [Vec<u32>; 2] {
    let (mut stream, width) = (stream(rows as u64), actions + 5);
    let seen: Vec<f32> = (0..rows * width).map(|_| f32::from(u8::from(stream.bernoulli(0.6)))).collect();
    let observation = d.upload(&seen).unwrap();
    let length = actions + 3;
    let mut longer = d.upload(&numbers(&mut stream, rows * length)).unwrap();
    let config = MaskConfig { actions, values: length, width, first: 4 };
    d.close(&config, rows, &observation, &mut longer).unwrap();
    let by_offer = host_bits(d, &longer, rows * length);
    let [mut values, logits] = [(); 2].map(|()| d.upload(&numbers(&mut stream, rows * actions)).unwrap());
    d.close_unlikely(actions, rows, -0.7, &logits, &mut values).unwrap();
    [by_offer, host_bits(d, &values, rows * actions)]
}

#[test]
fn mask() {
    for (rows, actions) in [(1, 1), (5, 10), (33, 33), (3, 70)] {
        on_every_device!(d => closed(d, rows, actions));
    }
}

fn taken<D: Backend>(d: &D, size: usize, config: &LikelihoodConfig) -> [Vec<u32>; 3] {
    let (mut stream, table) = (stream(size as u64), size * config.actions);
    let batch = batch_of(d, &mut stream, size, config.actions);
    let [x, mut dx] = [(); 2].map(|()| d.upload(&numbers(&mut stream, table)).unwrap());
    let (mut gap, mut summary) = (d.zeros(size).unwrap(), d.upload(&[0.5, 0.25]).unwrap());
    d.likelihood(config, &batch, &x, &mut dx, &mut gap, &mut summary).unwrap();
    [host_bits(d, &dx, table), host_bits(d, &gap, size), host_bits(d, &summary, 2)]
}

#[test]
fn likelihood() {
    for (size, actions, adds) in [(1, 1, false), (33, 10, true), (5, 33, false), (2, 70, true)] {
        on_every_device!(d => taken(d, size, &LikelihoodConfig { actions, share: 0.3, adds }));
    }
}
