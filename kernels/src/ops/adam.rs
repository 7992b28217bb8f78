//! Adam over the flat parameter buffer, with clipping, weight decay and the target network's update (Kingma & Ba 2015;
//! decoupled decay: Loshchilov & Hutter 2019; ε placed as in PyTorch).
//!
//! g ← g · min(1, clip / (‖g‖ + 1e-6)), g ← g + l2·θ, θ ← θ − rate·decay·θ, m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
//! θ ← θ − (rate / (1 − β₁ᵗ)) · m / (√v / √(1 − β₂ᵗ) + ε). βᵗ are f64 running products; 1 − βᵗ is formed in f64 and
//! rounded to f32. ‖g‖² is summed in chunks of 8192: in each 256 strided chains and a binary tree, chunk results the
//! same way. Then the target: a copy every `every` updates, or target ← target + τ(θ − target).
use crate::{device::Device, error::Result, memory::Weights};

/// Adam's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Learning rate.
    pub rate: f32,
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
