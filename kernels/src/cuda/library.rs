//! Whether the libraries are there.
//!
//! cudarc panics where a library or a function of it is missing, so everything is asked for before its first call. It
//! looks for the names of CUDA 12 and 13: `libcuda.so.1`, `libcublas.so.13` or `.12`, `libnvrtc.so.13` or `.12`; on
//! Windows `nvcuda.dll`, `cublas64_13.dll` or `_12`, `nvrtc64_130_0.dll`.
use super::failed;
use crate::error::{Error, Result};
use cudarc::{
    cublas,
    driver::{DriverError, sys},
    nvrtc,
};
use std::sync::OnceLock;

/// Functions of the driver that are called here or by cudarc, in every version from 11.4 on.
const DRIVER_FUNCTIONS: [&str; 44] = [
    "cuDriverGetVersion",
    "cuInit",
    "cuCtxGetCurrent",
    "cuCtxSetCurrent",
    "cuCtxSetFlags",
    "cuCtxSynchronize",
    "cuDeviceGet",
    "cuDeviceGetAttribute",
    "cuDeviceGetCount",
    "cuDeviceGetName",
    "cuDevicePrimaryCtxRelease_v2",
    "cuDevicePrimaryCtxRetain",
    "cuEventCreate",
    "cuEventDestroy_v2",
    "cuEventElapsedTime",
    "cuEventRecord",
    "cuEventSynchronize",
    "cuFuncSetAttribute",
    "cuGetErrorName",
    "cuGetErrorString",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuGraphUpload",
    "cuLaunchKernel",
    "cuMemAllocAsync",
    "cuMemAlloc_v2",
    "cuMemFreeAsync",
    "cuMemFreeHost",
    "cuMemFree_v2",
    "cuMemHostAlloc",
    "cuMemcpyDtoHAsync_v2",
    "cuMemcpyHtoDAsync_v2",
    "cuMemsetD8Async",
    "cuModuleGetFunction",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuStreamBeginCapture_v2",
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamEndCapture",
    "cuStreamSynchronize",
    "cuStreamWaitEvent",
];
/// The same of cuBLAS.
const CUBLAS_FUNCTIONS: [&str; 7] = [
    "cublasCreate_v2",
    "cublasDestroy_v2",
    "cublasSetMathMode",
    "cublasSetStream_v2",
    "cublasSetWorkspace_v2",
    "cublasSgemmStridedBatched",
    "cublasSgemm_v2",
];
/// The same of NVRTC.
const NVRTC_FUNCTIONS: [&str; 10] = [
    "nvrtcVersion",
    "nvrtcGetNumSupportedArchs",
    "nvrtcGetSupportedArchs",
    "nvrtcCreateProgram",
    "nvrtcCompileProgram",
    "nvrtcGetProgramLogSize",
    "nvrtcGetProgramLog",
    "nvrtcGetPTXSize",
    "nvrtcGetPTX",
    "nvrtcDestroyProgram",
];

/// The variable with the path of a cuBLAS library that the system does not find by itself.
const CUBLAS: &str = "MERCATO_CUBLAS";
/// The same for NVRTC.
const NVRTC: &str = "MERCATO_NVRTC";

/// Whether the driver's library is there and not older than `oldest`; its version, 1000 · major + 10 · minor.
///
/// # Errors
/// Says which of the two it is.
#[expect(unsafe_code, reason = "foreign functions")]
pub fn driver(oldest: i32) -> Result<i32> {
    // SAFETY: opens and closes the library, whose initialisers are the driver's own.
    if !unsafe { sys::is_culib_present() } {
        return Err(Error::NoCuda);
    }
    // SAFETY: the library is there.
    complete(unsafe { sys::culib() }, "libcuda.so.1", &DRIVER_FUNCTIONS, "")?;
    let mut version = 0;
    // SAFETY: the library is there, the function needs no initialisation and has been in every version; the pointer is
    // to a live integer.
    let asked = unsafe { sys::cuDriverGetVersion(&raw mut version) };
    asked.result().map_err(failed("asking for the driver's version"))?;
    if version < oldest {
        return Err(Error::OldDriver { has: version, needs: oldest });
    }
    Ok(version)
}

/// Whether cuBLAS is there.
///
/// # Errors
/// Says what to do.
#[expect(unsafe_code, reason = "a foreign function")]
pub fn cublas() -> Result<()> {
    static NAMED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    open_named(&NAMED, CUBLAS)?;
    // SAFETY: opens and closes the library, whose initialisers are NVIDIA's own.
    if !unsafe { cublas::sys::is_culib_present() } {
        return Err(Error::NoCublas);
    }
    // SAFETY: the library is there.
    complete(unsafe { cublas::sys::culib() }, "cuBLAS", &CUBLAS_FUNCTIONS, "; MERCATO_CUBLAS may name another")
}

/// Whether NVRTC is there.
///
/// # Errors
/// Says what to do.
#[expect(unsafe_code, reason = "a foreign function")]
pub fn nvrtc() -> Result<()> {
    static NAMED: OnceLock<std::result::Result<(), String>> = OnceLock::new();
    open_named(&NAMED, NVRTC)?;
    // SAFETY: opens and closes the library, whose initialisers are NVIDIA's own.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return Err(Error::NoNvrtc);
    }
    // SAFETY: the library is there.
    complete(unsafe { nvrtc::sys::culib() }, "NVRTC", &NVRTC_FUNCTIONS, "; MERCATO_NVRTC may name another")
}

/// Whether `library` has all `functions`.
#[expect(unsafe_code, reason = "symbols are looked for")]
fn complete(
    library: &libloading::Library,
    name: &'static str,
    functions: &'static [&'static str],
    variable: &'static str,
) -> Result<()> {
    // SAFETY: the symbols are not called.
    let is_there = |function: &str| unsafe { library.get::<unsafe extern "C" fn()>(function.as_bytes()) }.is_ok();
    match functions.iter().find(|function| !is_there(function)) {
        Some(function) => Err(Error::Incomplete { library: name, function, variable }),
        None => Ok(()),
    }
}

/// Opens the library whose path the variable holds, once and for good: a later search by its name finds it.
#[expect(unsafe_code, reason = "initialisers of a library run")]
fn open_named(named: &OnceLock<std::result::Result<(), String>>, variable: &'static str) -> Result<()> {
    let opened = named.get_or_init(|| {
        let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else { return Ok(()) };
        // SAFETY: who sets the variable names a library of NVIDIA's.
        let library = unsafe { libloading::Library::new(&path) };
        library.map(std::mem::forget).map_err(|error| format!("{}: {error}", path.display()))
    });
    opened.clone().map_err(|problem| Error::NamedLibrary { variable, problem })
}

/// Whether the driver is the emulator of `kernels/emulator`, which has functions that no real one has.
#[expect(unsafe_code, reason = "a symbol is looked for")]
pub fn is_emulated() -> bool {
    // SAFETY: only called with a context, so the library is there; the symbol is not called.
    unsafe { sys::culib().get::<extern "C" fn()>(b"mercato_emulator_reset\0").is_ok() }
}

/// Why there is no context.
pub fn refused(error: DriverError) -> Error {
    match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE | sys::CUresult::CUDA_ERROR_INVALID_DEVICE => Error::NoDevice,
        _ => failed("opening the device")(error),
    }
}
