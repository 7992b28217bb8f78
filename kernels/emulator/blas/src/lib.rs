//! A `libcublas` on the emulated driver: handles, and f32 products whose elements are exact chains.
//!
//! Shapes, leading dimensions and the workspace are checked; an unknown function is an error of the loader. The products
//! run in the driver's streams, so they can be captured: by a handle that has made a product before, because the first one
//! loads kernels, and that has a workspace of its own, because the real library allocates one for each capture.
#![allow(unsafe_code, reason = "a C interface: its pointers come from the caller")]
#![allow(non_snake_case, clippy::too_many_arguments, reason = "the library's own names and arguments")]

mod cuda;

use cuda::{Matrix, Product};
use std::collections::BTreeMap;
use std::ffi::{CStr, c_int, c_longlong, c_uint};
use std::sync::Mutex;

const SUCCESS: u32 = 0;
const NOT_INITIALIZED: u32 = 1;
const INVALID_VALUE: u32 = 7;
const EXECUTION_FAILED: u32 = 13;
const NOT_SUPPORTED: u32 = 15;
/// The math mode of TF32.
const TF32: c_uint = 3;

#[derive(Default)]
struct Handle {
    stream: usize,
    tf32: bool,
    /// Address and bytes.
    workspace: Option<(u64, usize)>,
    /// Whether it has made a product.
    warm: bool,
}

impl Handle {
    /// Why the handle cannot make a product now.
    fn refusal(&self) -> Option<&'static CStr> {
        if self.workspace.is_some_and(|(address, length)| !cuda::is_device(address, length)) {
            return Some(c"a product by cuBLAS whose workspace was freed");
        }
        if !cuda::is_capturing(self.stream) {
            return None;
        }
        match (self.warm, self.workspace) {
            (false, _) => Some(c"the first product of a handle of cuBLAS is captured"),
            (true, None) => Some(c"a product by cuBLAS is captured without a workspace of its handle's own"),
            (true, Some(_)) => None,
        }
    }
}

static HANDLES: Mutex<BTreeMap<usize, Handle>> = Mutex::new(BTreeMap::new());

fn with_handle(handle: usize, body: impl FnOnce(&mut Handle) -> u32) -> u32 {
    let mut handles = HANDLES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    handles.get_mut(&handle).map_or(NOT_INITIALIZED, body)
}

/// A new handle, on the default stream.
///
/// # Safety
/// `handle` has room for the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasCreate_v2(handle: *mut usize) -> u32 {
    let mut handles = HANDLES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let new = handles.last_key_value().map_or(0xB1A5, |(last, _)| last + 1);
    handles.insert(new, Handle::default());
    // SAFETY: the caller's.
    unsafe { handle.write(new) };
    SUCCESS
}

/// The end of a handle.
#[unsafe(no_mangle)]
pub extern "C" fn cublasDestroy_v2(handle: usize) -> u32 {
    let mut handles = HANDLES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    handles.remove(&handle).map_or(NOT_INITIALIZED, |_| SUCCESS)
}

/// The stream in which products run. As in the real library, it takes the handle's workspace away.
#[unsafe(no_mangle)]
pub extern "C" fn cublasSetStream_v2(handle: usize, stream: usize) -> u32 {
    with_handle(handle, |handle| {
        (handle.stream, handle.workspace) = (stream, None);
        SUCCESS
    })
}

/// Products are in f32 in every mode but that of TF32. Only the names of the real library are accepted.
#[unsafe(no_mangle)]
pub extern "C" fn cublasSetMathMode(handle: usize, mode: c_uint) -> u32 {
    const KNOWN: [c_uint; 4] = [0, 1, 2, 3];
    with_handle(handle, |handle| {
        if !KNOWN.contains(&(mode & 0xF)) {
            return INVALID_VALUE;
        }
        handle.tf32 = mode & 0xF == TF32;
        SUCCESS
    })
}

/// The workspace must be device memory.
#[unsafe(no_mangle)]
pub extern "C" fn cublasSetWorkspace_v2(handle: usize, address: u64, length: usize) -> u32 {
    let there = length == 0 || cuda::is_device(address, length);
    with_handle(handle, |handle| {
        if !there {
            return INVALID_VALUE;
        }
        handle.workspace = (length > 0).then_some((address, length));
        SUCCESS
    })
}

/// A version of CUDA 12.
///
/// # Safety
/// `version` has room for the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasGetVersion_v2(_handle: usize, version: *mut c_int) -> u32 {
    // SAFETY: the caller's.
    unsafe { version.write(120_604) };
    SUCCESS
}

/// C ← alpha · op(A) · op(B) + beta · C.
///
/// # Safety
/// `alpha` and `beta` point to numbers of the host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSgemm_v2(
    handle: usize,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: u64,
    leading_a: c_int,
    b: u64,
    leading_b: c_int,
    beta: *const f32,
    c: u64,
    leading_c: c_int,
) -> u32 {
    // SAFETY: the caller's.
    unsafe {
        cublasSgemmStridedBatched(
            handle,
            transpose_a,
            transpose_b,
            m,
            n,
            k,
            alpha,
            a,
            leading_a,
            0,
            b,
            leading_b,
            0,
            beta,
            c,
            leading_c,
            0,
            1,
        )
    }
}

/// The same for a batch at fixed distances.
///
/// # Safety
/// `alpha` and `beta` point to numbers of the host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cublasSgemmStridedBatched(
    handle: usize,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: *const f32,
    a: u64,
    leading_a: c_int,
    stride_a: c_longlong,
    b: u64,
    leading_b: c_int,
    stride_b: c_longlong,
    beta: *const f32,
    c: u64,
    leading_c: c_int,
    stride_c: c_longlong,
    batch: c_int,
) -> u32 {
    // SAFETY: the caller's; the pointer mode is always that of the host.
    let (alpha, beta) = unsafe { (*alpha, *beta) };
    let matrix = |address, leading: c_int, stride, rows: c_int| {
        let fits = leading >= rows.max(1);
        fits.then_some(Matrix { address, leading: leading as usize, stride })
    };
    if !(0..=1).contains(&transpose_a) || !(0..=1).contains(&transpose_b) {
        return NOT_SUPPORTED;
    }
    if m < 0 || n < 0 || k < 0 || batch < 0 {
        return INVALID_VALUE;
    }
    let (rows_a, rows_b) = (if transpose_a == 0 { m } else { k }, if transpose_b == 0 { k } else { n });
    let matrices = (
        matrix(a, leading_a, stride_a, rows_a),
        matrix(b, leading_b, stride_b, rows_b),
        matrix(c, leading_c, stride_c, m),
    );
    let (Some(a), Some(b), Some(c)) = matrices else { return INVALID_VALUE };
    let mut product = Product {
        transpose_a: transpose_a == 1,
        transpose_b: transpose_b == 1,
        tf32: false,
        m: m as usize,
        n: n as usize,
        k: k as usize,
        alpha,
        beta,
        matrices: [a, b, c],
        batch: batch as usize,
    };
    with_handle(handle, |handle| {
        if let Some(message) = handle.refusal() {
            cuda::refuse(message);
            return EXECUTION_FAILED;
        }
        (product.tf32, handle.warm) = (handle.tf32, true);
        if cuda::submit(handle.stream, &product) == 0 { SUCCESS } else { EXECUTION_FAILED }
    })
}
