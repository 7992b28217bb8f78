//! Quantiles at drawn fractions (IQN; Dabney, Ostrovski, Silver and Munos 2018, section 3.1): a state's features are
//! multiplied, number by number, by an embedding of the fraction τ.
//!
//! Features of τ: cos(π k τ), k = 0, 1, …, the angle formed as (π k) τ in f32. A state with `count` fractions takes part in
//! `count` products, so its gradient is one chain of fused multiply-adds over them.
use crate::{
    cpu::Cpu,
    cuda::{Arg, Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
};
use envs::{
    math::{NEAR_ANGLE, cos, cos_near},
    rng::{Domain, Purpose, Rng},
};

/// Which fractions: every value draws its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FractionAddress {
    /// Seed of the draws, agent domain.
    pub seed: u64,
    /// Which of two networks: 0 online, 1 target.
    pub copy: u32,
}

/// Quantiles at drawn fractions.
pub trait Fraction: Device {
    /// τ\[rows × count\], uniform on \[0, 1): row r from the address (r, copy, updates).
    ///
    /// # Errors
    /// When the device fails.
    fn fractions(
        &self,
        address: &FractionAddress,
        rows: usize,
        count: usize,
        clock: &Self::Buf<u32>,
        tau: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// features\[n × width\] of n fractions.
    ///
    /// # Errors
    /// When the device fails.
    fn cosines(&self, n: usize, width: usize, tau: &Self::Buf<f32>, features: &mut Self::Buf<f32>) -> Result<()>;

    /// With shape = \[rows, count, width\]: product\[rows × count × width\] = state\[rows × width\], repeated, times embedding\[rows × count × width\].
    ///
    /// # Errors
    /// When the device fails.
    fn modulate(
        &self,
        shape: [usize; 3],
        state: &Self::Buf<f32>,
        embedding: &Self::Buf<f32>,
        product: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From dproduct to dstate and dembedding.
    ///
    /// # Errors
    /// When the device fails.
    fn modulate_back(
        &self,
        shape: [usize; 3],
        state: &Self::Buf<f32>,
        embedding: &Self::Buf<f32>,
        dproduct: &Self::Buf<f32>,
        dstate: &mut Self::Buf<f32>,
        dembedding: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Fraction for Cpu {
    fn fractions(
        &self,
        address: &FractionAddress,
        rows: usize,
        count: usize,
        clock: &Vec<u32>,
        tau: &mut Vec<f32>,
    ) -> Result<()> {
        let place = Rng::new(address.seed, Domain::Agent);
        for (row, tau) in tau[..rows * count].chunks_exact_mut(count).enumerate() {
            let mut stream = place.at(row as u32, address.copy, clock[crate::UPDATES]).stream(Purpose::FRACTION);
            tau.fill_with(|| stream.uniform());
        }
        Ok(())
    }

    fn cosines(&self, n: usize, width: usize, tau: &Vec<f32>, features: &mut Vec<f32>) -> Result<()> {
        compiled!(self.isa() => embed(
            width: usize = width,
            tau: &[f32] = &tau[..n],
            features: &mut [f32] = features,
        ));
        Ok(())
    }

    fn modulate(
        &self,
        shape: [usize; 3],
        state: &Vec<f32>,
        embedding: &Vec<f32>,
        product: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => forth(
            shape: [usize; 3] = shape,
            state: &[f32] = state,
            embedding: &[f32] = embedding,
            product: &mut [f32] = product,
        ));
        Ok(())
    }

    fn modulate_back(
        &self,
        shape: [usize; 3],
        state: &Vec<f32>,
        embedding: &Vec<f32>,
        dproduct: &Vec<f32>,
        dstate: &mut Vec<f32>,
        dembedding: &mut Vec<f32>,
    ) -> Result<()> {
        compiled!(self.isa() => back(
            shape: [usize; 3] = shape,
            state: &[f32] = state,
            embedding: &[f32] = embedding,
            dproduct: &[f32] = dproduct,
            dstate: &mut [f32] = dstate,
            dembedding: &mut [f32] = dembedding,
        ));
        Ok(())
    }
}

impl Fraction for Cuda {
    fn fractions(
        &self,
        address: &FractionAddress,
        rows: usize,
        count: usize,
        clock: &Buffer<u32>,
        tau: &mut Buffer<f32>,
    ) -> Result<()> {
        let [key0, key1] = Rng::new(address.seed, Domain::Agent).key();
        let place = [rows.into(), count.into(), key0.into(), key1.into(), address.copy.into()];
        let numbers = [clock.all(), tau.first(rows * count)];
        self.launch("fractions", blocks(rows, 32), &[&place[..], &numbers].concat())
    }

    fn cosines(&self, n: usize, width: usize, tau: &Buffer<f32>, features: &mut Buffer<f32>) -> Result<()> {
        let arguments = [n.into(), width.into(), tau.first(n), features.first(n * width)];
        self.launch("cosines", blocks(n * width, 256), &arguments)
    }

    fn modulate(
        &self,
        [rows, count, width]: [usize; 3],
        state: &Buffer<f32>,
        embedding: &Buffer<f32>,
        product: &mut Buffer<f32>,
    ) -> Result<()> {
        let len = rows * count * width;
        let numbers = [state.first(rows * width), embedding.first(len), product.first(len)];
        let sizes = [rows, count, width].map(Arg::from);
        self.launch("modulate", blocks(len, 256), &[sizes, numbers].concat())
    }

    fn modulate_back(
        &self,
        [rows, count, width]: [usize; 3],
        state: &Buffer<f32>,
        embedding: &Buffer<f32>,
        dproduct: &Buffer<f32>,
        dstate: &mut Buffer<f32>,
        dembedding: &mut Buffer<f32>,
    ) -> Result<()> {
        let (states, len) = (rows * width, rows * count * width);
        let sizes = [rows, count, width].map(Arg::from);
        let numbers = [state.first(states), embedding.first(len), dproduct.first(len)];
        let gradients = [dstate.first(states), dembedding.first(len)];
        self.launch("modulate_back", blocks(states, 128), &[&sizes[..], &numbers, &gradients].concat())
    }
}

#[inline(always)]
fn embed(width: usize, tau: &[f32], features: &mut [f32]) {
    let largest = std::f32::consts::PI * (width - 1) as f32;
    if largest <= NEAR_ANGLE && tau.iter().all(|tau| (0.0..=1.0).contains(tau)) {
        cosines_by(cos_near, width, tau, features);
    } else {
        cosines_by(cos, width, tau, features);
    }
}

#[inline(always)]
fn cosines_by(cosine: impl Fn(f32) -> f32, width: usize, tau: &[f32], features: &mut [f32]) {
    for (features, &tau) in features.chunks_exact_mut(width).zip(tau) {
        for (k, feature) in features.iter_mut().enumerate() {
            *feature = cosine((std::f32::consts::PI * k as f32) * tau);
        }
    }
}

#[inline(always)]
fn forth([rows, count, width]: [usize; 3], state: &[f32], embedding: &[f32], product: &mut [f32]) {
    for i in 0..rows * count {
        let (state, place) = (&state[i / count * width..][..width], i * width..(i + 1) * width);
        for ((product, embedding), state) in product[place.clone()].iter_mut().zip(&embedding[place]).zip(state) {
            *product = state * embedding;
        }
    }
}

#[inline(always)]
fn back(
    [rows, count, width]: [usize; 3],
    state: &[f32],
    embedding: &[f32],
    dproduct: &[f32],
    dstate: &mut [f32],
    dembedding: &mut [f32],
) {
    dstate[..rows * width].fill(0.0);
    for i in 0..rows * count {
        let place = i * width..(i + 1) * width;
        let state = &state[i / count * width..][..width];
        let dstate = &mut dstate[i / count * width..][..width];
        let (embedding, dproduct) = (&embedding[place.clone()], &dproduct[place.clone()]);
        for (k, dembedding) in dembedding[place].iter_mut().enumerate() {
            *dembedding = dproduct[k] * state[k];
            dstate[k] = dproduct[k].mul_add(embedding[k], dstate[k]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    const ADDRESS: FractionAddress = FractionAddress { seed: 4, copy: 0 };

    #[test]
    fn fractions_are_a_function_of_their_address() {
        let drawn = |address: FractionAddress, rows, updates| {
            let mut tau = vec![0.0; rows * 3];
            plain().fractions(&address, rows, 3, &vec![updates, 0], &mut tau).unwrap();
            tau
        };
        let few = drawn(ADDRESS, 2, 9);
        assert!(few.iter().all(|tau| (0.0..1.0).contains(tau)));
        assert_eq!(drawn(ADDRESS, 5, 9)[..6], few[..], "how many rows are drawn changes none");
        assert_ne!(drawn(ADDRESS, 2, 10), few);
        assert_ne!(drawn(FractionAddress { copy: 1, ..ADDRESS }, 2, 9), few);
    }

    /// cos 0 = 1; at τ = ½ the features go 1, 0, −1, 0, …, up to the rounding of π k in f32 (2⁻²⁴ of the angle).
    #[test]
    fn features_are_cosines() {
        let mut features = vec![f32::NAN; 16];
        plain().cosines(2, 8, &vec![0.0, 0.5], &mut features).unwrap();
        assert_eq!(features[..8], [1.0; 8]);
        for (k, feature) in features[8..].iter().enumerate() {
            let expected = [1.0, 0.0, -1.0, 0.0][k % 4];
            assert!((feature - expected).abs() < 1e-6, "{k}: {feature}");
        }
    }

    /// Beyond the largest angle of the short way the long one is taken.
    #[test]
    fn near_and_far_features_are_the_same_cosines() {
        let (tau, width) = (vec![0.25, 0.999], 600);
        let mut features = vec![f32::NAN; 2 * width];
        plain().cosines(2, width, &tau, &mut features).unwrap();
        for (tau, features) in tau.iter().zip(features.chunks_exact(width)) {
            let mut near = vec![f32::NAN; 64];
            plain().cosines(1, 64, &vec![*tau], &mut near).unwrap();
            assert_eq!(bits(&near), bits(&features[..64]));
        }
    }

    /// The product is linear in either factor, so the gradient gives exact differences, up to rounding.
    #[test]
    fn gradient_is_the_slope() {
        let (shape, mut stream) = ([3, 4, 5], stream(1));
        let (state, embedding) = (numbers(&mut stream, 15), numbers(&mut stream, 60));
        let dproduct = numbers(&mut stream, 60);
        let value = |state: &Vec<f32>, embedding: &Vec<f32>| {
            let mut product = vec![f32::NAN; 60];
            plain().modulate(shape, state, embedding, &mut product).unwrap();
            product.iter().zip(&dproduct).map(|(p, d)| f64::from(*p) * f64::from(*d)).sum::<f64>()
        };
        let (mut dstate, mut dembedding) = (vec![f32::NAN; 15], vec![f32::NAN; 60]);
        plain().modulate_back(shape, &state, &embedding, &dproduct, &mut dstate, &mut dembedding).unwrap();
        let moved = |numbers: &Vec<f32>, at: usize, by: f32| {
            let mut numbers = numbers.clone();
            numbers[at] += by;
            numbers
        };
        for (at, found) in dstate.iter().enumerate() {
            let slope = value(&moved(&state, at, 0.5), &embedding) - value(&moved(&state, at, -0.5), &embedding);
            assert!((slope - f64::from(*found)).abs() < 1e-5, "{at}");
        }
        for (at, found) in dembedding.iter().enumerate() {
            let slope = value(&state, &moved(&embedding, at, 0.5)) - value(&state, &moved(&embedding, at, -0.5));
            assert!((slope - f64::from(*found)).abs() < 1e-5, "{at}");
        }
    }

    #[test]
    fn bodies_agree() {
        let (shape, len) = ([5, 8, 37], 5 * 8 * 37);
        let run = |cpu: &Cpu| {
            let mut stream = stream(2);
            let (state, embedding) = (numbers(&mut stream, 5 * 37), numbers(&mut stream, len));
            let (mut product, mut dstate, mut dembedding) = (vec![0.0; len], vec![0.0; 5 * 37], vec![0.0; len]);
            let (mut tau, mut features) = (vec![0.0; 40], vec![0.0; 40 * 64]);
            cpu.fractions(&ADDRESS, 5, 8, &vec![3, 0], &mut tau).unwrap();
            cpu.cosines(40, 64, &tau, &mut features).unwrap();
            cpu.modulate(shape, &state, &embedding, &mut product).unwrap();
            cpu.modulate_back(shape, &state, &embedding, &product, &mut dstate, &mut dembedding).unwrap();
            [bits(&features), bits(&product), bits(&dstate), bits(&dembedding)]
        };
        vectored().iter().for_each(|cpu| assert_eq!(run(cpu), run(&plain())));
    }
}
