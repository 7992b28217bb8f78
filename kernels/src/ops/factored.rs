//! The article's head: Q(s, a) = f(s) · u(a), u = W·1 + b of an "action net" 1 → actions, there and back.
//!
//! q\[r\]\[a\] = f\[r\] · u\[a\] with u\[a\] = W\[a\] + b\[a\]; ∂f\[r\] is one fused chain over a, ∂u\[a\] one over r, and
//! ∂W = ∂b = ∂u. Such a head ranks the items the same way, up or down, in every state.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, Grid, blocks},
    device::{Device, Span},
    dispatch::compiled,
    error::Result,
};

/// Where the action net's numbers sit in the flat parameter buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FactoredHead {
    /// Number of actions.
    pub actions: usize,
    /// First of its `actions` weights.
    pub weight: usize,
    /// First of its `actions` biases.
    pub bias: usize,
}

/// The factored head.
pub trait Factored: Device {
    /// q\[rows × actions\] from f\[rows\].
    ///
    /// # Errors
    /// When the device fails.
    fn factored(
        &self,
        head: &FactoredHead,
        rows: usize,
        theta: &Self::Buf<f32>,
        f: &Self::Buf<f32>,
        q: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From dq to df and the head's part of `gradient`, both overwritten.
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    fn factored_back(
        &self,
        head: &FactoredHead,
        rows: usize,
        theta: &Self::Buf<f32>,
        f: &Self::Buf<f32>,
        dq: &Self::Buf<f32>,
        df: &mut Self::Buf<f32>,
        gradient: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl FactoredHead {
    /// Where W is in the flat buffer.
    pub fn weights(&self) -> Span {
        self.weight..self.weight + self.actions
    }
    /// Where b is in the flat buffer.
    pub fn biases(&self) -> Span {
        self.bias..self.bias + self.actions
    }
}

impl Factored for Cpu {
    fn factored(
        &self,
        head: &FactoredHead,
        rows: usize,
        theta: &Vec<f32>,
        f: &Vec<f32>,
        q: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => there(
            weight: &[f32] = &theta[head.weights()],
            bias: &[f32] = &theta[head.biases()],
            f: &[f32] = &f[..rows],
            q: &mut [f32] = q,
        ));
        Ok(())
    }

    fn factored_back(
        &self,
        head: &FactoredHead,
        rows: usize,
        theta: &Vec<f32>,
        f: &Vec<f32>,
        dq: &Vec<f32>,
        df: &mut Vec<f32>,
        gradient: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => state_gradient(
            weight: &[f32] = &theta[head.weights()],
            bias: &[f32] = &theta[head.biases()],
            dq: &[f32] = dq,
            df: &mut [f32] = &mut df[..rows],
        ));
        compiled!(self.isa() => item_gradient(
            f: &[f32] = &f[..rows],
            dq: &[f32] = dq,
            du: &mut [f32] = &mut gradient[head.weights()],
        ));
        gradient.copy_within(head.weights(), head.bias);
        Ok(())
    }
}

impl Factored for Cuda {
    fn factored(
        &self,
        head: &FactoredHead,
        rows: usize,
        theta: &Buffer<f32>,
        f: &Buffer<f32>,
        q: &mut Buffer<f32>,
    ) -> Result<()> {
        let grid = Grid { blocks: [rows, head.actions.div_ceil(128)], threads: 128 };
        let (weight, bias) = (theta.part(head.weights()), theta.part(head.biases()));
        let numbers = [weight, bias, f.first(rows), q.first(rows * head.actions)];
        self.launch("factored", grid, &[&[rows.into(), head.actions.into()][..], &numbers].concat())
    }

