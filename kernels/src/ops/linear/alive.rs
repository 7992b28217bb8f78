//! The way back through a layer of which many outputs are off in the whole batch, as units that have died are: products
//! over the others alone, with the bits of the dense form.
//!
//! The gradient of a weight to such an output is a chain of zeros, +0 for finite x. In ∂x such an output's product changes
//! nothing but the sign of a zero, for finite weights; so where a −0 shows up, the whole chain decides.
use super::{Dense, is_negative_zero};
use crate::{
    cpu::Isa,
    dispatch::compiled,
    gemm::{Matrix, Product, Start},
};
use std::cell::RefCell;

/// Rows and outputs from which the search for dead ones pays.
const LEAST: (usize, usize) = (16, 64);

/// What is packed, kept between calls.
#[derive(Default)]
struct Room {
    /// Per output the bits of its column of dy, signs left out.
    column: Vec<u32>,
    /// Outputs that are on somewhere in the batch.
    alive: Vec<usize>,
    /// Their columns of dy, of W, and of ∂W.
    dy: Vec<f32>,
    weights: Vec<f32>,
    gradient: Vec<f32>,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// The operands of a layer's way back, each cut to its length; dy is already off where the ReLU was.
pub(super) struct Back<'a> {
    pub layer: &'a Dense,
    pub weights: &'a [f32],
    pub x: &'a [f32],
    pub dy: &'a [f32],
    pub dx: Option<&'a mut [f32]>,
    pub gradient: &'a mut [f32],
}

impl Back<'_> {
    /// Computes ∂W and ∂x when enough outputs are dead for that to take less time; else returns false and does nothing.
    pub fn run(self, isa: Isa) -> bool {
        let Dense { inputs, outputs, .. } = *self.layer;
        let rows = self.dy.len() / outputs;
        if rows < LEAST.0 || outputs < LEAST.1 {
            return false;
        }
        ROOM.with_borrow_mut(|room| {
            room.search(isa, outputs, self.dy);
            let count = room.alive.len();
            if 3 * count > 2 * outputs || !is_finite(isa, self.x) || !is_finite(isa, self.weights) {
                return false;
            }
            // As long as the largest, because a length that varies from call to call would allocate.
            room.dy.resize(rows * outputs, 0.0);
            room.weights.resize(inputs * outputs, 0.0);
            room.gradient.resize(inputs * outputs, 0.0);
            self.gradient.fill(0.0);
            if count > 0 {
                gather(&room.alive, self.dy, outputs, &mut room.dy);
                let weights = Product {
                    rows: inputs,
                    depth: rows,
                    columns: count,
                    left: Matrix { numbers: self.x, strides: (1, inputs) },
                    right: Matrix { numbers: &room.dy, strides: (count, 1) },
                    start: Start::Zero,
                    relu: false,
                };
                weights.run(isa, &mut room.gradient);
                scatter(&room.alive, &room.gradient, outputs, self.gradient);
            }
            let Some(dx) = self.dx else { return true };
            let dx = &mut dx[..rows * inputs];
            if count == 0 {
                dx.fill(0.0);
            } else {
                gather(&room.alive, self.weights, outputs, &mut room.weights);
                let inputs = Product {
                    rows,
                    depth: count,
                    columns: inputs,
                    left: Matrix { numbers: &room.dy, strides: (count, 1) },
                    right: Matrix { numbers: &room.weights, strides: (1, count) },
                    start: Start::Zero,
                    relu: false,
                };
                inputs.run(isa, dx);
            }
            for (dx, dy) in dx.chunks_exact_mut(inputs).zip(self.dy.chunks_exact(outputs)) {
                for (dx, weights) in dx.iter_mut().zip(self.weights.chunks_exact(outputs)) {
                    if is_negative_zero(*dx) {
                        *dx = dy.iter().zip(weights).fold(0.0, |chain, (dy, weight)| dy.mul_add(*weight, chain));
                    }
                }
            }
            true
        })
    }
}

impl Room {
    /// Finds the outputs that are on.
    fn search(&mut self, isa: Isa, outputs: usize, dy: &[f32]) {
        self.column.clear();
        self.column.resize(outputs, 0);
        compiled!(isa => join(dy: &[f32] = dy, column: &mut [u32] = &mut self.column));
        self.alive.clear();
        self.alive.reserve(outputs);
        self.alive.extend((0..outputs).filter(|&n| self.column[n] != 0));
    }
}

#[inline(always)]
fn join(dy: &[f32], column: &mut [u32]) {
    for row in dy.chunks_exact(column.len()) {
        for (column, dy) in column.iter_mut().zip(row) {
            *column |= dy.to_bits() << 1;
        }
    }
}

/// The alive columns of a matrix, side by side.
fn gather(alive: &[usize], from: &[f32], columns: usize, to: &mut [f32]) {
    for (to, from) in to.chunks_exact_mut(alive.len()).zip(from.chunks_exact(columns)) {
        for (to, &n) in to.iter_mut().zip(alive) {
            *to = from[n];
        }
    }
}

/// Back to where they were.
fn scatter(alive: &[usize], from: &[f32], columns: usize, to: &mut [f32]) {
    for (from, to) in from.chunks_exact(alive.len()).zip(to.chunks_exact_mut(columns)) {
        for (from, &n) in from.iter().zip(alive) {
            to[n] = *from;
        }
    }
}

fn is_finite(isa: Isa, numbers: &[f32]) -> bool {
    compiled!(isa => all_finite(numbers: &[f32] = numbers) -> bool)
}

/// Whether no exponent is full.
#[inline(always)]
fn all_finite(numbers: &[f32]) -> bool {
    let mut most = 0;
    for number in numbers {
        let magnitude = number.to_bits() << 1;
        most = if magnitude > most { magnitude } else { most };
    }
    most < f32::INFINITY.to_bits() << 1
}
