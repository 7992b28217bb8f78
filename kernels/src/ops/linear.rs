//! Dense layer: y = relu(x·W + b), there and back.
//!
//! Every output is one chain of fused multiply-adds, in index order: y\[r\]\[n\] starts at b\[n\] and runs over k;
//! gradient chains start at +0, ∂W\[k\]\[n\] runs over rows, ∂x\[r\]\[k\] over n, ∂b\[n\] is a plain sum over rows.
use crate::{device::Device, error::Result};

/// Where a layer's numbers sit in the flat parameter buffer: W is `inputs` × `outputs` row-major at `weight`, b is
/// `outputs` at `bias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    /// Length of an input row.
    pub inputs: usize,
    /// Length of an output row.
    pub outputs: usize,
    /// First weight.
    pub weight: usize,
    /// First bias.
    pub bias: usize,
    /// Whether negative outputs become 0.
    pub relu: bool,
}

/// The dense layer.
pub trait Linear: Device {
    /// y\[rows × outputs\] from x\[rows × inputs\].
    ///
    /// # Errors
    /// When the device fails.
    fn linear(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        y: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// From dy (overwritten where the ReLU was off) to dx, if wanted, and the layer's part of `gradient` (overwritten).
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    fn linear_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        y: &Self::Buf<f32>,
        dy: &mut Self::Buf<f32>,
        dx: Option<&mut Self::Buf<f32>>,
        gradient: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// y\[rows\]: the one output `chosen[r]` of every row; same bits as the dense form. The layer has no ReLU.
    ///
    /// # Errors
    /// When the device fails.
    fn linear_chosen(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        chosen: &Self::Buf<u32>,
        y: &mut Self::Buf<f32>,
    ) -> Result<()>;

    /// Backward of [`linear_chosen`](Linear::linear_chosen): dy\[rows\]; same bits as the dense form with zeros
    /// elsewhere, for finite weights.
    ///
    /// # Errors
    /// When the device fails.
    #[expect(clippy::too_many_arguments, reason = "the operands of a backward pass, each a buffer of its own")]
    fn linear_chosen_back(
        &self,
        layer: &Dense,
        rows: usize,
        theta: &Self::Buf<f32>,
        x: &Self::Buf<f32>,
        chosen: &Self::Buf<u32>,
        dy: &Self::Buf<f32>,
        dx: Option<&mut Self::Buf<f32>>,
        gradient: &mut Self::Buf<f32>,
    ) -> Result<()>;
}
