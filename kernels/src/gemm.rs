//! Matrix products with one definition: every element of the result is one chain of fused multiply-adds over the depth,
//! in index order, from a given start.
//!
//! A tile may have any shape, because no tile splits the chain: plain loops, AVX2 and AVX-512 give the same bits.
use crate::{
    cpu::Isa,
    cuda::{Arg, Cuda, Grid, blocks},
    error::{Error, Result},
};

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "intrinsics")]
mod lanes;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "operands are read by address")]
mod sparse;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "operands are read by address")]
mod tiles;

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

impl Matrix<'_> {
    /// Whether the numbers hold rows × columns elements.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0 || columns == 0 || self.numbers.len() > (rows - 1) * self.strides.0 + (columns - 1) * self.strides.1
    }
}

impl Product<'_> {
    /// Computes the product into `out`, rows × columns.
    pub fn run(&self, isa: Isa, out: &mut [f32]) {
        assert!(self.left.holds(self.rows, self.depth) && self.right.holds(self.depth, self.columns));
        assert!(out.len() >= self.rows * self.columns);
        assert!(
            matches!(self.start, Start::Zero) || matches!(self.start, Start::Columns(n) if n.len() >= self.columns)
        );
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => self.avx512(out),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => self.avx2(out),
            _ => self.reference(out),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the machine must have the instructions")]
    fn avx2(&self, out: &mut [f32]) {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn body(product: &Product, out: &mut [f32]) {
            // SAFETY: the caller's.
            unsafe { vectored::<std::arch::x86_64::__m256>(product, out) }
        }
        // SAFETY: a `Cpu` holds an instruction set only after the machine was found to have it; `run` has compared the
        // lengths.
        unsafe { body(self, out) }
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "the machine must have the instructions")]
    fn avx512(&self, out: &mut [f32]) {
        #[target_feature(enable = "avx2,fma,avx512f")]
        unsafe fn body(product: &Product, out: &mut [f32]) {
            // SAFETY: the caller's.
            unsafe { vectored::<std::arch::x86_64::__m512>(product, out) }
        }
        // SAFETY: as for `avx2`.
        unsafe { body(self, out) }
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

/// # Safety
/// The machine has the vectors' instruction set; operands and result hold the elements that the product names.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "operands are read by address")]
#[inline(always)]
unsafe fn vectored<V: lanes::Lanes>(product: &Product, out: &mut [f32]) {
    // SAFETY: the caller's.
    unsafe { if sparse::gains::<V>(product) { sparse::run::<V>(product, out) } else { tiles::run::<V>(product, out) } }
}

/// A product of a dense layer, by how its operands lie on a device.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    /// x · W: the left operand depth-first.
    Forward,
    /// xᵀ · dy: none depth-first.
    Weights,
    /// dy · Wᵀ: both depth-first.
    Inputs,
}

/// The operands of a product on a device, each with the distance of its rows as they lie.
pub(crate) struct DeviceProduct {
    pub layout: Layout,
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub left: (Arg, usize),
    pub right: (Arg, usize),
    /// Where the chains start: one number per column, or nothing for +0.
    pub start: Arg,
    pub relu: bool,
    pub out: Arg,
}

/// From so many tiles of 64 × 64 on, a device has work for its processors; below, tiles of 32 × 32 give it more.
const ENOUGH_TILES: usize = 32;

