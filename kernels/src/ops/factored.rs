//! The article's head: Q(s, a) = f(s) · u(a), u = W·1 + b of an "action net" 1 → actions, there and back.
//!
//! q\[r\]\[a\] = f\[r\] · u\[a\] with u\[a\] = W\[a\] + b\[a\]; ∂f\[r\] is one fused chain over a, ∂u\[a\] one over r, and
//! ∂W = ∂b = ∂u. Such a head ranks the items the same way, up or down, in every state.
use crate::{device::Device, error::Result};

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
