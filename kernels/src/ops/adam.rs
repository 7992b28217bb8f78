//! Adam over the flat parameter buffer, with clipping, weight decay and the target network's update (Kingma & Ba 2015;
//! decoupled decay: Loshchilov & Hutter 2019; ε placed as in PyTorch).
//!
//! g ← g · min(1, clip / (‖g‖ + 1e-6)), g ← g + l2·θ, θ ← θ − rate·decay·θ, m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
//! θ ← θ − (rate / (1 − β₁ᵗ)) · m / (√v · (1 / √(1 − β₂ᵗ)) + ε). βᵗ are f64 running products; 1 − βᵗ is formed in f64
//! and rounded to f32. Products are rounded before they are added; only ‖g‖² is fused: in each chunk of 8192 numbers, chain j
//! of 256 runs over j, j + 256, … as `fma(g, g, chain)`, and a binary tree (j + 128, j + 64, …) adds the chains; the
//! chunks' results are added up by 256 such chains of plain sums and a tree. An infinite clip skips the norm.
//! Then the target: a copy every `every` updates, or target ← target + τ(θ − target).
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::Device,
    dispatch::compiled,
    error::Result,
    memory::{UPDATES, Weights},
    schedule::Ramp,
};

/// Adam's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Learning rate, by updates.
    pub rate: Ramp,
    /// Decay rates of the moments.
    pub beta: [f32; 2],
    /// ε.
    pub epsilon: f32,
    /// Largest global norm of the gradient; infinity does not clip.
    pub clip: f32,
    /// L2 penalty, added to the gradient.
    pub l2: f32,
    /// Decoupled weight decay.
    pub decay: f32,
    /// How the target network follows.
    pub target: TargetUpdate,
}

/// How the target network follows the online one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetUpdate {
    /// A copy after every so many updates, at least 1.
    Hard(u32),
    /// A step of this share towards the online network after every update.
    Soft(f32),
}

/// The optimiser.
pub trait Adam: Device {
    /// One update from `weights.gradient`; counts it on the clock.
    ///
    /// # Errors
    /// When the device fails.
    fn adam(&self, config: &AdamConfig, clock: &mut Self::Buf<u32>, weights: &mut Weights<Self>) -> Result<()>;
}

impl Adam for Cpu {
    fn adam(&self, config: &AdamConfig, clock: &mut Vec<u32>, weights: &mut Weights<Self>) -> Result<()> {
        let scale = if config.clip < f32::INFINITY {
            let norm = compiled!(self.isa() => norm(numbers: &[f32] = &weights.gradient) -> f32);
            let scale = config.clip / (norm + 1e-6);
            if scale < 1.0 { scale } else { 1.0 }
        } else {
            1.0
        };
        for (power, beta) in weights.powers.iter_mut().zip(config.beta) {
            *power *= f64::from(beta);
        }
        let rate = config.rate.at(clock[UPDATES]);
        let factors = Factors {
            scale,
            l2: config.l2,
            decay: rate * config.decay,
            beta: config.beta,
            rest: config.beta.map(|beta| 1.0 - beta),
            step: rate / (1.0 - weights.powers[0]) as f32,
            correction: 1.0 / ((1.0 - weights.powers[1]) as f32).sqrt(),
            epsilon: config.epsilon,
        };
        compiled!(self.isa() => step(
            factors: &Factors = &factors,
            gradient: &[f32] = &weights.gradient,
            theta: &mut [f32] = &mut weights.theta,
            first: &mut [f32] = &mut weights.first,
            second: &mut [f32] = &mut weights.second,
        ));
        clock[UPDATES] = clock[UPDATES].wrapping_add(1);
        match config.target {
            TargetUpdate::Hard(every) if clock[UPDATES].is_multiple_of(every) => {
                weights.target.copy_from_slice(&weights.theta);
            }
            TargetUpdate::Hard(_) => {}
            TargetUpdate::Soft(share) => compiled!(self.isa() => approach(
                share: f32 = share,
                theta: &[f32] = &weights.theta,
                target: &mut [f32] = &mut weights.target,
            )),
        }
        Ok(())
    }
}

