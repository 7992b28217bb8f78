//! Dense layer: y = relu(x·W + b), there and back.
//!
//! Every output is one chain of fused multiply-adds, in index order: y\[r\]\[n\] starts at b\[n\] and runs over k;
//! gradient chains start at +0, ∂W\[k\]\[n\] runs over rows, ∂x\[r\]\[k\] over n, ∂b\[n\] is a plain sum over rows.
use crate::{
    cpu::{Cpu, Isa},
    cuda::{Arg, Buffer, Cuda, Grid, blocks},
    device::{Device, Span},
    dispatch::compiled,
    error::Result,
    gemm::{DeviceProduct, Layout, Matrix, Product, Start},
};
use alive::Back;
use std::cell::RefCell;

mod alive;

/// Where a layer's numbers sit in the flat parameter buffer: W is `inputs` × `outputs` row-major at `weight`, b is
/// `outputs` at `bias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Length of an input row.
    pub inputs: usize,
    /// Length of an output row.
    pub outputs: usize,
    /// First weight.
    pub weight: usize,
    /// First bias.
    pub bias: usize,
    /// Whether negative outputs become 0.
    pub relu: bool,
}

/// The dense layer.
pub trait Linear: Device {
    /// y\[rows × outputs\] from x\[rows × inputs\].
    ///
    /// # Errors
    /// When the device fails.
    fn linear(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        y: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From dy (overwritten where the ReLU was off) to dx, if wanted, and the layer's part of `gradient` (overwritten).
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    fn linear_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        y: &Self::Buf<f32>,
        dy: &mut Self::Buf<f32>,
        dx: Option<&mut Self::Buf<f32>>,
        gradient: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// y\[rows\]: the one output `chosen[r]` of every row; same bits as the dense form. The layer has no ReLU.
    ///
    /// # Errors
    /// When the device fails.
    fn linear_chosen(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        chosen: &Self::Buf<u32>,
        y: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// Backward of [`linear_chosen`](Linear::linear_chosen): dy\[rows\]; same bits as the dense form with zeros
    /// elsewhere, for finite weights.
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    fn linear_chosen_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        chosen: &Self::Buf<u32>,
        dy: &Self::Buf<f32>,
        dx: Option<&mut Self::Buf<f32>>,
        gradient: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Dense {
    /// Where W is in the flat buffer.
    pub fn weights(&self) -> Span {
        self.weight..self.weight + self.inputs * self.outputs
    }
    /// Where b is in the flat buffer.
    pub fn biases(&self) -> Span {
        self.bias..self.bias + self.outputs
    }
}

impl Linear for Cpu {
    fn linear(&self, layer: &Dense, rows: usize, theta: &Vec<f32>, x: &Vec<f32>, y: &mut Vec<f32>) -> Result<()> {
        let product = Product {
            rows,
            depth: layer.inputs,
            columns: layer.outputs,
            left: Matrix { numbers: x, strides: (layer.inputs, 1) },
            right: Matrix { numbers: &theta[layer.weights()], strides: (layer.outputs, 1) },
            start: Start::Columns(&theta[layer.biases()]),
            relu: layer.relu,
        };
        product.run(self.isa(), y);
        Ok(())
    }

    fn linear_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Vec<f32>,
        x: &Vec<f32>,
        y: &Vec<f32>,
        dy: &mut Vec<f32>,
        dx: Option<&mut Vec<f32>>,
        gradient: &mut Vec<f32>,
    ) -> Result<()> {
        let cells = rows * layer.outputs;
        let dy = &mut dy[..cells];
        if layer.relu {
            compiled!(self.isa() => switch_off(y: &[f32] = &y[..cells], dy: &mut [f32] = dy));
        }
        let bias = &mut gradient[layer.biases()];
        compiled!(self.isa() => add_rows(dy: &[f32] = dy, sum: &mut [f32] = bias));
        let mut dx = dx;
        let back = Back {
            layer,
            weights: &theta[layer.weights()],
            x: &x[..rows * layer.inputs],
            dy,
            dx: dx.as_mut().map(|dx| &mut dx[..]),
            gradient: &mut gradient[layer.weights()],
        };
        // The plain loops stay plain: the others are compared with them.
        if self.isa() != Isa::Scalar && back.run(self.isa()) {
            return Ok(());
        }
        let weights = Product {
            rows: layer.inputs,
            depth: rows,
            columns: layer.outputs,
            left: Matrix { numbers: x, strides: (1, layer.inputs) },
            right: Matrix { numbers: dy, strides: (layer.outputs, 1) },
            start: Start::Zero,
            relu: false,
        };
        weights.run(self.isa(), &mut gradient[layer.weights()]);
        if let Some(dx) = dx {
            let inputs = Product {
                rows,
                depth: layer.outputs,
                columns: layer.inputs,
                left: Matrix { numbers: dy, strides: (layer.outputs, 1) },
                right: Matrix { numbers: &theta[layer.weights()], strides: (1, layer.outputs) },
                start: Start::Zero,
                relu: false,
            };
            inputs.run(self.isa(), dx);
        }
        Ok(())
    }

    fn linear_chosen(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Vec<f32>,
        x: &Vec<f32>,
        chosen: &Vec<u32>,
        y: &mut Vec<f32>,
    ) -> Result<()> {
        if layer.outputs <= FEW_OUTPUTS {
            let mut all = ALL_OUTPUTS.take();
            all.resize(rows * layer.outputs, 0.0);
            self.linear(layer, rows, theta, x, &mut all)?;
            for ((y, all), &column) in y.iter_mut().zip(all.chunks_exact(layer.outputs)).zip(&chosen[..rows]) {
                *y = all[column as usize];
            }
            ALL_OUTPUTS.set(all);
            return Ok(());
        }
        let columns = Columns { layer, x: &x[..rows * layer.inputs], chosen: &chosen[..rows] };
        compiled!(self.isa() => chosen_outputs(columns: Columns = columns, theta: &[f32] = theta, y: &mut [f32] = y));
        Ok(())
    }

    fn linear_chosen_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Vec<f32>,
        x: &Vec<f32>,
        chosen: &Vec<u32>,
        dy: &Vec<f32>,
        dx: Option<&mut Vec<f32>>,
        gradient: &mut Vec<f32>,
    ) -> Result<()> {
        if layer.outputs <= FEW_OUTPUTS {
            let mut all = ALL_OUTPUTS.take();
            all.clear();
            all.resize(rows * layer.outputs, 0.0);
            for ((all, &dy), &column) in all.chunks_exact_mut(layer.outputs).zip(dy).zip(&chosen[..rows]) {
                all[column as usize] = dy;
            }
            self.linear_back(layer, rows, theta, x, &Vec::new(), &mut all, dx, gradient)?;
            ALL_OUTPUTS.set(all);
            return Ok(());
        }
        let columns = Columns { layer, x: &x[..rows * layer.inputs], chosen: &chosen[..rows] };
        compiled!(self.isa() => chosen_gradient(
            columns: Columns = columns,
            dy: &[f32] = &dy[..rows],
            gradient: &mut [f32] = gradient,
        ));
        if let Some(dx) = dx {
            compiled!(self.isa() => chosen_inputs(
                columns: Columns = columns,
                theta: &[f32] = theta,
                dy: &[f32] = &dy[..rows],
                dx: &mut [f32] = dx,
            ));
        }
        Ok(())
    }
}

impl Linear for Cuda {
    fn linear(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Buffer<f32>,
        x: &Buffer<f32>,
        y: &mut Buffer<f32>,
    ) -> Result<()> {
        let product = DeviceProduct {
            layout: Layout::Forward,
            rows,
            depth: layer.inputs,
            columns: layer.outputs,
            left: (x.first(rows * layer.inputs), layer.inputs),
            right: (theta.part(layer.weights()), layer.outputs),
            start: theta.part(layer.biases()),
            relu: layer.relu,
            out: y.first(rows * layer.outputs),
        };
        product.run(self)
    }

