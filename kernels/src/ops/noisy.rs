//! Noisy layers (Fortunato et al. 2018): the parameters are μ ‖ σ in one buffer of twice the network's length, and a pass
//! uses μ + σ ⊙ ε.
//!
//! The noise is factorised: a layer draws one standard normal x per input, then one per output, from the address
//! (2 · layer + copy, kind, count); ε of the weight from input k to output n is f(x_k) f(x_n), of the bias of output n
//! f(x_n), with f(x) = sgn(x)√|x|. Parameters outside dense layers have no noise.
use crate::{
    cpu::Cpu,
    cuda::{Buffer, Cuda, blocks},
    device::{Device, Span},
    dispatch::compiled,
    error::Result,
    ops::linear::Dense,
};
use envs::rng::{Domain, Purpose, Rng};

/// Which noise: every value draws its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseAddress {
    /// Seed of the draws, agent domain.
    pub seed: u64,
    /// Which counter of the clock counts: [`UPDATES`](crate::UPDATES) or [`STEPS`](crate::STEPS).
    pub counter: usize,
    /// Which of two networks: 0 online, 1 target.
    pub copy: u32,
}

/// Noisy layers.
pub trait Noisy: Device {
    /// Fills `factors` with f(x), layer after layer: inputs, then outputs.
    ///
    /// # Errors
    /// When the device fails.
    fn noise(
        &self,
        layers: &[Dense],
        address: &NoiseAddress,
        clock: &Self::Buf<u32>,
        factors: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// effective\[len\] = μ + σ ⊙ ε from theta\[2 · len\].
    ///
    /// # Errors
    /// When the device fails.
    fn perturb(
        &self,
        layers: &[Dense],
        len: usize,
        factors: &Self::Buf<f32>,
        theta: &Self::Buf<f32>,
        effective: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From the gradient by μ + σ ⊙ ε in the first half of gradient\[2 · len\] to that by σ in the second.
    ///
    /// # Errors
    /// When the device fails.
    fn perturb_back(
        &self,
        layers: &[Dense],
        len: usize,
        factors: &Self::Buf<f32>,
        gradient: &mut Self::Buf<f32>,
    ) -> Result<()>;
}

impl Noisy for Cpu {
    fn noise(&self, layers: &[Dense], address: &NoiseAddress, clock: &Vec<u32>, factors: &mut Vec<f32>) -> Result<()> {
        let mut rest = factors.as_mut_slice();
        for (i, layer) in layers.iter().enumerate() {
            let (own, after) = rest.split_at_mut(layer.inputs + layer.outputs);
            let place = Rng::new(address.seed, Domain::Agent);
            let place = place.at(2 * i as u32 + address.copy, address.counter as u32, clock[address.counter]);
            let mut stream = place.stream(Purpose::NOISE);
            for factor in own {
                let x = stream.normal();
                *factor = if x < 0.0 { -(-x).sqrt() } else { x.sqrt() };
            }
            rest = after;
        }
        Ok(())
    }

    fn perturb(
        &self,
        layers: &[Dense],
        len: usize,
        factors: &Vec<f32>,
        theta: &Vec<f32>,
        effective: &mut Vec<f32>,
    ) -> Result<()> {
        let (mu, sigma) = theta.split_at(len);
        effective[..len].copy_from_slice(mu);
        compiled!(self.isa() => forth(
            layers: &[Dense] = layers,
            factors: &[f32] = factors,
            sigma: &[f32] = sigma,
            effective: &mut [f32] = effective,
        ));
        Ok(())
    }

    fn perturb_back(&self, layers: &[Dense], len: usize, factors: &Vec<f32>, gradient: &mut Vec<f32>) -> Result<()> {
        let (by_mu, by_sigma) = gradient.split_at_mut(len);
        by_sigma[..len].fill(0.0);
        compiled!(self.isa() => back(
            layers: &[Dense] = layers,
            factors: &[f32] = factors,
            by_mu: &[f32] = by_mu,
            by_sigma: &mut [f32] = by_sigma,
        ));
        Ok(())
    }
}

impl Noisy for Cuda {
    fn noise(
        &self,
        layers: &[Dense],
        address: &NoiseAddress,
        clock: &Buffer<u32>,
        factors: &mut Buffer<f32>,
    ) -> Result<()> {
        let [key0, key1] = Rng::new(address.seed, Domain::Agent).key();
        let mut first = 0;
        for (i, layer) in layers.iter().enumerate() {
            let count = layer.inputs + layer.outputs;
            let row = 2 * i as u32 + address.copy;
            let place = [count.into(), key0.into(), key1.into(), row.into(), address.counter.into()];
            let numbers = [clock.all(), factors.part(first..first + count)];
            self.launch("noise", blocks(count, 128), &[&place[..], &numbers].concat())?;
            first += count;
        }
        Ok(())
    }

    fn perturb(
        &self,
        layers: &[Dense],
        len: usize,
        factors: &Buffer<f32>,
        theta: &Buffer<f32>,
        effective: &mut Buffer<f32>,
    ) -> Result<()> {
        self.launch("noisy_copy", blocks(len, 256), &[len.into(), theta.first(len), effective.first(len)])?;
        for_each_layer(layers, |layer, own, parameters| {
            let sizes = [layer.inputs.into(), layer.outputs.into(), factors.part(own)];
            let sigma = theta.part(len + parameters.start..len + parameters.end);
            let (count, numbers) = (parameters.len(), [sigma, effective.part(parameters)]);
            self.launch("perturb", blocks(count, 256), &[&sizes[..], &numbers].concat())
        })
    }

    fn perturb_back(
        &self,
        layers: &[Dense],
        len: usize,
        factors: &Buffer<f32>,
        gradient: &mut Buffer<f32>,
    ) -> Result<()> {
        self.launch("noisy_zero", blocks(len, 256), &[len.into(), gradient.part(len..2 * len)])?;
        for_each_layer(layers, |layer, own, parameters| {
            let sizes = [layer.inputs.into(), layer.outputs.into(), factors.part(own)];
            let by_sigma = gradient.part(len + parameters.start..len + parameters.end);
            let (count, numbers) = (parameters.len(), [gradient.part(parameters), by_sigma]);
            self.launch("perturb_back", blocks(count, 256), &[&sizes[..], &numbers].concat())
        })
    }
}

/// Calls `launch(layer, its factors, its parameters)` in order; biases follow their weights.
fn for_each_layer(layers: &[Dense], mut launch: impl FnMut(&Dense, Span, Span) -> Result<()>) -> Result<()> {
    let mut first = 0;
    for layer in layers {
        let count = layer.inputs + layer.outputs;
        launch(layer, first..first + count, layer.weight..layer.bias + layer.outputs)?;
        first += count;
    }
    Ok(())
}

/// Calls `visit(first parameter, ε's common factor, ε's other factors)` for every row of weights and every row of biases.
#[inline(always)]
fn visit_rows(layers: &[Dense], factors: &[f32], mut visit: impl FnMut(usize, f32, &[f32])) {
    let mut rest = factors;
    for layer in layers {
        let (inputs, after) = rest.split_at(layer.inputs);
        let (outputs, after) = after.split_at(layer.outputs);
        for (k, &input) in inputs.iter().enumerate() {
            visit(layer.weight + k * layer.outputs, input, outputs);
        }
        visit(layer.bias, 1.0, outputs);
        rest = after;
    }
}

#[inline(always)]
fn forth(layers: &[Dense], factors: &[f32], sigma: &[f32], effective: &mut [f32]) {
    visit_rows(layers, factors, |first, input, outputs| {
        let rows = effective[first..].iter_mut().zip(&sigma[first..]);
        for ((effective, sigma), output) in rows.zip(outputs) {
            *effective += sigma * (input * output);
        }
    });
}

#[inline(always)]
fn back(layers: &[Dense], factors: &[f32], by_mu: &[f32], by_sigma: &mut [f32]) {
    visit_rows(layers, factors, |first, input, outputs| {
        let rows = by_sigma[first..].iter_mut().zip(&by_mu[first..]);
        for ((by_sigma, by_mu), output) in rows.zip(outputs) {
            *by_sigma = by_mu * (input * output);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{STEPS, UPDATES},
        testing::{bits, numbers, plain, stream, vectored},
    };

    const LAYERS: [Dense; 2] = [
        Dense { inputs: 3, outputs: 5, weight: 0, bias: 15, relu: true },
        Dense { inputs: 5, outputs: 2, weight: 20, bias: 30, relu: false },
    ];
    /// Two numbers after the layers have no noise.
    const LEN: usize = 34;

    fn factors(cpu: &Cpu, address: &NoiseAddress, clock: [u32; 2]) -> Vec<f32> {
        let mut factors = vec![0.0; 15];
        cpu.noise(&LAYERS, address, &clock.to_vec(), &mut factors).unwrap();
        factors
    }

    const ADDRESS: NoiseAddress = NoiseAddress { seed: 3, counter: UPDATES, copy: 0 };

    /// Each network, counter and count draws its own noise, and the same again.
    #[test]
    fn noise_is_a_function_of_its_address() {
        let drawn = |address, clock| bits(&factors(&plain(), &address, clock));
        let first = drawn(ADDRESS, [7, 7]);
        assert_eq!(drawn(ADDRESS, [7, 9]), first);
        for (address, clock) in [
            (ADDRESS, [8, 7]),
            (NoiseAddress { copy: 1, ..ADDRESS }, [7, 7]),
            (NoiseAddress { counter: STEPS, ..ADDRESS }, [7, 7]),
            (NoiseAddress { seed: 4, ..ADDRESS }, [7, 7]),
        ] {
            assert_ne!(drawn(address, clock), first);
        }
    }

    /// f(x)² is |x|: over many draws its mean is √(2/π) and f has mean 0, within 4 standard errors.
    #[test]
    fn factors_have_the_papers_distribution() {
        let draws: Vec<f32> = (0..2000).flat_map(|count| factors(&plain(), &ADDRESS, [count, 0])).collect();
        let n = draws.len() as f64;
        let mean = |f: fn(f32) -> f32| draws.iter().map(|&x| f64::from(f(x))).sum::<f64>() / n;
        let (magnitude, se) = ((2.0 / std::f64::consts::PI).sqrt(), 1.0 / n.sqrt());
        assert!((mean(|x| x * x) - magnitude).abs() < 4.0 * 0.603 * se);
        assert!(mean(|x| x).abs() < 4.0 * magnitude.sqrt() * se);
    }

    /// Every parameter against the formula, one at a time; what has no noise stays.
    #[test]
    fn every_parameter_gets_its_noise_and_its_gradient() {
        let mut stream = stream(1);
        let (theta, factors) = (numbers(&mut stream, 2 * LEN), factors(&plain(), &ADDRESS, [1, 1]));
        let epsilon = |at: usize| match at {
            0..15 => factors[at / 5] * factors[3 + at % 5],
            15..20 => factors[3 + at - 15],
            20..30 => factors[8 + (at - 20) / 2] * factors[13 + at % 2],
            30..32 => factors[13 + at - 30],
            _ => 0.0,
        };
        let mut effective = vec![f32::NAN; LEN];
        plain().perturb(&LAYERS, LEN, &factors, &theta, &mut effective).unwrap();
        let mut gradient = numbers(&mut stream, 2 * LEN);
        plain().perturb_back(&LAYERS, LEN, &factors, &mut gradient).unwrap();
        for at in 0..LEN {
            assert_eq!(effective[at], theta[at] + theta[LEN + at] * epsilon(at), "{at}");
            assert_eq!(gradient[LEN + at], gradient[at] * epsilon(at), "{at}");
        }
    }

    #[test]
    fn bodies_agree() {
        let layers = [Dense { inputs: 37, outputs: 51, weight: 0, bias: 37 * 51, relu: true }];
        let len = 38 * 51;
        let run = |cpu: &Cpu| {
            let mut stream = stream(2);
            let (theta, mut gradient) = (numbers(&mut stream, 2 * len), numbers(&mut stream, 2 * len));
            let (mut factors, mut effective) = (vec![0.0; 88], vec![0.0; len]);
            cpu.noise(&layers, &ADDRESS, &vec![5, 5], &mut factors).unwrap();
            cpu.perturb(&layers, len, &factors, &theta, &mut effective).unwrap();
            cpu.perturb_back(&layers, len, &factors, &mut gradient).unwrap();
            [bits(&factors), bits(&effective), bits(&gradient)]
        };
        vectored().iter().for_each(|cpu| assert_eq!(run(cpu), run(&plain())));
    }
}
