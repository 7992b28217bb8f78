//! Epsilon-greedy: with probability ε a uniform action, else the lowest index of the largest Q.
use crate::{device::Device, error::Result, schedule::Ramp};

/// How actions are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChooseConfig {
    /// Number of actions.
    pub actions: usize,
    /// Probability of a uniform action, by steps.
    pub epsilon: Ramp,
    /// Seed of the draws: address (row, 0, step), agent domain.
    pub seed: u64,
}

/// The choice of actions.
pub trait Choose: Device {
    /// action\[rows\] from q\[rows × actions\]; rows whose ε is 0 draw nothing.
    ///
    /// # Errors
    /// When the device fails.
    fn choose(
        &self,
        config: &ChooseConfig,
        rows: usize,
        q: &Self::Buf<f32>,
        clock: &Self::Buf<u32>,
        action: &mut Self::Buf<u32>,
    ) -> Result<()>;
}
