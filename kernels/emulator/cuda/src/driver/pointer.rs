//! Pointers that the caller of a driver function gives.
use super::Status;
use std::ffi::{CStr, c_char};

/// Room for a result.
#[repr(transparent)]
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Writes the result.
    pub fn set(self, value: T) -> Result<(), Status> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: the driver's contract: where a result is returned, the caller's pointer has room for it.
        unsafe { self.0.write(value) };
        Ok(())
    }

    /// Whether the caller wants the result.
    pub fn is_wanted(&self) -> bool {
        !self.0.is_null()
    }
}

/// A C string.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Text(*const c_char);

impl Text {
    /// The text, if it is UTF-8.
    pub fn read<'a>(self) -> Result<&'a str, Status> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: the driver's contract: the string ends with 0 and lives during the call.
        unsafe { CStr::from_ptr(self.0) }.to_str().map_err(|_| Status::INVALID_VALUE)
    }
}

/// Host memory that is read.
///
/// # Safety
/// `length` bytes from `address` on can be read as long as the result lives.
pub unsafe fn host<'a>(address: usize, length: usize) -> &'a [u8] {
    if length == 0 {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(address as *const u8, length) }
}

/// Host memory that is written.
///
/// # Safety
/// `length` bytes from `address` on can be written, by nobody else, as long as the result lives.
pub unsafe fn host_mut<'a>(address: usize, length: usize) -> &'a mut [u8] {
    if length == 0 {
        return &mut [];
    }
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts_mut(address as *mut u8, length) }
}
