//! Normalised advantage functions (Gu et al. 2016, eq. 11): Q(s, u) = V − ½ (u − μ)ᵀ L Lᵀ (u − μ), there and back, so that
//! the best real numbers and their value are outputs of the network.
//!
//! Output row: \[V, m₁ … m_D, lower triangle of L row by row\]. μ = tanh m, because real numbers live in \[−1, 1\]; the
//! diagonal of L is e^ of what stands there. z = Lᵀ(u − μ) sums over rows in index order from +0, and so do z² and L z.
//! Gradients: ∂Q/∂V = 1, ∂Q/∂m = L z (1 − μ²), ∂Q/∂L_ij = −z_j (u − μ)_i, times L_ii on the diagonal.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
};
use envs::math::{exp, tanh};

/// Numbers in an output row for `reals` real numbers.
pub fn naf_outputs(reals: usize) -> usize {
    1 + reals + reals * (reals + 1) / 2
}

/// The normalised advantage.
pub trait Naf: Device {
    /// The best real numbers, best\[rows × reals\], and their value\[rows\].
    ///
    /// # Errors
    /// When the device fails.
    fn naf_best(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Self::Buf<f32>,
        best: &mut Self::Buf<f32>,
        value: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// q\[rows\] of real\[rows × reals\].
    ///
    /// # Errors
    /// When the device fails.
    fn naf(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Self::Buf<f32>,
        real: &Self::Buf<f32>,
        q: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From dq\[rows\] to doutputs.
    ///
    /// # Errors
    /// When the device fails.
    fn naf_back(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Self::Buf<f32>,
        real: &Self::Buf<f32>,
        dq: &Self::Buf<f32>,
        doutputs: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Naf for Cpu {
    fn naf_best(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Vec<f32>,
        best: &mut Vec<f32>,
        value: &mut Vec<f32>,
    ) -> Result<()> {
        let width = naf_outputs(reals);
        compiled!(self.isa() => peaks(
            reals: usize = reals,
            outputs: &[f32] = &outputs[..rows * width],
            best: &mut [f32] = &mut best[..rows * reals],
            value: &mut [f32] = &mut value[..rows],
        ));
        Ok(())
    }

    fn naf(&self, rows: usize, reals: usize, outputs: &Vec<f32>, real: &Vec<f32>, q: &mut Vec<f32>) -> Result<()> {
        let width = naf_outputs(reals);
        compiled!(self.isa() => there(
            reals: usize = reals,
            outputs: &[f32] = &outputs[..rows * width],
            real: &[f32] = &real[..rows * reals],
            q: &mut [f32] = &mut q[..rows],
        ));
        Ok(())
    }

    fn naf_back(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Vec<f32>,
        real: &Vec<f32>,
        dq: &Vec<f32>,
        doutputs: &mut Vec<f32>,
    ) -> Result<()> {
        let width = naf_outputs(reals);
        compiled!(self.isa() => back(
            reals: usize = reals,
            outputs: &[f32] = &outputs[..rows * width],
            real: &[f32] = &real[..rows * reals],
            dq: &[f32] = &dq[..rows],
            doutputs: &mut [f32] = &mut doutputs[..rows * width],
        ));
        Ok(())
    }
}

impl Naf for Cuda {
    fn naf_best(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Buffer<f32>,
        best: &mut Buffer<f32>,
        value: &mut Buffer<f32>,
    ) -> Result<()> {
        let width = naf_outputs(reals);
        let sizes = [rows.into(), reals.into(), width.into()];
        let numbers = [outputs.first(rows * width), best.first(rows * reals), value.first(rows)];
        self.launch("naf_best", blocks(rows, 64), &[sizes, numbers].concat())
    }

    fn naf(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Buffer<f32>,
        real: &Buffer<f32>,
        q: &mut Buffer<f32>,
    ) -> Result<()> {
        let width = naf_outputs(reals);
        let sizes = [rows.into(), reals.into(), width.into()];
        let numbers = [outputs.first(rows * width), real.first(rows * reals), q.first(rows)];
        self.launch("naf", blocks(rows, 64), &[sizes, numbers].concat())
    }

    fn naf_back(
        &self,
        rows: usize,
        reals: usize,
        outputs: &Buffer<f32>,
        real: &Buffer<f32>,
        dq: &Buffer<f32>,
        doutputs: &mut Buffer<f32>,
    ) -> Result<()> {
        let width = naf_outputs(reals);
        let (outputs, doutputs) = (outputs.first(rows * width), doutputs.first(rows * width));
        let sizes = [rows.into(), reals.into(), width.into(), outputs];
        let numbers = [real.first(rows * reals), dq.first(rows), doutputs];
        self.launch("naf_back", blocks(rows, 64), &[&sizes[..], &numbers].concat())
    }
}

/// Where L_ij is in an output row.
#[inline(always)]
fn lower(reals: usize, i: usize, j: usize) -> usize {
    1 + reals + i * (i + 1) / 2 + j
}

/// L_ij.
#[inline(always)]
fn factor(row: &[f32], reals: usize, i: usize, j: usize) -> f32 {
    let raw = row[lower(reals, i, j)];
    if i == j { exp(raw) } else { raw }
}

/// z_j, number j of Lᵀ(u − μ).
#[inline(always)]
fn projected(row: &[f32], u: &[f32], j: usize) -> f32 {
    (j..u.len()).fold(0.0, |z, i| z + factor(row, u.len(), i, j) * (u[i] - tanh(row[1 + i])))
}

#[inline(always)]
fn peaks(reals: usize, outputs: &[f32], best: &mut [f32], value: &mut [f32]) {
    let rows = outputs.chunks_exact(naf_outputs(reals)).zip(best.chunks_exact_mut(reals));
    for ((row, best), value) in rows.zip(value) {
        *value = row[0];
        best.iter_mut().zip(&row[1..]).for_each(|(best, raw)| *best = tanh(*raw));
    }
}

#[inline(always)]
fn there(reals: usize, outputs: &[f32], real: &[f32], q: &mut [f32]) {
    let rows = outputs.chunks_exact(naf_outputs(reals)).zip(real.chunks_exact(reals));
    for ((row, u), q) in rows.zip(q) {
        let mut squares = 0.0;
        for j in 0..reals {
            let z = projected(row, u, j);
            squares += z * z;
        }
        *q = row[0] - 0.5 * squares;
    }
}

#[inline(always)]
fn back(reals: usize, outputs: &[f32], real: &[f32], dq: &[f32], doutputs: &mut [f32]) {
    let width = naf_outputs(reals);
    let rows = outputs.chunks_exact(width).zip(real.chunks_exact(reals)).zip(dq);
    for (((row, u), slope), drow) in rows.zip(doutputs.chunks_exact_mut(width)) {
        // z stands where the gradient by the diagonal will be, until it is used up.
        for j in 0..reals {
            drow[lower(reals, j, j)] = projected(row, u, j);
        }
        drow[0] = *slope;
        for i in (0..reals).rev() {
            let mean = tanh(row[1 + i]);
            let (d, mut pull) = (u[i] - mean, 0.0);
            for j in 0..=i {
                let (z, l) = (drow[lower(reals, j, j)], factor(row, reals, i, j));
                pull += l * z;
                drow[lower(reals, i, j)] = -(slope * (z * d * if i == j { l } else { 1.0 }));
            }
            drow[1 + i] = slope * (pull * (1.0 - mean * mean));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    /// V = 2, μ = (.3, −.4) = tanh of the second and third output, L = [[e^.1, 0], [.5, e^−.2]], u = (1, .2); numbers computed in f64.
    #[test]
    fn worked_numbers() {
        let row = vec![2.0, 0.309_519_6, -0.423_648_93, 0.1, 0.5, -0.2];
        let u = vec![1.0, 0.2];
        let (mut q, mut best, mut value) = (vec![0.0], vec![0.0; 2], vec![0.0]);
        plain().naf(1, 2, &row, &u, &mut q).unwrap();
        assert!((q[0] - 1.303_012_8).abs() < 1e-6, "{q:?}");
        plain().naf_best(1, 2, &row, &mut best, &mut value).unwrap();
        assert!((best[0] - 0.3).abs() < 1e-6 && (best[1] + 0.4).abs() < 1e-6 && value == [2.0]);
        let mut gradient = vec![f32::NAN; 6];
        plain().naf_back(1, 2, &row, &u, &vec![1.0], &mut gradient).unwrap();
        // By μ it is the opposite of that by u; by m it has the slope of tanh besides.
        let by_mean = [1.186_533_2 * (1.0 - 0.09), 0.939_001_85 * (1.0 - 0.16)];
        let expected = [1.0, by_mean[0], by_mean[1], -0.830_573_26, -0.644_171_8, -0.241_315_22];
        for (got, expected) in gradient.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{gradient:?}");
        }
    }

    /// Every output's gradient of Σ slope · Q against central differences in steps of 2⁻⁸: curvature and rounding remain.
    #[test]
    fn gradient_is_the_slope() {
        for reals in [1, 2, 3, 5] {
            let (rows, mut stream) = (3, stream(reals as u64));
            let width = naf_outputs(reals);
            let (outputs, u) = (numbers(&mut stream, rows * width), numbers(&mut stream, rows * reals));
            let slope = numbers(&mut stream, rows);
            let loss = |outputs: &Vec<f32>| -> f64 {
                let mut q = vec![0.0; rows];
                plain().naf(rows, reals, outputs, &u, &mut q).unwrap();
                q.iter().zip(&slope).map(|(q, slope)| f64::from(*q) * f64::from(*slope)).sum()
            };
            let mut gradient = vec![f32::NAN; rows * width];
            plain().naf_back(rows, reals, &outputs, &u, &slope, &mut gradient).unwrap();
            let step = 1.0 / 256.0;
            for at in 0..outputs.len() {
                let moved = |by: f32| {
                    let mut moved = outputs.clone();
                    moved[at] += by;
                    loss(&moved)
                };
                let found = (moved(step) - moved(-step)) / f64::from(2.0 * step);
                let error = (found - f64::from(gradient[at])).abs();
                assert!(error < 2e-3 * (1.0 + found.abs()), "{reals} {at}: {found} {}", gradient[at]);
            }
        }
    }

    #[test]
    fn bodies_agree_in_every_bit() {
        for (rows, reals) in [(1, 1), (33, 2), (5, 7)] {
            let mut stream = stream(rows as u64);
            let outputs = numbers(&mut stream, rows * naf_outputs(reals));
            let u = numbers(&mut stream, rows * reals);
            let all = |cpu: &Cpu| {
                let (mut best, mut q) = (vec![0.0; rows * reals], vec![0.0; rows]);
                let mut gradient = outputs.clone();
                cpu.naf_best(rows, reals, &outputs, &mut best, &mut q).unwrap();
                cpu.naf(rows, reals, &outputs, &u, &mut q).unwrap();
                cpu.naf_back(rows, reals, &outputs, &u, &q, &mut gradient).unwrap();
                [bits(&best), bits(&q), bits(&gradient)]
            };
            vectored().iter().for_each(|cpu| assert_eq!(all(cpu), all(&plain())));
        }
    }
}
