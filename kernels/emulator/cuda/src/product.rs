//! Matrix products of the emulated cuBLAS.
//!
//! Each element is one chain of fused multiply-adds over k = 0, 1, 2, …, as on the CPU. The chain starts at the element
//! of C where `alpha` and `beta` are 1, else at +0. The real library promises no order. In TF32 the factors are rounded to
//! 11 significant bits first, to nearest even; how a device rounds them is not documented, but not worse than by its last bit.
use crate::memory::Memory;

/// C ← alpha · op(A) · op(B) + beta · C, column-major, as in BLAS; also a batch of them at fixed distances.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Whether A is taken transposed.
    pub transpose_a: bool,
    /// Whether B is.
    pub transpose_b: bool,
    /// Whether factors are rounded to TF32.
    pub tf32: bool,
    /// Rows of C.
    pub m: usize,
    /// Columns of C.
    pub n: usize,
    /// Length of the chains.
    pub k: usize,
    /// Factor of the product.
    pub alpha: f32,
    /// Factor of what C held.
    pub beta: f32,
    /// A, B and C.
    pub matrices: [Matrix; 3],
    /// How many products.
    pub batch: usize,
}

/// A matrix on the device.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Matrix {
    /// First element.
    pub address: u64,
    /// Elements from column to column.
    pub leading: usize,
    /// Elements from matrix to matrix of a batch.
    pub stride: i64,
}

impl Matrix {
    /// Matrix `index` of the batch, `columns` columns of `rows` elements, column after column.
    fn read(&self, memory: &mut Memory, index: usize, rows: usize, columns: usize) -> Result<Vec<f32>, String> {
        let mut elements = Vec::with_capacity(rows * columns);
        for column in 0..columns {
            let bytes = self.column(memory, index, rows, column)?;
            elements.extend(bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("4 bytes"))));
        }
        Ok(elements)
    }

    fn column<'m>(
        &self,
        memory: &'m mut Memory,
        index: usize,
        rows: usize,
        column: usize,
    ) -> Result<&'m mut [u8], String> {
        let offset = 4 * (index as i64 * self.stride + (column * self.leading) as i64);
        let address = self.address.wrapping_add(offset as u64);
        let outside = format!("sgemm: column {column} of {rows} rows at {address:#x}: {}", memory.explain(address));
        memory.slice(address, 4 * rows as u64).ok_or(outside)
    }
}

impl Product {
    /// Fused multiply-adds that it takes.
    pub fn chain_links(&self) -> u64 {
        (self.m * self.n * self.k * self.batch) as u64
    }

    /// Computes it.
    pub fn run(&self, memory: &mut Memory) -> Result<(), String> {
        let [a, b, c] = self.matrices;
        let shape = |transpose: bool, rows, columns| if transpose { (columns, rows) } else { (rows, columns) };
        let (a_rows, a_columns) = shape(self.transpose_a, self.m, self.k);
        let (b_rows, b_columns) = shape(self.transpose_b, self.k, self.n);
        for index in 0..self.batch {
            let mut left = a.read(memory, index, a_rows, a_columns)?;
            let mut right = b.read(memory, index, b_rows, b_columns)?;
            if self.tf32 {
                left.iter_mut().chain(&mut right).for_each(|factor| *factor = rounded(*factor));
            }
            // Chains of a column of C run side by side: A by rows of k, B by columns.
            let left = if self.transpose_a { transposed(&left, a_rows, a_columns) } else { left };
            let right = if self.transpose_b { transposed(&right, b_rows, b_columns) } else { right };
            for column in 0..self.n {
                let bytes = c.column(memory, index, self.m, column)?;
                let old = bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("4 bytes")));
                let continues = self.alpha == 1.0 && self.beta == 1.0;
                let mut chains: Vec<f32> = if continues { old.clone().collect() } else { vec![0.0; self.m] };
                multiply(&mut chains, &left, &right[column * self.k..(column + 1) * self.k]);
                if !continues {
                    for (chain, old) in chains.iter_mut().zip(old) {
                        // With beta 0 what C held is not read, were it NaN.
                        let scaled = self.alpha * *chain;
                        *chain = if self.beta == 0.0 { scaled } else { self.beta.mul_add(old, scaled) };
                    }
                }
                for (bytes, chain) in bytes.chunks_exact_mut(4).zip(chains) {
                    bytes.copy_from_slice(&chain.to_le_bytes());
                }
            }
        }
        Ok(())
    }
}

/// The nearest number with 11 significant bits.
fn rounded(number: f32) -> f32 {
    const DROPPED: u32 = 13;
    if !number.is_finite() {
        return number;
    }
    let bits = number.to_bits();
    let half = (1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1);
    f32::from_bits((bits + half) >> DROPPED << DROPPED)
}

/// `elements` with `rows` rows, by rows instead of columns.
fn transposed(elements: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows).flat_map(|row| (0..columns).map(move |column| elements[column * rows + row])).collect()
}

/// chains[i] continued by left[l][i] · right[l] for every l.
fn multiply(chains: &mut [f32], left: &[f32], right: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the machine has these instructions.
        return unsafe { multiply_avx2(chains, left, right) };
    }
    multiply_plain(chains, left, right);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn multiply_avx2(chains: &mut [f32], left: &[f32], right: &[f32]) {
    multiply_plain(chains, left, right);
}

