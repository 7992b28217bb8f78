//! Dueling head (Wang et al. 2016, eq. 9): Q(s, a) = V(s) + A(s, a) − mean over a' of A(s, a'), there and back.
//!
//! Input row: \[V, A₀, A₁, …\]. The mean is a sum in index order divided by the number of actions.
use crate::{device::Device, error::Result};

/// The dueling head.
pub trait Dueling: Device {
    /// q\[rows × actions\] from x\[rows × (1 + actions)\].
    ///
    /// # Errors
    /// When the device fails.
    fn dueling(&self, rows: usize, actions: usize, x: &Self::Buf<f32>, q: &mut Self::Buf<f32>) -> Result<()>;

    /// dx\[rows × (1 + actions)\] from dq\[rows × actions\].
    ///
    /// # Errors
    /// When the device fails.
    fn dueling_back(&self, rows: usize, actions: usize, dq: &Self::Buf<f32>, dx: &mut Self::Buf<f32>) -> Result<()>;
}
