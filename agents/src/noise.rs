//! Exploration by noisy layers (Fortunato et al. 2018): what a [`Learner`](crate::learner::Learner) holds for it.
use crate::network::Network;
use kernels::{Backend, Dense, NoiseAddress, Result, STEPS, UPDATES, Weights};

/// The noise of one learner, and its networks with the noise in them.
pub struct Noise<B: Backend> {
    layers: Vec<Dense>,
    len: usize,
    seed: u64,
    factors: B::Buf<f32>,
    online: B::Buf<f32>,
    target: B::Buf<f32>,
}

impl<B: Backend> Noise<B> {
    /// Noise on every dense layer of `network`.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn new(backend: &B, network: &Network, seed: u64) -> Result<Self> {
        let factors = network.layers.iter().map(|layer| layer.inputs + layer.outputs).sum();
        Ok(Noise {
            layers: network.layers.clone(),
            len: network.len,
            seed,
            factors: backend.zeros(factors)?,
            online: backend.zeros(network.len)?,
            target: backend.zeros(network.len)?,
        })
    }

    /// Draws the noise of this step's actions.
    ///
    /// # Errors
    /// When the device fails.
    pub fn draw_for_acting(&mut self, b: &B, weights: &Weights<B>, clock: &B::Buf<u32>) -> Result<()> {
        let address = NoiseAddress { seed: self.seed, counter: STEPS, copy: 0 };
        b.noise(&self.layers, &address, clock, &mut self.factors)?;
        b.perturb(&self.layers, self.len, &self.factors, &weights.theta, &mut self.online)
    }

    /// Draws the noise of this update, one for each network; that of the online network stays for
    /// [`back`](Noise::back).
    ///
    /// # Errors
    /// When the device fails.
    pub fn draw_for_learning(&mut self, b: &B, weights: &Weights<B>, clock: &B::Buf<u32>) -> Result<()> {
        let copies = [(1, &weights.target, &mut self.target), (0, &weights.theta, &mut self.online)];
        for (copy, theta, effective) in copies {
            let address = NoiseAddress { seed: self.seed, counter: UPDATES, copy };
            b.noise(&self.layers, &address, clock, &mut self.factors)?;
            b.perturb(&self.layers, self.len, &self.factors, theta, effective)?;
        }
        Ok(())
    }

    /// Completes the gradient: by σ from that by the noisy parameters.
    ///
    /// # Errors
    /// When the device fails.
    pub fn back(&self, b: &B, gradient: &mut B::Buf<f32>) -> Result<()> {
        b.perturb_back(&self.layers, self.len, &self.factors, gradient)
    }
}

/// The parameters that a pass uses: those with noise where there is some, else those given.
pub fn effective<'a, B: Backend>(
    noise: &'a Option<Noise<B>>,
    theta: &'a B::Buf<f32>,
    target: &'a B::Buf<f32>,
) -> (&'a B::Buf<f32>, &'a B::Buf<f32>) {
    noise.as_ref().map_or((theta, target), |noise| (&noise.online, &noise.target))
}
