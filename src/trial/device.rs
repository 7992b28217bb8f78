//! The processor or a GPU.
use crate::error::{Error, Result};
use kernels::{Cpu, Cuda, CudaConfig, KernelSource, Math};

/// Where a trial computes; in exact arithmetic the bits are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor, a core for each trial.
    Cpu,
    /// The first GPU, a stream for each trial.
    Cuda {
        /// Where its kernels come from; the bits are the same.
        kernels: KernelSource,
    },
}

impl Device {
    /// The arithmetic that is used here when `asked` for one, or for none: a GPU's default is fast.
    ///
    /// # Errors
    /// When the processor, which is always exact, is asked for another.
    pub fn math(self, asked: Option<Math>) -> Result<Math> {
        match (self, asked) {
            (Device::Cuda { .. }, None) => Ok(Math::Fast),
            (Device::Cuda { .. }, Some(math)) => Ok(math),
            (Device::Cpu, None | Some(Math::Exact)) => Ok(Math::Exact),
            (Device::Cpu, Some(math)) => {
                let problem =
                    format!("it is {}, and a processor is always exact; leave it out, or use a GPU", math.name());
                Err(Error::Spec { path: "math".into(), problem })
            }
        }
    }

    /// Opens the device and closes it again: better before anything is begun than in every trial.
    ///
    /// # Errors
    /// When it, or a library that it needs for `math`, is missing.
    pub fn check(self, math: Math) -> Result<()> {
        match self {
            Device::Cpu => Cpu::new().map(|_| ())?,
            Device::Cuda { kernels } => Cuda::with(CudaConfig { math, kernels }).map(|_| ())?,
        }
        Ok(())
    }
}
