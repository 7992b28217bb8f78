//! Actions with real numbers.
use super::*;

fn real_choices<D: Backend>(d: &D, config: &ChooseConfig, rows: usize, reals: usize) -> Vec<u32> {
    let mut best = numbers(&mut stream(reals as u64), rows * reals);
    best.iter_mut().step_by(5).for_each(|best| *best *= 3.0);
    let (mut real, clock) = (d.zeros(rows * reals).unwrap(), d.upload(&[3, 7]).unwrap());
    d.choose_reals(config, rows, reals, &d.upload(&best).unwrap(), &clock, &mut real).unwrap();
    host_bits(d, &real, rows * reals)
}

/// Greedy, noisy and uniform real numbers.
#[test]
fn choose_reals() {
    for (rows, reals, spread) in [(1, 1, 0.0), (37, 3, 0.0), (37, 2, 0.2), (70, 5, 1.5)] {
        let epsilon = Ramp { from: 0.8, to: 0.1, over: 13 };
        let config = ChooseConfig { actions: 0, epsilon, spread, seed: 3 << 40 | 5 };
        on_every_device!(d => real_choices(d, &config, rows, reals));
    }
}

fn advantages<D: Backend>(d: &D, rows: usize, reals: usize) -> [Vec<u32>; 4] {
    let (mut stream, len) = (stream(reals as u64), rows * naf_outputs(reals));
    let outputs = d.upload(&numbers(&mut stream, len).iter().map(|number| number * 3.0).collect::<Vec<_>>()).unwrap();
    let real = d.upload(&numbers(&mut stream, rows * reals)).unwrap();
    let dq = d.upload(&numbers(&mut stream, rows)).unwrap();
    let (mut best, mut value) = (d.zeros(rows * reals).unwrap(), d.zeros(rows).unwrap());
    let (mut q, mut doutputs) = (d.zeros(rows).unwrap(), d.upload(&vec![f32::NAN; len]).unwrap());
    d.naf_best(rows, reals, &outputs, &mut best, &mut value).unwrap();
    d.naf(rows, reals, &outputs, &real, &mut q).unwrap();
    d.naf_back(rows, reals, &outputs, &real, &dq, &mut doutputs).unwrap();
    let [value, q] = [value, q].map(|part| host_bits(d, &part, rows));
    [host_bits(d, &best, rows * reals), value, q, host_bits(d, &doutputs, len)]
}

#[test]
fn naf() {
    for (rows, reals) in [(1, 1), (65, 1), (33, 3), (7, 6)] {
        on_every_device!(d => advantages(d, rows, reals));
    }
}

fn searched<D: Backend>(d: &D, shape: &SearchShape) -> Vec<Vec<u32>> {
    let SearchShape { rows, count, width, reals, elite: k } = *shape;
    let mut stream = stream(count as u64);
    let observation = d.upload(&numbers(&mut stream, rows * width)).unwrap();
    let draws = d.upload(&numbers(&mut stream, count * reals)).unwrap();
    let mut mean = d.upload(&numbers(&mut stream, rows * reals)).unwrap();
    let mut deviation = d.upload(&numbers(&mut stream, rows * reals)).unwrap();
    let mut q = numbers(&mut stream, rows * count);
    q.iter_mut().step_by(3).for_each(|q| *q = (*q * 2.0).round() / 2.0);
    q.iter_mut().step_by(7).for_each(|q| *q = f32::NAN);
    q[..count].fill(f32::NAN);
    let q = d.upload(&q).unwrap();
    let (mut x, mut only) = (d.zeros(rows * count * shape.length()).unwrap(), d.zeros(rows * shape.length()).unwrap());
    let (mut elite, mut best) = (d.zeros(rows * k).unwrap(), d.zeros(rows * reals).unwrap());
    let mut value = d.zeros(rows).unwrap();
    d.propose(&SearchShape { count: 1, ..*shape }, &observation, &mean, None, &mut only).unwrap();
    d.propose(shape, &observation, &mean, Some((&deviation, &draws)), &mut x).unwrap();
    d.top(rows, count, k, &q, &mut elite).unwrap();
    let found = Found { mean: &mut mean, deviation: &mut deviation, best: &mut best, value: &mut value };
    d.refit(shape, &elite, &q, &x, found).unwrap();
    let mut seen = vec![host(d, &elite, rows * k), host_bits(d, &value, rows)];
    seen.extend([&mean, &deviation, &best].map(|part| host_bits(d, part, rows * reals)));
    seen.extend([host_bits(d, &x, rows * count * shape.length()), host_bits(d, &only, rows * shape.length())]);
    seen
}

#[test]
fn search() {
    for (rows, count, width, reals, elite) in [(1, 1, 0, 1, 1), (33, 40, 3, 2, 6), (70, 9, 2, 1, 9)] {
        on_every_device!(d => searched(d, &SearchShape { rows, count, width, reals, elite }));
    }
}

fn attached<D: Backend>(d: &D, shape: &ParametersShape) -> [Vec<u32>; 3] {
    let ParametersShape { rows, passes, width, total } = *shape;
    let (mut stream, len) = (stream(total as u64), rows * passes * shape.length());
    let observation = d.upload(&numbers(&mut stream, rows * width)).unwrap();
    let raw: Vec<f32> = numbers(&mut stream, rows * total).iter().map(|number| number * 9.0).collect();
    let (raw, dx) = (d.upload(&raw).unwrap(), d.upload(&numbers(&mut stream, len)).unwrap());
    let (mut parameters, mut draw) = (d.zeros(rows * total).unwrap(), d.zeros(rows * total).unwrap());
    let mut x = d.zeros(len).unwrap();
    d.squash(rows * total, &raw, &mut parameters).unwrap();
    d.attach(shape, &observation, &parameters, &mut x).unwrap();
    d.detach(shape, &dx, &parameters, &mut draw).unwrap();
    let [parameters, draw] = [parameters, draw].map(|part| host_bits(d, &part, rows * total));
    [parameters, host_bits(d, &x, len), draw]
}

#[test]
fn parameters() {
    for (rows, passes, width, total) in [(1, 1, 1, 1), (33, 1, 7, 10), (33, 5, 7, 10), (9, 10, 0, 10)] {
        on_every_device!(d => attached(d, &ParametersShape { rows, passes, width, total }));
    }
}
