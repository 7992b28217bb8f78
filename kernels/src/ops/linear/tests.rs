//! Bodies against each other, finite differences, and the edges of the ReLU.
use super::*;
use crate::testing::{bits, numbers, plain, stream, vectored};

fn dense(inputs: usize, outputs: usize, relu: bool) -> Dense {
    Dense { inputs, outputs, weight: 3, bias: 3 + inputs * outputs, relu }
}

/// Output, masked dy, dx and gradient of one layer there and back.
fn there_and_back(cpu: &Cpu, layer: &Dense, rows: usize, seed: u64) -> [Vec<f32>; 4] {
    let mut stream = stream(seed);
    let theta = numbers(&mut stream, layer.bias + layer.outputs);
    let x = numbers(&mut stream, rows * layer.inputs);
    let mut dy = numbers(&mut stream, rows * layer.outputs);
    let mut y = vec![f32::NAN; rows * layer.outputs];
    let mut dx = vec![f32::NAN; rows * layer.inputs];
    let mut gradient = vec![7.0; theta.len()];
    cpu.linear(layer, rows, &theta, &x, &mut y).unwrap();
    cpu.linear_back(layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient).unwrap();
    [y, dy, dx, gradient]
}

/// Every body gives the bits of the plain one, whatever the shape: full and partial vectors and tiles, one row.
#[test]
fn bodies_agree_in_every_bit() {
    let sizes = [1, 2, 5, 8, 10, 15, 16, 17, 31, 33, 48, 63, 64, 65, 100, 130];
    let mut seed = 0;
    for (i, &inputs) in sizes.iter().enumerate() {
        for (j, &outputs) in sizes.iter().enumerate() {
            let rows = sizes[(3 * i + 7 * j) % sizes.len()];
            for relu in [false, true] {
                seed += 1;
                let layer = dense(inputs, outputs, relu);
                let expected = there_and_back(&plain(), &layer, rows, seed);
                assert_eq!(expected[3][..3], [7.0; 3], "numbers before the layer's stay");
                for cpu in vectored() {
                    let got = there_and_back(&cpu, &layer, rows, seed);
                    for (what, (got, expected)) in ["y", "dy", "dx", "gradient"].iter().zip(got.iter().zip(&expected)) {
                        assert_eq!(bits(got), bits(expected), "{what} of {rows}x{inputs}x{outputs} {:?}", cpu.isa());
                    }
                }
            }
        }
    }
}

/// Deep chains and wide rows, where operands are packed.
#[test]
fn bodies_agree_on_large_shapes() {
    for (rows, inputs, outputs) in [(256, 70, 129), (37, 300, 40), (5, 129, 1000), (1, 257, 259)] {
        let layer = dense(inputs, outputs, true);
        let expected = there_and_back(&plain(), &layer, rows, 1);
        for cpu in vectored() {
            let got = there_and_back(&cpu, &layer, rows, 1);
            assert!(got.iter().zip(&expected).all(|(got, expected)| bits(got) == bits(expected)));
        }
    }
}

/// A row's output does not depend on which rows are computed with it.
#[test]
fn rows_do_not_know_each_other() {
    let layer = dense(33, 20, true);
    for cpu in std::iter::once(plain()).chain(vectored()) {
        let mut stream = stream(5);
        let theta = numbers(&mut stream, layer.bias + layer.outputs);
        let x = numbers(&mut stream, 50 * layer.inputs);
        let mut all = vec![0.0; 50 * layer.outputs];
        cpu.linear(&layer, 50, &theta, &x, &mut all).unwrap();
        for (x, expected) in x.chunks_exact(layer.inputs).zip(all.chunks_exact(layer.outputs)) {
            let mut one = vec![0.0; layer.outputs];
            cpu.linear(&layer, 1, &theta, &x.to_vec(), &mut one).unwrap();
            assert_eq!(bits(&one), bits(expected));
        }
    }
}