    fn linear_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Buffer<f32>,
        x: &Buffer<f32>,
        y: &Buffer<f32>,
        dy: &mut Buffer<f32>,
        dx: Option<&mut Buffer<f32>>,
        gradient: &mut Buffer<f32>,
    ) -> Result<()> {
        let dy = dy.first(rows * layer.outputs);
        let y = if layer.relu { y.first(rows * layer.outputs) } else { Arg::Nothing };
        let bias = gradient.part(layer.biases());
        let sizes = [rows.into(), layer.outputs.into(), layer.relu.into()];
        self.launch("linear_bias", blocks(layer.outputs, 32), &[&sizes[..], &[y, dy, bias]].concat())?;
        let weights = DeviceProduct {
            layout: Layout::Weights,
            rows: layer.inputs,
            depth: rows,
            columns: layer.outputs,
            left: (x.first(rows * layer.inputs), layer.inputs),
            right: (dy, layer.outputs),
            start: Arg::Nothing,
            relu: false,
            out: gradient.part(layer.weights()),
        };
        weights.run(self)?;
        let Some(dx) = dx else { return Ok(()) };
        let inputs = DeviceProduct {
            layout: Layout::Inputs,
            rows,
            depth: layer.outputs,
            columns: layer.inputs,
            left: (dy, layer.outputs),
            right: (theta.part(layer.weights()), layer.outputs),
            start: Arg::Nothing,
            relu: false,
            out: dx.first(rows * layer.inputs),
        };
        inputs.run(self)
    }