    fn factored_back(
        &self,
        head: &FactoredHead,
        rows: usize,
        theta: &Buffer<f32>,
        f: &Buffer<f32>,
        dq: &Buffer<f32>,
        df: &mut Buffer<f32>,
        gradient: &mut Buffer<f32>,
    ) -> Result<()> {
        let sizes = [rows.into(), head.actions.into()];
        let (dq, df) = (dq.first(rows * head.actions), df.first(rows));
        let numbers = [theta.part(head.weights()), theta.part(head.biases()), dq, df];
        self.launch("factored_state", blocks(rows, 32), &[&sizes[..], &numbers].concat())?;
        let numbers = [f.first(rows), dq, gradient.part(head.weights()), gradient.part(head.biases())];
        self.launch("factored_item", blocks(head.actions, 128), &[&sizes[..], &numbers].concat())
    }
}

#[inline(always)]
fn there(weight: &[f32], bias: &[f32], f: &[f32], q: &mut [f32]) {
    for (f, q) in f.iter().zip(q.chunks_exact_mut(weight.len())) {
        for ((q, weight), bias) in q.iter_mut().zip(weight).zip(bias) {
            *q = f * (weight + bias);
        }
    }
}

#[inline(always)]
fn state_gradient(weight: &[f32], bias: &[f32], dq: &[f32], df: &mut [f32]) {
    for (df, dq) in df.iter_mut().zip(dq.chunks_exact(weight.len())) {
        *df = dq
            .iter()
            .zip(weight.iter().zip(bias))
            .fold(0.0, |chain, (dq, (weight, bias))| dq.mul_add(weight + bias, chain));
    }
}

#[inline(always)]
fn item_gradient(f: &[f32], dq: &[f32], du: &mut [f32]) {
    du.fill(0.0);
    for (f, dq) in f.iter().zip(dq.chunks_exact(du.len())) {
        for (du, dq) in du.iter_mut().zip(dq) {
            *du = f.mul_add(*dq, *du);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    const HEAD: FactoredHead = FactoredHead { actions: 19, weight: 1, bias: 20 };
    const ROWS: usize = 6;

    fn there_and_back(cpu: &Cpu, theta: &Vec<f32>, f: &Vec<f32>, dq: &Vec<f32>) -> [Vec<f32>; 3] {
        let mut q = vec![f32::NAN; ROWS * HEAD.actions];
        let (mut df, mut gradient) = (vec![f32::NAN; ROWS], vec![f32::NAN; theta.len()]);
        cpu.factored(&HEAD, ROWS, theta, f, &mut q).unwrap();
        cpu.factored_back(&HEAD, ROWS, theta, f, dq, &mut df, &mut gradient).unwrap();
        [q, df, gradient]
    }

    #[test]
    fn bodies_agree_in_every_bit() {
        let mut stream = stream(1);
        let (theta, f) = (numbers(&mut stream, 39), numbers(&mut stream, ROWS));
        let dq = numbers(&mut stream, ROWS * HEAD.actions);
        let expected = there_and_back(&plain(), &theta, &f, &dq).map(|numbers| bits(&numbers));
        for cpu in vectored() {
            assert_eq!(there_and_back(&cpu, &theta, &f, &dq).map(|numbers| bits(&numbers)), expected);
        }
    }

    /// q is bilinear in (f, W + b), so central differences of Σ dq · q are exact up to rounding (about 2⁻¹⁹).
    #[test]
    fn gradient_is_the_slope() {
        let mut stream = stream(2);
        let (theta, f) = (numbers(&mut stream, 39), numbers(&mut stream, ROWS));
        let dq = numbers(&mut stream, ROWS * HEAD.actions);
        let [_, df, gradient] = there_and_back(&plain(), &theta, &f, &dq);
        let loss = |theta: &Vec<f32>, f: &Vec<f32>| -> f32 {
            let [q, ..] = there_and_back(&plain(), theta, f, &dq);
            q.iter().zip(&dq).map(|(q, dq)| q * dq).sum()
        };
        let moved = |numbers: &Vec<f32>, at: usize, by: f32| {
            let mut moved = numbers.clone();
            moved[at] += by;
            moved
        };
        for (at, df) in df.iter().enumerate() {
            let difference = loss(&theta, &moved(&f, at, 0.5)) - loss(&theta, &moved(&f, at, -0.5));
            assert!((difference - df).abs() < 2e-5);
        }
        for (at, gradient) in gradient.iter().enumerate().skip(HEAD.weight) {
            let difference = loss(&moved(&theta, at, 0.5), &f) - loss(&moved(&theta, at, -0.5), &f);
            assert!((difference - gradient).abs() < 2e-5);
        }
    }

    /// Such a head ranks the items alike in every state, up or down with the sign of f.
    #[test]
    fn ranks_alike_in_every_state() {
        let mut theta = vec![0.0; 39];
        theta[HEAD.weights()].iter_mut().enumerate().for_each(|(a, weight)| *weight = a as f32);
        let (f, dq) = (vec![0.5, 2.0, 1e-3, -1.0, -3.0, -0.1], vec![0.0; ROWS * HEAD.actions]);
        let [q, ..] = there_and_back(&plain(), &theta, &f, &dq);
        for (f, q) in f.iter().zip(q.chunks_exact(HEAD.actions)) {
            assert!(q.is_sorted_by(|a, b| if *f > 0.0 { a < b } else { a > b }));
        }
    }
}
