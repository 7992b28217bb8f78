//! Products by cuBLAS, for `math = "fast"`: its own order, so no promise about bits beyond one machine and version.
use super::{Arg, Math, failed, library};
use crate::{
    error::{Error, Result},
    gemm::{DeviceProduct, Layout},
};
use cudarc::{
    cublas::{
        result::{self, CublasError},
        sys::{self, cublasHandle_t, cublasMath_t, cublasOperation_t},
    },
    driver::{CudaSlice, CudaStream, DevicePtr},
};
use std::sync::Arc;

/// A handle with a workspace of its own: in a captured graph cuBLAS would otherwise allocate one for each capture.
pub struct Blas {
    handle: cublasHandle_t,
    /// The handle speaks of it.
    _workspace: CudaSlice<u8>,
}

#[expect(unsafe_code, reason = "a handle of cuBLAS")]
// SAFETY: the library allows any thread, one at a time, as a device's documentation asks for.
unsafe impl Send for Blas {}
#[expect(unsafe_code, reason = "a handle of cuBLAS")]
// SAFETY: as above.
unsafe impl Sync for Blas {}

impl Blas {
    /// A handle whose products go to `stream`. The first product, which loads kernels, is made here: nothing can be loaded
    /// while a step is captured.
    ///
    /// # Errors
    /// When cuBLAS is missing or refuses.
    #[expect(unsafe_code, reason = "foreign functions")]
    pub fn new(stream: &Arc<CudaStream>, math: Math, capability: (i32, i32)) -> Result<Self> {
        library::cublas()?;
        let bytes = workspace_bytes(capability);
        let workspace = stream.alloc_zeros::<u8>(bytes).map_err(failed("allocating cuBLAS's workspace"))?;
        let handle = result::create_handle().map_err(refused("opening cuBLAS"))?;
        let blas = Blas { handle, _workspace: workspace };
        let address = blas._workspace.device_ptr(stream).0;
        let mode = match math {
            Math::Tf32 => cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
            Math::Exact | Math::Fast => cublasMath_t::CUBLAS_DEFAULT_MATH,
        };
        // SAFETY: handle, stream and workspace live as long as `blas`. The workspace comes after the stream, which resets it.
        unsafe {
            result::set_stream(handle, stream.cu_stream().cast()).map_err(refused("choosing cuBLAS's stream"))?;
            let given = sys::cublasSetWorkspace_v2(handle, address as *mut _, bytes);
            given.result().map_err(refused("giving cuBLAS its workspace"))?;
            sys::cublasSetMathMode(handle, mode).result().map_err(refused("choosing cuBLAS's arithmetic"))?;
        }
        let numbers = stream.alloc_zeros::<f32>(3).map_err(failed("allocating memory"))?;
        let at = |index: u64| Arg::Numbers { address: numbers.device_ptr(stream).0 + 4 * index, inside: true };
        let layout = Layout::Forward;
        let (left, right, start, out) = ((at(0), 1), (at(1), 1), Arg::Nothing, at(2));
        blas.product(&DeviceProduct { layout, rows: 1, depth: 1, columns: 1, left, right, start, relu: false, out })?;
        stream.synchronize().map_err(failed("waiting for cuBLAS"))?;
        Ok(blas)
    }

    /// Puts the product alone, without start and ReLU, into the stream.
    ///
    /// cuBLAS counts columns first: what it calls C is the transpose of `out`, and C = rightᵀ · leftᵀ.
    ///
    /// # Errors
    /// When a span is beyond its buffer, a size beyond what cuBLAS counts, or cuBLAS refuses.
    #[expect(unsafe_code, reason = "a foreign function")]
    pub fn product(&self, product: &DeviceProduct) -> Result<()> {
        let wrong = |problem: String| Error::Launch { kernel: "cublasSgemm", problem };
        let address = |what: &str, argument: Arg| match argument {
            Arg::Numbers { address, inside: true } => Ok(address),
            _ => Err(wrong(format!("{what} is beyond its buffer"))),
        };
        let size = |size: usize| i32::try_from(size).map_err(|_| wrong(format!("{size} is more than cuBLAS counts")));
        let (as_it_lies, turned) = (cublasOperation_t::CUBLAS_OP_N, cublasOperation_t::CUBLAS_OP_T);
        let (left, right) = match product.layout {
            Layout::Forward => (as_it_lies, as_it_lies),
            Layout::Weights => (turned, as_it_lies),
            Layout::Inputs => (as_it_lies, turned),
        };
        let (a, b) = (address("the right operand", product.right.0)?, address("the left operand", product.left.0)?);
        let c = address("the result", product.out)?;
        let (m, n, k) = (size(product.columns)?, size(product.rows)?, size(product.depth)?);
        let (lda, ldb) = (size(product.right.1)?, size(product.left.1)?);
        if m == 0 || n == 0 {
            return Ok(());
        }
        let (alpha, beta) = (1.0, 0.0);
        // SAFETY: every span was compared with its buffer, and holds what these sizes and distances reach.
        let given = unsafe {
            let (a, b, c) = (a as *const f32, b as *const f32, c as *mut f32);
            result::sgemm(self.handle, right, left, m, n, k, &raw const alpha, a, lda, b, ldb, &raw const beta, c, m)
        };
        given.map_err(refused("a product by cuBLAS"))
    }
}

impl Drop for Blas {
    #[expect(unsafe_code, reason = "a foreign function")]
    fn drop(&mut self) {
        // SAFETY: the handle is this object's. That it could not be destroyed, after a fault, helps nobody.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}

/// What NVIDIA recommends: 32 MiB for Hopper and Blackwell, else 4.
fn workspace_bytes((major, _): (i32, i32)) -> usize {
    (if major >= 9 { 32 } else { 4 }) << 20
}

fn refused(doing: &'static str) -> impl Fn(CublasError) -> Error {
    move |CublasError(code)| Error::Cuda { doing, code: format!("{code:?}") }
}