    fn linear_chosen(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Buffer<f32>,
        x: &Buffer<f32>,
        chosen: &Buffer<u32>,
        y: &mut Buffer<f32>,
    ) -> Result<()> {
        let sizes = [rows.into(), layer.inputs.into(), layer.outputs.into()];
        let numbers = [
            theta.part(layer.weights()),
            theta.part(layer.biases()),
            x.first(rows * layer.inputs),
            chosen.first(rows),
            y.first(rows),
        ];
        self.launch("linear_chosen", blocks(rows, 32), &[&sizes[..], &numbers].concat())
    }

    fn linear_chosen_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Buffer<f32>,
        x: &Buffer<f32>,
        chosen: &Buffer<u32>,
        dy: &Buffer<f32>,
        dx: Option<&mut Buffer<f32>>,
        gradient: &mut Buffer<f32>,
    ) -> Result<()> {
        let sizes = [rows.into(), layer.inputs.into(), layer.outputs.into()];
        let (chosen, dy) = (chosen.first(rows), dy.first(rows));
        let (weight, bias) = (gradient.part(layer.weights()), gradient.part(layer.biases()));
        let grid = Grid { blocks: [layer.inputs.div_ceil(32), layer.outputs.div_ceil(8)], threads: 256 };
        let numbers = [x.first(rows * layer.inputs), chosen, dy, weight, bias];
        self.launch("linear_chosen_gradient", grid, &[&sizes[..], &numbers].concat())?;
        let Some(dx) = dx else { return Ok(()) };
        let grid = Grid { blocks: [rows, layer.inputs.div_ceil(128)], threads: 128 };
        let numbers = [theta.part(layer.weights()), chosen, dy, dx.first(rows * layer.inputs)];
        self.launch("linear_chosen_inputs", grid, &[&sizes[..], &numbers].concat())
    }
}

/// dy where y > 0, +0 elsewhere.
#[inline(always)]
fn switch_off(y: &[f32], dy: &mut [f32]) {
    for (dy, &y) in dy.iter_mut().zip(y) {
        *dy = if y > 0.0 { *dy } else { 0.0 };
    }
}

/// Column sums of dy, in row order.
#[inline(always)]
fn add_rows(dy: &[f32], sum: &mut [f32]) {
    sum.fill(0.0);
    for row in dy.chunks_exact(sum.len()) {
        for (sum, dy) in sum.iter_mut().zip(row) {
            *sum += dy;
        }
    }
}

/// Up to so many outputs, the dense form takes less time than the chosen one.
const FEW_OUTPUTS: usize = 32;

thread_local! {
    /// What the dense form computes beside the chosen outputs, kept between calls.
    static ALL_OUTPUTS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Rows of x and the one output column that each chose.
#[derive(Clone, Copy)]
struct Columns<'a> {
    layer: &'a Dense,
    x: &'a [f32],
    chosen: &'a [u32],
}

impl<'a> Columns<'a> {
    /// Row number, row of x and column, in row order.
    #[inline(always)]
    fn rows(self) -> impl Iterator<Item = (usize, &'a [f32], usize)> {
        let rows = self.x.chunks_exact(self.layer.inputs).zip(self.chosen);
        rows.enumerate().map(|(r, (x, &column))| (r, x, column as usize))
    }
    /// Blocks of inputs: their rows of W stay in the cache while all rows of x pass.
    #[inline(always)]
    fn blocks(self) -> impl Iterator<Item = Span> {
        let inputs = self.layer.inputs;
        (0..inputs).step_by(16).map(move |first| first..inputs.min(first + 16))
    }
    /// Where the rows of W that belong to a block of inputs are in the flat buffer.
    #[inline(always)]
    fn weights(self, block: &Span) -> Span {
        self.layer.weight + block.start * self.layer.outputs..self.layer.weight + block.end * self.layer.outputs
    }
}