impl Adam for Cuda {
    fn adam(&self, config: &AdamConfig, clock: &mut Buffer<u32>, weights: &mut Weights<Self>) -> Result<()> {
        let len = weights.len;
        let chunks = if config.clip < f32::INFINITY { len.div_ceil(CHUNK) } else { 0 };
        let gradient = weights.gradient.first(len);
        self.launch("adam_norm", blocks(chunks * THREADS, THREADS as u32), &[len.into(), gradient, self.sums(chunks)])?;
        let (every, share) = match config.target {
            TargetUpdate::Hard(every) => (every, 0.0),
            TargetUpdate::Soft(share) => (0, share),
        };
        let [beta1, beta2] = config.beta.map(Into::into);
        let Ramp { from, to, over } = config.rate;
        let norm = [chunks.into(), self.sums(chunks), config.clip.into()];
        let schedule = [beta1, beta2, from.into(), to.into(), over.into(), config.decay.into(), every.into()];
        let state = [weights.powers.first(2), clock.all(), self.factors()];
        let one = blocks(THREADS, THREADS as u32);
        self.launch("adam_factors", one, &[&norm[..], &schedule, &state].concat())?;
        let settings = [len.into(), self.factors(), beta1, beta2, config.epsilon.into(), config.l2.into()];
        let target = [every.into(), share.into()];
        let numbers =
            [&weights.theta, &weights.first, &weights.second, &weights.target].map(|numbers| numbers.first(len));
        self.launch("adam", blocks(len.div_ceil(4), 128), &[&settings[..], &target, &[gradient], &numbers].concat())
    }
}

/// Threads of a block on a device, each of which has four chains.
const THREADS: usize = CHAINS / 4;

/// What is the same for every parameter in one update.
struct Factors {
    scale: f32,
    l2: f32,
    decay: f32,
    beta: [f32; 2],
    rest: [f32; 2],
    step: f32,
    correction: f32,
    epsilon: f32,
}

#[inline(always)]
fn step(factors: &Factors, gradient: &[f32], theta: &mut [f32], first: &mut [f32], second: &mut [f32]) {
    let Factors { scale, l2, decay, beta, rest, step, correction, epsilon } = *factors;
    for (((theta, gradient), first), second) in theta.iter_mut().zip(gradient).zip(first).zip(second) {
        let g = gradient * scale + l2 * *theta;
        let m = beta[0] * *first + rest[0] * g;
        let v = beta[1] * *second + rest[1] * (g * g);
        *theta = (*theta - decay * *theta) - step * m / (v.sqrt() * correction + epsilon);
        (*first, *second) = (m, v);
    }
}

#[inline(always)]
fn approach(share: f32, theta: &[f32], target: &mut [f32]) {
    for (target, theta) in target.iter_mut().zip(theta) {
        *target += share * (theta - *target);
    }
}

/// Chains that a sum is split into.
const CHAINS: usize = 256;
/// Numbers per chunk of the norm.
const CHUNK: usize = 8192;

/// ‖numbers‖.
#[inline(always)]
fn norm(numbers: &[f32]) -> f32 {
    let mut total = [0.0; CHAINS];
    for (index, chunk) in numbers.chunks(CHUNK).enumerate() {
        let mut chains = [0.0; CHAINS];
        for row in chunk.chunks(CHAINS) {
            for (chain, number) in chains.iter_mut().zip(row) {
                *chain = number.mul_add(*number, *chain);
            }
        }
        total[index % CHAINS] += tree(&mut chains);
    }
    tree(&mut total).sqrt()
}

