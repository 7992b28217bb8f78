//! Layers of which each row needs one output only, the one of its action.
use super::{Dense, is_negative_zero};
use crate::device::Span;
use std::cell::RefCell;

/// Up to so many outputs, the dense form takes less time than the chosen one.
pub(super) const FEW_OUTPUTS: usize = 32;

thread_local! {
    /// What the dense form computes beside the chosen outputs, kept between calls.
    pub(super) static ALL_OUTPUTS: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Rows of x and the one output column that each chose.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) layer: &'a Dense,
    pub(super) x: &'a [f32],
    pub(super) chosen: &'a [u32],
}

impl<'a> Columns<'a> {
    /// Row number, row of x and column, in row order.
    #[inline(always)]
    pub(super) fn rows(self) -> impl Iterator<Item = (usize, &'a [f32], usize)> {
        let rows = self.x.chunks_exact(self.layer.inputs).zip(self.chosen);
        rows.enumerate().map(|(r, (x, &column))| (r, x, column as usize))
    }
    /// Blocks of inputs: their rows of W stay in the cache while all rows of x pass.
    #[inline(always)]
    pub(super) fn blocks(self) -> impl Iterator<Item = Span> {
        let inputs = self.layer.inputs;
        (0..inputs).step_by(16).map(move |first| first..inputs.min(first + 16))
    }
    /// Where the rows of W that belong to a block of inputs are in the flat buffer.
    #[inline(always)]
    pub(super) fn weights(self, block: &Span) -> Span {
        self.layer.weight + block.start * self.layer.outputs..self.layer.weight + block.end * self.layer.outputs
    }
}

#[inline(always)]
pub(super) fn chosen_outputs(columns: Columns, theta: &[f32], y: &mut [f32]) {
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
pub(super) fn chosen_gradient(columns: Columns, dy: &[f32], gradient: &mut [f32]) {
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
pub(super) fn chosen_inputs(columns: Columns, theta: &[f32], dy: &[f32], dx: &mut [f32]) {
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
