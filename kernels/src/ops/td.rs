//! Temporal difference: target, error, Huber loss and its gradient, |error| for the priorities, in one pass
//! (Mnih et al. 2015; double: van Hasselt et al. 2016).
//!
//! target = reward + discount · Q_target(next, a*), a* = argmax of Q_target(next, ·), or of Q_online(next, ·) when double;
//! where the discount is 0 the target is the reward. δ = Q(s, a) − target; loss = mean over the batch of
//! weight · H(δ), H(δ) = δ²/2 for |δ| ≤ κ, else κ(|δ| − κ/2); gradient = weight · clip(δ, −κ, κ) / size.
use crate::{device::Device, error::Result, memory::Batch};

/// How targets and losses are formed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TdConfig {
    /// Number of actions.
    pub actions: usize,
    /// Where the Huber loss turns linear, κ; infinity gives half the squared error.
    pub huber: f32,
    /// Whether `q` and `dq` hold only the actions taken (size) instead of all (size × actions).
    pub chosen: bool,
}

/// The temporal-difference step.
pub trait Td: Device {
    /// Reads q, the target network's `next_target`\[size × actions\] and, when double, the online network's
    /// `next_online`; writes dq, `batch.error` and summary = \[loss, mean Q(s, a)\].
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "three value tables in, gradient and summary out")]
    fn td(
        &self,
        config: &TdConfig,
        batch: &mut Batch<Self>,
        q: &Self::Buf<f32>,
        next_target: &Self::Buf<f32>,
        next_online: Option<&Self::Buf<f32>>,
        dq: &mut Self::Buf<f32>,
        summary: &mut Self::Buf<f32>,
    ) -> Result<()>;
}
