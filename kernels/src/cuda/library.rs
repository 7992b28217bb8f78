//! Whether there is CUDA at all.
//!
//! cudarc panics where the library or a function of it is missing, so everything is asked for before its first call.
use super::failed;
use crate::error::{Error, Result};
use cudarc::driver::{DriverError, sys};

/// Whether the driver's library is there and not older than `oldest`.
///
/// # Errors
/// Says which of the two it is.
#[expect(unsafe_code, reason = "foreign functions")]
pub fn check(oldest: i32) -> Result<()> {
    // SAFETY: opens and closes the library, whose initialisers are the driver's own.
    if !unsafe { sys::is_culib_present() } {
        return Err(Error::NoCuda);
    }
    let mut version = 0;
    // SAFETY: the library is there, the function needs no initialisation and has been in every version; the pointer is
    // to a live integer.
    let asked = unsafe { sys::cuDriverGetVersion(&raw mut version) };
    asked.result().map_err(failed("asking for the driver's version"))?;
    if version < oldest {
        return Err(Error::OldDriver { has: version, needs: oldest });
    }
    Ok(())
}

/// Why there is no context.
pub fn refused(error: DriverError) -> Error {
    match error.0 {
        sys::CUresult::CUDA_ERROR_NO_DEVICE | sys::CUresult::CUDA_ERROR_INVALID_DEVICE => Error::NoDevice,
        _ => failed("opening the device")(error),
    }
}
