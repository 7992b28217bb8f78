//! Experience replay over the time-major ring: which transitions may be drawn, uniform and prioritised draws, the
//! n-step fold and the gather (Lin 1992; Schaul et al. 2016, with importance weights over the batch's largest).
//!
//! With S committed slots the newest is slot S − 1 (mod slots) and slot S (mod slots) is being written. A start t may be
//! drawn when t is among the last slots − 1 committed ones, its stage is not the last of an episode (what follows such a
//! slot is a reset, not a transition), and its window is complete: t + n is committed, or the episode ended before. The
//! window stops at the first Terminated (discount 0) or Truncated (bootstrap there):
//! reward = Σ γ^(i−1) r(t+i), discount = γ^k or 0, next = observation of t + k.
//!
//! Priorities are integers, so that neither order nor threads change a sum: leaf = round(p^α · 2²⁴) with
//! p = |TD error| + offset, at least 1, at most 2⁴⁰. A transition enters with the largest leaf so far (2²⁴ at first)
//! when its window completes; the slot being written has 0. Of two equal picks in a batch the later position writes.
//! Pick i of a batch of B draws from the i-th of B equal segments of the total; its weight is
//! (smallest leaf of the batch / its leaf)^β, which is (N·P)^−β over the largest of the batch.
use crate::{
    device::Device,
    error::Result,
    memory::{Batch, Memory},
    schedule::Ramp,
};

/// How transitions are drawn and folded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleConfig {
    /// Window length n, at least 1.
    pub n_step: usize,
    /// Discount γ per step.
    pub discount: f32,
    /// Seed of the draws: address (position in the batch, 0, update), agent domain.
    pub seed: u64,
    /// Prioritised draws; `None` draws uniformly.
    pub priority: Option<Priority>,
}

/// Prioritised replay's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Priority {
    /// Exponent α of the priorities.
    pub exponent: f32,
    /// Exponent β of the importance weights, by updates.
    pub importance: Ramp,
    /// Added to |TD error|.
    pub offset: f32,
}

/// The replay ring's operations.
pub trait Sample: Device {
    /// The slot being written is committed: counts it, and gives priorities to the transitions that it completes.
    ///
    /// # Errors
    /// When the device fails.
    fn advance(&self, config: &SampleConfig, memory: &mut Memory<Self>, clock: &mut Self::Buf<u32>) -> Result<()>;

    /// Copies the newest committed slot's observations to x\[rows × width\].
    ///
    /// # Errors
    /// When the device fails.
    fn newest(&self, memory: &Memory<Self>, clock: &Self::Buf<u32>, x: &mut Self::Buf<f32>) -> Result<()>;

    /// Draws a batch, folds its windows and gathers it. The ring must offer at least one transition.
    ///
    /// # Errors
    /// When the device fails.
    fn sample(
        &self,
        config: &SampleConfig,
        memory: &Memory<Self>,
        clock: &Self::Buf<u32>,
        batch: &mut Batch<Self>,
    ) -> Result<()>;

    /// Writes the batch's |TD error| back as priorities; nothing when draws are uniform.
    ///
    /// # Errors
    /// When the device fails.
    fn prioritise(&self, config: &SampleConfig, memory: &mut Memory<Self>, batch: &Batch<Self>) -> Result<()>;
}