/// The kernels of a layout: for tiles of 32 and of 64, each for numbers that travel in fours, and one at a time.
type Kernels = [[&'static str; 2]; 2];
const FORWARD: Kernels =
    [["gemm_forward_32", "gemm_forward_32_singles"], ["gemm_forward_64", "gemm_forward_64_singles"]];
const WEIGHTS: Kernels =
    [["gemm_weights_32", "gemm_weights_32_singles"], ["gemm_weights_64", "gemm_weights_64_singles"]];
const INPUTS: Kernels = [["gemm_inputs_32", "gemm_inputs_32_singles"], ["gemm_inputs_64", "gemm_inputs_64_singles"]];

impl DeviceProduct {
    /// Whether every row of every matrix begins and ends on a boundary of four numbers.
    fn is_in_fours(&self) -> bool {
        let (left, right) = match self.layout {
            Layout::Forward => (self.depth, self.columns),
            Layout::Weights => (self.rows, self.columns),
            Layout::Inputs => (self.depth, self.depth),
        };
        [self.left.1, self.right.1, left, right, self.columns].iter().all(|length| length % 4 == 0)
            && [self.left.0, self.right.0, self.out].iter().all(Arg::is_in_fours)
    }

    /// Puts the product into the device's stream.
    pub fn run(self, cuda: &Cuda) -> Result<()> {
        match cuda.blas() {
            None => self.exactly(cuda),
            Some(blas) => {
                blas.product(&self)?;
                self.finish(cuda)
            }
        }
    }

    /// What is not in cuBLAS's product: where it starts, and the ReLU.
    fn finish(&self, cuda: &Cuda) -> Result<()> {
        if matches!(self.start, Arg::Nothing) && !self.relu {
            return Ok(());
        }
        let cells = self.rows * self.columns;
        let sizes = [cells.into(), self.columns.into(), self.relu.into()];
        cuda.launch("linear_finish", blocks(cells, 256), &[&sizes[..], &[self.start, self.out]].concat())
    }

    /// By our own kernels.
    fn exactly(self, cuda: &Cuda) -> Result<()> {
        let tiles = |width: usize| [self.columns.div_ceil(width), self.rows.div_ceil(width)];
        let [across, down] = tiles(64);
        let large = across * down >= ENOUGH_TILES;
        let kernels = match self.layout {
            Layout::Forward => FORWARD,
            Layout::Weights => WEIGHTS,
            Layout::Inputs => INPUTS,
        };
        let kernel = kernels[usize::from(large)][usize::from(!self.is_in_fours())];
        // The kernels reckon places within an operand in 32 bits.
        let longer = if self.rows > self.columns { self.rows } else { self.columns };
        let most = longer.saturating_mul(self.depth);
        if u32::try_from(most).is_err() {
            return Err(Error::Launch { kernel, problem: format!("an operand of {most} numbers is too large") });
        }
        let grid =
            if large { Grid { blocks: tiles(64), threads: 256 } } else { Grid { blocks: tiles(32), threads: 64 } };
        let (rows, depth, columns) = (self.rows.into(), self.depth.into(), self.columns.into());
        let (left, right) = (self.left, self.right);
        cuda.launch(
            kernel,
            grid,
            &[
                rows,
                depth,
                columns,
                left.0,
                left.1.into(),
                right.0,
                right.1.into(),
                self.start,
                self.relu.into(),
                self.out,
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, stream, vectored};

    /// Every height of the result with every way of reading the operands: as they lie or transposed, near or far apart
    /// (where they are packed), whole and partial panels; nothing is written beyond the result.
    #[test]
    fn every_height_and_every_packing() {
        let mut stream = stream(1);
        let left = numbers(&mut stream, 1 << 15);
        let right = numbers(&mut stream, 1 << 15);
        let bias = numbers(&mut stream, 200);
        for rows in 1..=40 {
            for (depth, columns) in [(1, 1), (2, 7), (9, 33), (33, 20), (17, 70), (40, 131)] {
                let far = (1 << 15) / depth / 2 + 1;
                for left_strides in [(depth, 1), (depth + 3, 1), (1, rows), (1, rows.max(far))] {
                    for right_strides in [(columns, 1), (columns + 90, 1), (1, depth), (1, depth + 5)] {
                        let product = Product {
                            rows,
                            depth,
                            columns,
                            left: Matrix { numbers: &left, strides: left_strides },
                            right: Matrix { numbers: &right, strides: right_strides },
                            start: if depth % 2 == 0 { Start::Zero } else { Start::Columns(&bias) },
                            relu: rows % 2 == 0,
                        };
                        let mut expected = vec![7.0; rows * columns + 1];
                        product.run(Isa::Scalar, &mut expected);
                        for cpu in vectored() {
                            let mut out = vec![7.0; rows * columns + 1];
                            product.run(cpu.isa(), &mut out);
                            let shape = (rows, depth, columns, left_strides, right_strides);
                            assert_eq!(bits(&out), bits(&expected), "{shape:?} {:?}", cpu.isa());
                        }
                    }
                }
            }
        }
    }

    /// A product with as many zeros on the left as a ReLU leaves: partial blocks, partial panels, transposed operands; and
    /// where a zero's product is not nothing: at −0, which an underflow or a start leaves, and at an infinite weight.
    #[test]
    fn zeros_are_left_out_without_a_trace() {
        let mut stream = stream(2);
        let mut left = numbers(&mut stream, 1 << 15);
        let mut right = numbers(&mut stream, 1 << 16);
        let mut bias = numbers(&mut stream, 512);
        for (index, number) in left.iter_mut().enumerate() {
            match index % 11 {
                0 | 1 | 4 | 5 | 8 => *number = 0.0,
                2 | 7 => *number = -0.0,
                _ if index % 2 == 0 => *number *= 1e-30,
                _ => {}
            }
        }
        // Rows, and columns of the transposed operand, with nothing but small numbers.
        left[..2000].iter_mut().for_each(|number| *number *= 1e-30);
        for (index, number) in right.iter_mut().enumerate() {
            match index % 7 {
                0 | 1 => *number *= 1e-30,
                3 => *number = 0.0,
                4 => *number = -0.0,
                _ => {}
            }
        }
        (0..512).step_by(3).for_each(|index| bias[index] = -0.0);
        let mut traces = 0;
        for (rows, depth, columns) in [(16, 32, 64), (17, 40, 96), (64, 100, 64), (33, 64, 128), (40, 200, 192)] {
            for left_strides in [(depth, 1), (1, rows)] {
                for right_strides in [(columns, 1), (columns + 9, 1), (1, depth), (1, depth + 5)] {
                    for (infinite, relu, start) in [
                        (false, false, Start::Zero),
                        (false, false, Start::Columns(&bias)),
                        (false, true, Start::Columns(&bias)),
                        (true, false, Start::Zero),
                        (true, true, Start::Columns(&bias)),
                    ] {
                        let mut right = right.clone();
                        if infinite {
                            right[(depth / 2) * right_strides.0 + (columns / 3) * right_strides.1] = f32::INFINITY;
                        }
                        let product = Product {
                            rows,
                            depth,
                            columns,
                            left: Matrix { numbers: &left, strides: left_strides },
                            right: Matrix { numbers: &right, strides: right_strides },
                            start,
                            relu,
                        };
                        let mut expected = vec![7.0; rows * columns + 1];
                        product.run(Isa::Scalar, &mut expected);
                        for (cell, expected) in expected[..rows * columns].iter().enumerate() {
                            let (i, j) = (cell / columns, cell % columns);
                            let mut chain = if matches!(start, Start::Zero) { 0.0 } else { bias[j] };
                            for k in 0..depth {
                                let number = left[i * left_strides.0 + k * left_strides.1];
                                let factor = right[k * right_strides.0 + j * right_strides.1];
                                chain = if number == 0.0 { chain } else { number.mul_add(factor, chain) };
                            }
                            traces += usize::from(!relu && chain.to_bits() != expected.to_bits());
                        }
                        for cpu in vectored() {
                            let mut out = vec![7.0; rows * columns + 1];
                            product.run(cpu.isa(), &mut out);
                            let shape = (rows, depth, columns, left_strides, right_strides, infinite, relu);
                            let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
                            assert!(out.iter().zip(&expected).all(same), "{shape:?} {:?}", cpu.isa());
                        }
                    }
                }
            }
        }
        assert!(traces > 100, "plainly leaving out zeros must be wrong in some places: {traces}");
    }
}
