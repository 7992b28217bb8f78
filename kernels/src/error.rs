//! What can go wrong, with the remedy in the message.

/// Errors of devices and their operations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `MERCATO_ISA` names no instruction set.
    #[error("MERCATO_ISA is `{0}`; it must be scalar, avx2 or avx512")]
    UnknownIsa(String),
    /// The device has no memory for a buffer.
    #[error("no room for a buffer of {0} MiB; a smaller `memory`, `batch` or `hidden` needs less")]
    NoRoom(usize),
    /// The machine lacks the instruction set that was asked for.
    #[error("this machine has no {0}; unset MERCATO_ISA or set it to scalar")]
    MissingIsa(&'static str),
    /// There is no CUDA on this machine.
    #[error(
        "there is no CUDA here: the library libcuda.so.1 is not found; install the NVIDIA driver, or leave out --device \
         cuda to compute on the processor, with the bits of --math exact"
    )]
    NoCuda,
    /// The driver finds no device.
    #[error(
        "the NVIDIA driver finds no device; check `nvidia-smi` and CUDA_VISIBLE_DEVICES, or leave out --device cuda"
    )]
    NoDevice,
    /// The driver is too old.
    #[error("the NVIDIA driver is for CUDA {}.{}; this needs {}.{}: update it, or leave out --device cuda",
        has / 1000, has % 1000 / 10, needs / 1000, needs % 1000 / 10)]
    OldDriver {
        /// Its version, 1000 · major + 10 · minor.
        has: i32,
        /// The oldest that does.
        needs: i32,
    },
    /// The device is too old.
    #[error("{name} has compute capability {}.{}; the kernels need {}.{}; leave out --device cuda",
        has.0, has.1, needs.0, needs.1)]
    OldDevice {
        /// The device.
        name: String,
        /// Its compute capability.
        has: (i32, i32),
        /// The least that does.
        needs: (i32, i32),
    },
    /// cuBLAS is missing.
    #[error(
        "fast products need cuBLAS, and neither libcublas.so.13 nor libcublas.so.12 is found; install the CUDA toolkit, or \
         `pip install nvidia-cublas-cu12` and let MERCATO_CUBLAS name its libcublas.so.12; --math exact needs none"
    )]
    NoCublas,
    /// NVRTC is missing.
    #[error(
        "--kernels nvrtc needs NVRTC, and neither libnvrtc.so.13 nor libnvrtc.so.12 is found; install the CUDA toolkit, or \
         `pip install nvidia-cuda-nvrtc-cu12` and let MERCATO_NVRTC name its libnvrtc.so.12; --kernels shipped needs none"
    )]
    NoNvrtc,
    /// A library that is found is not the one it is called.
    #[error(
        "the {library} that is found has no function `{function}`: it is another library of this name, or a part of it is \
         missing; reinstall it, or take it off the library path{variable}"
    )]
    Incomplete {
        /// The library.
        library: &'static str,
        /// The first function that is missing.
        function: &'static str,
        /// Which variable to look at too, if there is one.
        variable: &'static str,
    },
    /// A variable names a library that cannot be opened.
    #[error("{variable} names a library that cannot be opened: {problem}")]
    NamedLibrary {
        /// The variable.
        variable: &'static str,
        /// What the loader says.
        problem: String,
    },
    /// NVRTC refused something.
    #[error("NVRTC failed while {doing}: {problem}")]
    Nvrtc {
        /// What was being done.
        doing: &'static str,
        /// What it says.
        problem: String,
    },
    /// NVRTC is newer than the driver.
    #[error(
        "the kernels were compiled by a newer NVRTC than the driver knows; update the driver, or leave out --kernels nvrtc"
    )]
    NewPtx,
    /// The driver refused something.
    #[error("CUDA failed while {doing}: {code}")]
    Cuda {
        /// What was being done.
        doing: &'static str,
        /// The driver's name for it.
        code: String,
    },
    /// A kernel was given what it does not take: a defect of an operation.
    #[error("kernel {kernel}: {problem}")]
    Launch {
        /// The kernel.
        kernel: &'static str,
        /// What does not fit.
        problem: String,
    },
    /// A batch was asked of a ring without a complete transition.
    #[error(
        "the replay memory of {slots} slots offers no complete transition after {committed} steps; start learning later \
         or make it larger than the window of {window} steps"
    )]
    NothingToDraw {
        /// Slots in the ring.
        slots: usize,
        /// Slots committed so far.
        committed: u32,
        /// Window length n.
        window: usize,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