#[inline(always)]
fn chosen_outputs(columns: Columns, theta: &[f32], y: &mut [f32]) {
    for (r, _, column) in columns.rows() {
        y[r] = theta[columns.layer.bias + column];
    }
    for block in columns.blocks() {
        let weights = &theta[columns.weights(&block)];
        for (r, x, column) in columns.rows() {
            let mut chain = y[r];
            for (x, weights) in x[block.clone()].iter().zip(weights.chunks_exact(columns.layer.outputs)) {
                chain = x.mul_add(weights[column], chain);
            }
            y[r] = chain;
        }
    }
}

/// The dense chains also run over the zeros of dy, which changes nothing but the sign of a zero: −0, which only an
/// underflow leaves, plus a product of +0 is +0. So where a −0 shows up, the dense chain decides.
#[inline(always)]
fn chosen_gradient(columns: Columns, dy: &[f32], gradient: &mut [f32]) {
    let outputs = columns.layer.outputs;
    let bias = &mut gradient[columns.layer.biases()];
    bias.fill(0.0);
    for (r, _, column) in columns.rows() {
        bias[column] += dy[r];
    }
    for block in columns.blocks() {
        let gradient = &mut gradient[columns.weights(&block)];
        gradient.fill(0.0);
        let mut negative_zero = false;
        for (r, x, column) in columns.rows() {
            for (x, gradient) in x[block.clone()].iter().zip(gradient.chunks_exact_mut(outputs)) {
                let chain = x.mul_add(dy[r], gradient[column]);
                negative_zero |= is_negative_zero(chain);
                gradient[column] = chain;
            }
        }
        if negative_zero {
            for (k, gradient) in block.zip(gradient.chunks_exact_mut(outputs)) {
                for (column, gradient) in gradient.iter_mut().enumerate().filter(|(_, g)| is_negative_zero(**g)) {
                    *gradient = columns.rows().fold(0.0, |chain, (r, x, other)| {
                        x[k].mul_add(if other == column { dy[r] } else { 0.0 }, chain)
                    });
                }
            }
        }
    }
}

/// One product each, in the place of a dense chain over all outputs; about −0 see [`chosen_gradient`].
#[inline(always)]
fn chosen_inputs(columns: Columns, theta: &[f32], dy: &[f32], dx: &mut [f32]) {
    let outputs = columns.layer.outputs;
    for block in columns.blocks() {
        let weights = &theta[columns.weights(&block)];
        for (r, x, column) in columns.rows() {
            let dx = &mut dx[r * x.len()..][block.clone()];
            for (dx, weights) in dx.iter_mut().zip(weights.chunks_exact(outputs)) {
                *dx = dy[r].mul_add(weights[column], 0.0);
                if is_negative_zero(*dx) && weights[column + 1..].iter().any(|weight| weight.is_sign_positive()) {
                    *dx = 0.0;
                }
            }
        }
    }
}

#[inline(always)]
fn is_negative_zero(number: f32) -> bool {
    number.to_bits() == (-0.0f32).to_bits()
}

#[cfg(test)]
mod tests {
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
                        for (what, (got, expected)) in
                            ["y", "dy", "dx", "gradient"].iter().zip(got.iter().zip(&expected))
                        {
                            assert_eq!(
                                bits(got),
                                bits(expected),
                                "{what} of {rows}x{inputs}x{outputs} {:?}",
                                cpu.isa()
                            );
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
                    numbers
                        .map(|number| if number.is_nan() { None } else { Some(number.to_bits()) })
                        .collect::<Vec<_>>()
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
                cpu.linear_chosen_back(&layer, rows, &theta, &x, &chosen, &dy, Some(&mut other_dx), &mut other)
                    .unwrap();
                assert_eq!(bits(&y), bits(&picked));
                assert_eq!(bits(&other_dx), bits(&dx));
                assert_eq!(bits(&other), bits(&gradient));
            }
        }
    }
}
