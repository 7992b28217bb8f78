//! The driver's error numbers.
use super::api;
use super::pointer::Out;
use std::ffi::{CStr, c_char, c_uint};

/// An error number of the driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($name:ident = $value:literal $text:literal,)*) => {
        #[allow(missing_docs, reason = "the driver's own names")]
        impl Status {
            $(pub const $name: Status = Status($value);)*

            /// The driver's name of the error.
            pub fn name(self) -> &'static CStr {
                match self.0 {
                    0 => c"CUDA_SUCCESS",
                    $($value => $text,)*
                    _ => c"CUDA_ERROR_UNKNOWN",
                }
            }
        }
    };
}

statuses! {
    INVALID_VALUE = 1 c"CUDA_ERROR_INVALID_VALUE",
    OUT_OF_MEMORY = 2 c"CUDA_ERROR_OUT_OF_MEMORY",
    NOT_INITIALIZED = 3 c"CUDA_ERROR_NOT_INITIALIZED",
    NO_DEVICE = 100 c"CUDA_ERROR_NO_DEVICE",
    INVALID_DEVICE = 101 c"CUDA_ERROR_INVALID_DEVICE",
    INVALID_CONTEXT = 201 c"CUDA_ERROR_INVALID_CONTEXT",
    NO_BINARY_FOR_GPU = 209 c"CUDA_ERROR_NO_BINARY_FOR_GPU",
    INVALID_PTX = 218 c"CUDA_ERROR_INVALID_PTX",
    INVALID_HANDLE = 400 c"CUDA_ERROR_INVALID_HANDLE",
    NOT_FOUND = 500 c"CUDA_ERROR_NOT_FOUND",
    NOT_READY = 600 c"CUDA_ERROR_NOT_READY",
    ILLEGAL_ADDRESS = 700 c"CUDA_ERROR_ILLEGAL_ADDRESS",
    NOT_SUPPORTED = 801 c"CUDA_ERROR_NOT_SUPPORTED",
    CAPTURE_UNSUPPORTED = 900 c"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
    CAPTURE_INVALIDATED = 901 c"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
    CAPTURE_ISOLATION = 905 c"CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
    CAPTURE_IMPLICIT = 906 c"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
    CAPTURED_EVENT = 907 c"CUDA_ERROR_CAPTURED_EVENT",
}

api! {
    fn cuGetErrorName(_state, error: c_uint, name: Out<*const c_char>) {
        name.set(Status(error).name().as_ptr())
    }
    fn cuGetErrorString(_state, error: c_uint, text: Out<*const c_char>) {
        text.set(Status(error).name().as_ptr())
    }
}