/// relu(x) is +0 for −0 and NaN, and passes no gradient there.
#[test]
fn the_edge_of_the_relu() {
    let layer = Dense { inputs: 1, outputs: 4, weight: 0, bias: 4, relu: true };
    let theta = vec![0.0, 0.0, 0.0, 1.0, -0.0, f32::NAN, -1.0, 0.5];
    for cpu in std::iter::once(plain()).chain(vectored()) {
        let (mut y, mut dy, mut gradient) = (vec![9.0; 4], vec![1.0; 4], vec![0.0; 8]);
        cpu.linear(&layer, 1, &theta, &vec![-0.0], &mut y).unwrap();
        assert_eq!(bits(&y), bits(&[0.0, 0.0, 0.0, 0.5]));
        cpu.linear_back(&layer, 1, &theta, &vec![-0.0], &y, &mut dy, None, &mut gradient).unwrap();
        assert_eq!(bits(&dy), bits(&[0.0, 0.0, 0.0, 1.0]));
    }
}

/// The analytic gradient of a weighted sum of outputs against central differences; f32 with a step of 2⁻⁶ leaves
/// about 2⁻¹⁷ of rounding, and the layer is linear between ReLU edges, of which these numbers keep clear.
#[test]
fn gradient_is_the_slope() {
    let layer = Dense { inputs: 3, outputs: 4, weight: 0, bias: 12, relu: true };
    let mut stream = stream(11);
    let theta: Vec<f32> = (0..16).map(|_| stream.uniform() - 0.5).collect();
    let x: Vec<f32> = (0..6).map(|_| stream.uniform() - 0.5).collect();
    let slope: Vec<f32> = (0..8).map(|_| stream.uniform() - 0.5).collect();
    let cpu = plain();
    let loss = |theta: &Vec<f32>, x: &Vec<f32>| -> f32 {
        let mut y = vec![0.0; 8];
        cpu.linear(&layer, 2, theta, x, &mut y).unwrap();
        y.iter().zip(&slope).map(|(y, slope)| y * slope).sum()
    };
    let (mut y, mut dy) = (vec![0.0; 8], slope.clone());
    let (mut dx, mut gradient) = (vec![0.0; 6], vec![0.0; 16]);
    cpu.linear(&layer, 2, &theta, &x, &mut y).unwrap();
    cpu.linear_back(&layer, 2, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient).unwrap();
    let step = 1.0 / 64.0;
    let moved = |numbers: &Vec<f32>, at: usize, by: f32| {
        let mut moved = numbers.clone();
        moved[at] += by;
        moved
    };
    for (at, gradient) in gradient.iter().enumerate() {
        let difference = (loss(&moved(&theta, at, step), &x) - loss(&moved(&theta, at, -step), &x)) / (2.0 * step);
        assert!((difference - gradient).abs() < 1e-5, "theta {at}: {difference} {gradient}");
    }
    for (at, dx) in dx.iter().enumerate() {
        let difference = (loss(&theta, &moved(&x, at, step)) - loss(&theta, &moved(&x, at, -step))) / (2.0 * step);
        assert!((difference - dx).abs() < 1e-5, "x {at}: {difference} {dx}");
    }
}