#[inline(always)]
fn multiply_plain(chains: &mut [f32], left: &[f32], right: &[f32]) {
    for (row, factor) in left.chunks_exact(chains.len().max(1)).zip(right) {
        for (chain, element) in chains.iter_mut().zip(row) {
            *chain = element.mul_add(*factor, *chain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// op(A)(i, l) of a column-major matrix.
    fn element(numbers: &[f32], transpose: bool, leading: usize, row: usize, column: usize) -> f32 {
        if transpose { numbers[row * leading + column] } else { numbers[column * leading + row] }
    }

    fn upload(memory: &mut Memory, numbers: &[f32]) -> u64 {
        let address = memory.allocate(4 * numbers.len() as u64);
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        memory.slice(address, bytes.len() as u64).unwrap().copy_from_slice(&bytes);
        address
    }

    /// Every transposition, factors 0, 1 and others, a batch of two, leading dimensions larger than the rows.
    #[test]
    fn every_element_is_one_chain_in_index_order() {
        let (m, n, k, batch) = (3, 4, 5, 2);
        let (leading, size) = (7, 7 * 7);
        let numbers = |seed: usize| -> Vec<f32> {
            (0..batch * size).map(|index| ((index * 37 + seed) % 101) as f32 / 17.0 - 3.0).collect()
        };
        let (a, b, c) = (numbers(1), numbers(2), numbers(3));
        for (transpose_a, transpose_b) in [(false, false), (true, false), (false, true), (true, true)] {
            for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (0.5, 0.0), (2.0, 0.25)] {
                let mut memory = Memory::default();
                let addresses = [&a, &b, &c].map(|numbers| upload(&mut memory, numbers));
                let matrices = addresses.map(|address| Matrix { address, leading, stride: size as i64 });
                let tf32 = false;
                Product { transpose_a, transpose_b, tf32, m, n, k, alpha, beta, matrices, batch }
                    .run(&mut memory)
                    .unwrap();
                let mut expected = c.clone();
                for z in 0..batch {
                    let (a, b) = (&a[z * size..], &b[z * size..]);
                    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
                        let old = c[z * size + j * leading + i];
                        let start = if alpha == 1.0 && beta == 1.0 { old } else { 0.0 };
                        let chain = (0..k).fold(start, |chain, l| {
                            let (left, right) =
                                (element(a, transpose_a, leading, i, l), element(b, transpose_b, leading, l, j));
                            left.mul_add(right, chain)
                        });
                        expected[z * size + j * leading + i] = match (alpha, beta) {
                            (1.0, 1.0) => chain,
                            (_, 0.0) => alpha * chain,
                            _ => beta.mul_add(old, alpha * chain),
                        };
                    }
                }
                let bytes = memory.slice(addresses[2], 4 * c.len() as u64).unwrap();
                let found = bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
                assert!(found.eq(expected), "{transpose_a} {transpose_b} {alpha} {beta}");
            }
        }
    }

    #[test]
    fn a_matrix_that_runs_out_of_its_memory_is_a_fault() {
        let mut memory = Memory::default();
        let matrices = [4, 4, 3].map(|count| upload(&mut memory, &vec![1.0; count]));
        let matrices = matrices.map(|address| Matrix { address, leading: 2, stride: 0 });
        let (transpose_a, transpose_b, alpha, beta) = (false, false, 1.0, 0.0);
        let (tf32, m, n, k) = (false, 2, 2, 2);
        let product = Product { transpose_a, transpose_b, tf32, m, n, k, alpha, beta, matrices, batch: 1 };
        assert!(product.run(&mut memory).unwrap_err().contains("column 1 of 2 rows"));
    }
    /// Ties go to even; what has 11 bits stays; signs and exponents are kept.
    #[test]
    fn tf32_keeps_11_bits() {
        let unit = 1.0 / 1024.0;
        for (number, expected) in [
            (1.0, 1.0),
            (1.0 + unit, 1.0 + unit),
            (1.0 + 0.5 * unit, 1.0),
            (1.0 + 1.5 * unit, 1.0 + 2.0 * unit),
            (-1.0 - 0.75 * unit, -1.0 - unit),
            (2.0 - 0.25 * unit, 2.0),
            (f32::INFINITY, f32::INFINITY),
            (-0.0, -0.0),
        ] {
            assert_eq!(rounded(number).to_bits(), f32::to_bits(expected), "{number}");
        }
        assert!(rounded(f32::NAN).is_nan());
        let mut memory = Memory::default();
        let [a, b, c] = [1.0 + 0.5 * unit, 3.0, 9.0].map(|number| upload(&mut memory, &[number]));
        let matrices = [a, b, c].map(|address| Matrix { address, leading: 1, stride: 0 });
        let (transpose_a, transpose_b, tf32, m, n, k) = (false, false, true, 1, 1, 1);
        let (alpha, beta, batch) = (1.0, 0.0, 1);
        Product { transpose_a, transpose_b, tf32, m, n, k, alpha, beta, matrices, batch }.run(&mut memory).unwrap();
        assert_eq!(memory.slice(c, 4).unwrap(), 3f32.to_le_bytes());
    }
}
