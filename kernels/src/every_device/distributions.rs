//! Distributions of returns: over atoms, by quantiles, at fractions.
use super::*;
use crate::ops::{categorical::CategoricalConfig, fraction::FractionAddress, quantile::QuantileConfig};

fn distributions<D: Backend>(d: &D, size: usize, config: &CategoricalConfig) -> [Vec<u32>; 4] {
    let (mut stream, len) = (stream(size as u64), size * config.actions * config.atoms);
    let mut batch = batch_of(d, &mut stream, size, config.actions);
    let logits = d.upload(&numbers(&mut stream, len)).unwrap();
    let next = d.upload(&numbers(&mut stream, len)).unwrap();
    let mut q = d.zeros(size * config.actions).unwrap();
    let (mut dlogits, mut summary) = (d.upload(&vec![f32::NAN; len]).unwrap(), d.zeros(2).unwrap());
    d.expectation(config, size, &next, &mut q).unwrap();
    d.categorical(config, &mut batch, &logits, &next, &q, &mut dlogits, &mut summary).unwrap();
    let error = host_bits(d, &batch.error, size);
    [host_bits(d, &q, size * config.actions), host_bits(d, &dlogits, len), host_bits(d, &summary, 2), error]
}

#[test]
fn categorical() {
    for (size, actions, atoms) in [(1, 1, 2), (5, 3, 51), (33, 4, 7)] {
        let config = CategoricalConfig { actions, atoms, low: -1.5, high: 2.0 };
        on_every_device!(d => distributions(d, size, &config));
    }
}

fn by_quantiles<D: Backend>(d: &D, size: usize, config: &QuantileConfig, drawn: bool) -> [Vec<u32>; 4] {
    let (mut stream, len) = (stream(size as u64), size * config.actions * config.quantiles);
    let next_len = size * config.actions * config.next_quantiles;
    let mut batch = batch_of(d, &mut stream, size, config.actions);
    let theta = d.upload(&numbers(&mut stream, len)).unwrap();
    let next = d.upload(&numbers(&mut stream, next_len)).unwrap();
    let tau = d.upload(&(0..size * config.quantiles).map(|_| stream.uniform()).collect::<Vec<_>>()).unwrap();
    let mut q = d.zeros(size * config.actions).unwrap();
    let (mut dtheta, mut summary) = (d.upload(&vec![f32::NAN; len]).unwrap(), d.zeros(2).unwrap());
    d.quantile_mean(config, size, config.next_quantiles, &next, &mut q).unwrap();
    let tau = drawn.then_some(&tau);
    d.quantile(config, &mut batch, &theta, tau, &next, &q, &mut dtheta, &mut summary).unwrap();
    let error = host_bits(d, &batch.error, size);
    [host_bits(d, &q, size * config.actions), host_bits(d, &dtheta, len), host_bits(d, &summary, 2), error]
}

#[test]
fn quantile() {
    for (size, actions, quantiles, next_quantiles, huber) in [(1, 1, 1, 1, 1.0), (7, 3, 21, 8, 0.7), (33, 4, 5, 6, 0.0)]
    {
        for drawn in [false, true] {
            let config = QuantileConfig { actions, quantiles, next_quantiles, huber };
            on_every_device!(d => by_quantiles(d, size, &config, drawn));
        }
    }
}

fn implicit<D: Backend>(d: &D, shape: [usize; 3], features: usize) -> [Vec<u32>; 5] {
    let ([rows, count, width], mut stream) = (shape, stream(2));
    let [state, embedding, dproduct] = [rows * width, rows * count * width, rows * count * width]
        .map(|len| d.upload(&numbers(&mut stream, len)).unwrap());
    let (mut tau, mut cosines) = (d.zeros(rows * count).unwrap(), d.zeros(rows * count * features).unwrap());
    let (mut product, mut dstate) = (d.zeros(rows * count * width).unwrap(), d.zeros(rows * width).unwrap());
    let mut dembedding = d.zeros(rows * count * width).unwrap();
    let clock = d.upload(&[9, 5]).unwrap();
    d.fractions(&FractionAddress { seed: 7, copy: 1 }, rows, count, &clock, &mut tau).unwrap();
    d.cosines(rows * count, features, &tau, &mut cosines).unwrap();
    d.modulate(shape, &state, &embedding, &mut product).unwrap();
    d.modulate_back(shape, &state, &embedding, &dproduct, &mut dstate, &mut dembedding).unwrap();
    let [product, dembedding] = [product, dembedding].map(|buffer| host_bits(d, &buffer, rows * count * width));
    let (tau, cosines) = (host_bits(d, &tau, rows * count), host_bits(d, &cosines, rows * count * features));
    [tau, cosines, product, host_bits(d, &dstate, rows * width), dembedding]
}

#[test]
fn fraction() {
    for (shape, features) in [([1, 1, 1], 1), ([5, 8, 37], 64), ([2, 3, 5], 1024)] {
        on_every_device!(d => implicit(d, shape, features));
    }
}