/// With most outputs off in the whole batch, the way back has the bits of the plain loops; also where products
/// underflow to −0 and where a number is not finite.
#[test]
fn dead_outputs_leave_no_trace() {
    for (rows, inputs, outputs) in [(16, 40, 64), (33, 70, 129), (64, 33, 200)] {
        for (alive, scale, infinite) in
            [(0, 1.0, false), (1, 1.0, false), (3, 1.0, false), (3, 1e-23, false), (3, 1.0, true), (9, 1e-23, true)]
        {
            let layer = dense(inputs, outputs, true);
            let mut stream = stream(rows as u64);
            let scaled = |numbers: Vec<f32>| numbers.into_iter().map(|number| number * scale).collect::<Vec<f32>>();
            let mut theta = scaled(numbers(&mut stream, layer.bias + outputs));
            let x = scaled(numbers(&mut stream, rows * inputs));
            let y: Vec<f32> = (0..rows * outputs)
                .map(|cell| if cell % outputs % 10 < alive { stream.uniform() - 0.3 } else { 0.0 })
                .collect();
            let dy = scaled(numbers(&mut stream, rows * outputs));
            if infinite {
                theta[layer.weight + (inputs / 2) * outputs + 5] = f32::INFINITY;
            }
            let run = |cpu: &Cpu| {
                let (mut dy, mut dx) = (dy.clone(), vec![f32::NAN; rows * inputs]);
                let mut gradient = vec![7.0; theta.len()];
                cpu.linear_back(&layer, rows, &theta, &x, &y, &mut dy, Some(&mut dx), &mut gradient).unwrap();
                // Of NaN only that it is one is defined.
                let numbers = dx.into_iter().chain(gradient);
                numbers.map(|number| if number.is_nan() { None } else { Some(number.to_bits()) }).collect::<Vec<_>>()
            };
            let expected = run(&plain());
            for cpu in vectored() {
                assert!(run(&cpu) == expected, "{rows}x{inputs}x{outputs}, {alive} of 10, {:?}", cpu.isa());
            }
        }
    }
}

/// The chosen form equals the dense form with zeros elsewhere, also where products underflow to −0.
#[test]
fn chosen_equals_dense() {
    for (rows, inputs, outputs, scale) in
        [(1, 1, 1, 1.0), (7, 20, 5, 1.0), (64, 33, 100, 1.0), (40, 18, 9, 1e-23), (99, 18, 33, 1e-23)]
    {
        let layer = dense(inputs, outputs, false);
        let mut stream = stream(rows as u64);
        let scaled = |numbers: Vec<f32>| numbers.into_iter().map(|number| number * scale).collect::<Vec<f32>>();
        let theta = scaled(numbers(&mut stream, layer.bias + outputs));
        let x = scaled(numbers(&mut stream, rows * inputs));
        let dy = scaled(numbers(&mut stream, rows));
        let chosen: Vec<u32> = (0..rows).map(|_| stream.below(outputs as u32)).collect();
        let mut dense_dy = vec![0.0; rows * outputs];
        for r in 0..rows {
            dense_dy[r * outputs + chosen[r] as usize] = dy[r];
        }
        let mut y = vec![0.0; rows * outputs];
        let (mut dx, mut gradient) = (vec![0.0; rows * inputs], vec![0.0; theta.len()]);
        let cpu = plain();
        cpu.linear(&layer, rows, &theta, &x, &mut y).unwrap();
        cpu.linear_back(&layer, rows, &theta, &x, &y, &mut dense_dy, Some(&mut dx), &mut gradient).unwrap();
        let picked: Vec<f32> = (0..rows).map(|r| y[r * outputs + chosen[r] as usize]).collect();
        if scale != 1.0 {
            assert!(gradient.iter().any(|g| is_negative_zero(*g)), "the case is about −0");
        }
        for cpu in std::iter::once(cpu).chain(vectored()) {
            let (mut y, mut other_dx) = (vec![f32::NAN; rows], vec![f32::NAN; rows * inputs]);
            let mut other = vec![0.0; theta.len()];
            other[3..].fill(f32::NAN);
            cpu.linear_chosen(&layer, rows, &theta, &x, &chosen, &mut y).unwrap();
            cpu.linear_chosen_back(&layer, rows, &theta, &x, &chosen, &dy, Some(&mut other_dx), &mut other).unwrap();
            assert_eq!(bits(&y), bits(&picked));
            assert_eq!(bits(&other_dx), bits(&dx));
            assert_eq!(bits(&other), bits(&gradient));
        }
    }
}
