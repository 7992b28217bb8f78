//! What can be chosen about a device.
use serde::{Deserialize, Serialize};

/// How matrix products are computed; everything else is always exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Math {
    /// By our own kernels, in the order that defines the bits: those of the CPU.
    #[default]
    Exact,
    /// By cuBLAS in f32, in its own order.
    Fast,
    /// By cuBLAS on tensor cores, which round the factors to 11 significant bits.
    Tf32,
}

impl Math {
    /// Every one, from the most exact.
    pub const ALL: [Math; 3] = [Math::Exact, Math::Fast, Math::Tf32];

    /// Its name in experiments, records and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Math::Exact => "exact",
            Math::Fast => "fast",
            Math::Tf32 => "tf32",
        }
    }
}

/// Where the kernels come from; their bits are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KernelSource {
    /// The PTX of `kernels/ptx`, which the driver compiles for the device.
    #[default]
    Shipped,
    /// The `.cu` files, which NVRTC compiles for the device's own architecture.
    Nvrtc,
}

/// What is chosen when a device is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CudaConfig {
    /// How products are computed.
    pub math: Math,
    /// Where the kernels come from.
    pub kernels: KernelSource,
}
