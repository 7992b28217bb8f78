//! Dueling head (Wang et al. 2016, eq. 9): Q(s, a) = V(s) + A(s, a) − mean over a' of A(s, a'), there and back.
//!
//! Input row: \[V, A₀, A₁, …\]. The mean is a sum in index order divided by the number of actions.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
};

/// The dueling head.
pub trait Dueling: Device {
    /// q\[rows × actions\] from x\[rows × (1 + actions)\].
    ///
    /// # Errors
    /// When the device fails.
    fn dueling(&self, rows: usize, actions: usize, x: &Self::Buf<f32>, q: &mut Self::Buf<f32>) -> Result<()>;

    /// dx\[rows × (1 + actions)\] from dq\[rows × actions\].
    ///
    /// # Errors
    /// When the device fails.
    fn dueling_back(&self, rows: usize, actions: usize, dq: &Self::Buf<f32>, dx: &mut Self::Buf<f32>) -> Result<()>;
}

impl Dueling for Cpu {
    fn dueling(&self, rows: usize, actions: usize, x: &Vec<f32>, q: &mut Vec<f32>) -> Result<()> {
        compiled!(self.isa() => there(
            actions: usize = actions,
            x: &[f32] = &x[..rows * (1 + actions)],
            q: &mut [f32] = &mut q[..rows * actions],
        ));
        Ok(())
    }

    fn dueling_back(&self, rows: usize, actions: usize, dq: &Vec<f32>, dx: &mut Vec<f32>) -> Result<()> {
        compiled!(self.isa() => back(
            actions: usize = actions,
            dq: &[f32] = &dq[..rows * actions],
            dx: &mut [f32] = &mut dx[..rows * (1 + actions)],
        ));
        Ok(())
    }
}

impl Dueling for Cuda {
    fn dueling(&self, rows: usize, actions: usize, x: &Buffer<f32>, q: &mut Buffer<f32>) -> Result<()> {
        let (x, q) = (x.first(rows * (1 + actions)), q.first(rows * actions));
        self.launch("dueling", blocks(rows, 32), &[rows.into(), actions.into(), x, q])
    }

    fn dueling_back(&self, rows: usize, actions: usize, dq: &Buffer<f32>, dx: &mut Buffer<f32>) -> Result<()> {
        let (dq, dx) = (dq.first(rows * actions), dx.first(rows * (1 + actions)));
        self.launch("dueling_back", blocks(rows, 32), &[rows.into(), actions.into(), dq, dx])
    }
}

#[inline(always)]
fn there(actions: usize, x: &[f32], q: &mut [f32]) {
    for (x, q) in x.chunks_exact(1 + actions).zip(q.chunks_exact_mut(actions)) {
        let (value, advantages) = (x[0], &x[1..]);
        let mean = sum(advantages) / actions as f32;
        for (q, advantage) in q.iter_mut().zip(advantages) {
            *q = (value + advantage) - mean;
        }
    }
}

#[inline(always)]
fn back(actions: usize, dq: &[f32], dx: &mut [f32]) {
    for (dx, dq) in dx.chunks_exact_mut(1 + actions).zip(dq.chunks_exact(actions)) {
        let sum = sum(dq);
        let mean = sum / actions as f32;
        dx[0] = sum;
        for (dx, dq) in dx[1..].iter_mut().zip(dq) {
            *dx = dq - mean;
        }
    }
}

/// From +0 in index order.
#[inline(always)]
fn sum(numbers: &[f32]) -> f32 {
    numbers.iter().fold(0.0, |sum, number| sum + number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    /// V = 1.5, A = (0.2, −0.4, 0.8) gives (1.5, 0.9, 2.1).
    #[test]
    fn worked_numbers() {
        let mut q = vec![0.0; 3];
        plain().dueling(1, 3, &vec![1.5, 0.2, -0.4, 0.8], &mut q).unwrap();
        for (q, expected) in q.iter().zip([1.5, 0.9, 2.1]) {
            assert!((q - expected).abs() < 1e-6);
        }
    }

    /// The head is linear, so central differences of Σ slope · q are exact up to rounding (2⁻²⁰ for numbers below 1).
    #[test]
    fn gradient_is_the_slope() {
        let (rows, actions) = (2, 5);
        let mut stream = stream(2);
        let x = numbers(&mut stream, rows * (1 + actions));
        let slope = numbers(&mut stream, rows * actions);
        let loss = |x: &Vec<f32>| -> f32 {
            let mut q = vec![0.0; rows * actions];
            plain().dueling(rows, actions, x, &mut q).unwrap();
            q.iter().zip(&slope).map(|(q, slope)| q * slope).sum()
        };
        let mut dx = vec![f32::NAN; x.len()];
        plain().dueling_back(rows, actions, &slope, &mut dx).unwrap();
        for at in 0..x.len() {
            let moved = |by: f32| {
                let mut moved = x.clone();
                moved[at] += by;
                loss(&moved)
            };
            assert!(((moved(0.5) - moved(-0.5)) - dx[at]).abs() < 4e-6);
        }
    }

    #[test]
    fn bodies_agree_in_every_bit() {
        for (rows, actions) in [(1, 1), (3, 2), (64, 10), (5, 17), (2, 1000)] {
            let mut stream = stream(actions as u64);
            let x = numbers(&mut stream, rows * (1 + actions));
            let both = |cpu: &Cpu| {
                let (mut q, mut dx) = (vec![0.0; rows * actions], vec![0.0; x.len()]);
                cpu.dueling(rows, actions, &x, &mut q).unwrap();
                cpu.dueling_back(rows, actions, &q, &mut dx).unwrap();
                (bits(&q), bits(&dx))
            };
            vectored().iter().for_each(|cpu| assert_eq!(both(cpu), both(&plain())));
        }
    }
}