#[inline(always)]
fn tree(chains: &mut [f32; CHAINS]) -> f32 {
    let mut half = CHAINS / 2;
    while half > 0 {
        let (low, high) = chains.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        half /= 2;
    }
    chains[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bits, numbers, plain, stream, vectored};

    const CONFIG: AdamConfig = AdamConfig {
        rate: Ramp::constant(0.1),
        beta: [0.9, 0.999],
        epsilon: 1e-8,
        clip: f32::INFINITY,
        l2: 0.0,
        decay: 0.0,
        target: TargetUpdate::Hard(1000),
    };

    /// θ after each gradient, from 1.
    fn trajectory(config: &AdamConfig, gradients: &[f32]) -> Vec<f32> {
        let cpu = plain();
        let mut weights = Weights::new(&cpu, &[1.0]).unwrap();
        let mut clock = vec![0, 0];
        let mut after = |&gradient: &f32| {
            weights.gradient[0] = gradient;
            cpu.adam(config, &mut clock, &mut weights).unwrap();
            weights.theta[0]
        };
        gradients.iter().map(&mut after).collect()
    }

    /// Numbers computed in f64 from the formula; f32 keeps 1e-6 of them.
    #[test]
    fn worked_numbers() {
        let gradients = [0.5, -1.0, 0.25];
        let cases = [
            (CONFIG, [0.900000002, 0.936610354241, 0.950279420339]),
            (AdamConfig { epsilon: 1e-2, ..CONFIG }, [0.901960784314, 0.938113900861, 0.951579373779]),
        ];
        for (config, expected) in cases {
            for (got, expected) in trajectory(&config, &gradients).into_iter().zip(expected) {
                assert!((f64::from(got) / expected - 1.0).abs() < 1e-6, "{config:?}: {got} {expected}");
            }
        }
        let third = |config: AdamConfig| f64::from(trajectory(&config, &gradients)[2]);
        assert!((third(AdamConfig { l2: 0.1, ..CONFIG }) / 0.924730574269 - 1.0).abs() < 1e-6);
        assert!((third(AdamConfig { decay: 0.1, ..CONFIG }) / 0.922202316777 - 1.0).abs() < 1e-6);
        assert!((f64::from(trajectory(&CONFIG, &[1e-8])[0]) / 0.95 - 1.0).abs() < 1e-6);
    }

    /// τ = 0.005 from 0.5 towards 1: 0.5025 after one step, 0.6971147818 after a hundred.
    #[test]
    fn soft_target_approaches() {
        let cpu = plain();
        let mut weights = Weights::new(&cpu, &[1.0]).unwrap();
        weights.target[0] = 0.5;
        let config = AdamConfig { rate: Ramp::constant(0.0), target: TargetUpdate::Soft(0.005), ..CONFIG };
        let mut clock = vec![0, 0];
        cpu.adam(&config, &mut clock, &mut weights).unwrap();
        assert!((weights.target[0] - 0.5025).abs() < 1e-6);
        (1..100).for_each(|_| cpu.adam(&config, &mut clock, &mut weights).unwrap());
        assert!((weights.target[0] - 0.697_114_8).abs() < 2e-6);
    }

    /// The copy comes with update 3, 6, … and at no other time.
    #[test]
    fn hard_target_is_copied_in_time() {
        let cpu = plain();
        let mut weights = Weights::new(&cpu, &[1.0, 2.0]).unwrap();
        let mut clock = vec![0, 0];
        let config = AdamConfig { target: TargetUpdate::Hard(3), ..CONFIG };
        for update in 1..=7 {
            weights.gradient.fill(1.0);
            let before = weights.target.clone();
            cpu.adam(&config, &mut clock, &mut weights).unwrap();
            assert_eq!(clock, [update, 0]);
            assert_eq!(weights.target, if update % 3 == 0 { weights.theta.clone() } else { before });
        }
    }

    /// A clipped gradient has the norm of the clip: Adam's first moment shows it.
    #[test]
    fn clipping_scales_the_whole_gradient() {
        let cpu = plain();
        for (clip, factor) in [(1.0, 0.2), (5.0, 1.0), (100.0, 1.0)] {
            let mut weights = Weights::new(&cpu, &[0.0, 0.0]).unwrap();
            weights.gradient.copy_from_slice(&[3.0, -4.0]);
            cpu.adam(&AdamConfig { clip, ..CONFIG }, &mut vec![0, 0], &mut weights).unwrap();
            for (moment, gradient) in weights.first.iter().zip([3.0, -4.0]) {
                assert!((moment / (0.1 * gradient * factor) - 1.0).abs() < 1e-6);
            }
        }
    }

    /// The sum of squares has one order whatever the body, and is right: against a sum in f64.
    #[test]
    fn norm_is_right() {
        for len in [0, 1, 255, 256, 257, 8192, 8193, 100_003] {
            let numbers = numbers(&mut stream(len as u64), len);
            let exact = numbers.iter().map(|&number| f64::from(number) * f64::from(number)).sum::<f64>().sqrt();
            let plain = norm(&numbers);
            assert!((f64::from(plain) - exact).abs() <= 1e-6 * exact);
            for cpu in vectored() {
                let vectored = compiled!(cpu.isa() => norm(numbers: &[f32] = &numbers) -> f32);
                assert_eq!(vectored.to_bits(), plain.to_bits());
            }
        }
    }

    #[test]
    fn bodies_agree_in_every_bit() {
        let config = AdamConfig { clip: 3.0, l2: 1e-3, decay: 1e-2, target: TargetUpdate::Soft(0.01), ..CONFIG };
        for len in [1, 7, 8, 16, 33, 1000] {
            let run = |cpu: &Cpu| {
                let mut stream = stream(len as u64);
                let mut weights = Weights::new(cpu, &numbers(&mut stream, len)).unwrap();
                let mut clock = vec![0, 0];
                for _ in 0..5 {
                    weights.gradient = numbers(&mut stream, len);
                    cpu.adam(&config, &mut clock, &mut weights).unwrap();
                }
                [weights.theta, weights.target, weights.first, weights.second].map(|numbers| bits(&numbers))
            };
            vectored().iter().for_each(|cpu| assert_eq!(run(cpu), run(&plain())));
        }
    }
}
