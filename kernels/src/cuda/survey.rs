//! What of CUDA a machine has, for `mercato doctor`.
use super::{Cuda, CudaConfig, KernelSource, Math, OLDEST_DRIVER, library, nvrtc};
use crate::error::Result;

/// What is there, or why not.
#[derive(Debug)]
pub struct Survey {
    /// The version of CUDA that the driver is for, 1000 · major + 10 · minor.
    pub driver: Result<i32>,
    /// Name and compute capability of the first device, when it can be opened.
    pub device: Result<(String, (i32, i32))>,
    /// Whether `math = "fast"` works: cuBLAS is there and takes the device.
    pub cublas: Result<()>,
    /// The version of NVRTC, for `--kernels nvrtc`.
    pub nvrtc: Result<(i32, i32)>,
}

/// Looks at everything.
pub fn survey() -> Survey {
    let device = Cuda::new();
    // Without a device there is nothing to open the library with.
    let cublas = match device {
        Ok(_) => Cuda::with(CudaConfig { math: Math::Fast, kernels: KernelSource::Shipped }).map(|_| ()),
        Err(_) => library::cublas(),
    };
    Survey {
        driver: library::driver(OLDEST_DRIVER),
        device: device.map(|device| (device.name().to_string(), device.capability())),
        cublas,
        nvrtc: nvrtc::version(),
    }
}
