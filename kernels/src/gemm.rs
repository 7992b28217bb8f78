//! Matrix products with one definition: every element of the result is one chain of fused multiply-adds over the depth,
//! in index order, from a given start.
//!
//! A tile may have any shape, because no tile splits the chain: plain loops, AVX2 and AVX-512 give the same bits.
use crate::cpu::Isa;

/// Where the chains start.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// At +0.
    Zero,
    /// At one number per column.
    Columns(&'a [f32]),
}

/// One operand: element (i, j) is `numbers[i · strides.0 + j · strides.1]`, and one of the strides is 1.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    pub numbers: &'a [f32],
    pub strides: (usize, usize),
}

/// out\[i\]\[j\] = start\[j\] + Σ_k left\[i\]\[k\] · right\[k\]\[j\], and the ReLU of it.
#[derive(Clone, Copy)]
pub(crate) struct Product<'a> {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub left: Matrix<'a>,
    pub right: Matrix<'a>,
    pub start: Start<'a>,
    pub relu: bool,
}

impl Product<'_> {
    /// Computes the product into `out`, rows × columns.
    pub fn run(&self, isa: Isa, out: &mut [f32]) {
        let _ = isa;
        self.reference(out);
    }

    fn reference(&self, out: &mut [f32]) {
        for i in 0..self.rows {
            for j in 0..self.columns {
                let mut chain = match self.start {
                    Start::Zero => 0.0,
                    Start::Columns(numbers) => numbers[j],
                };
                for k in 0..self.depth {
                    let left = self.left.numbers[i * self.left.strides.0 + k * self.left.strides.1];
                    let right = self.right.numbers[k * self.right.strides.0 + j * self.right.strides.1];
                    chain = left.mul_add(right, chain);
                }
                out[i * self.columns + j] = if !self.relu || chain > 0.0 { chain } else { 0.0 };
            }
        }
    }
}
