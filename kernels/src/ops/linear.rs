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
use chosen::{ALL_OUTPUTS, Columns, FEW_OUTPUTS, chosen_gradient, chosen_inputs, chosen_outputs};

mod alive;
mod chosen;
#[cfg(test)]
mod tests;

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

#[inline(always)]
fn is_negative_zero(number: f32) -> bool {
    number.to_bits() == (-0.0f32).to_bits()
}
