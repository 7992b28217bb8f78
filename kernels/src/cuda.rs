//! CUDA: every operation on an NVIDIA GPU.
//!
//! The libraries are loaded at run time, so a build needs no CUDA and a machine without it gets an [`Error`]. The kernels
//! are the `.cu` files beside the operations, shipped as PTX in `kernels/ptx`, which the driver compiles for the device.
//! [`Math`] says whether products are exact, which gives the bits of the CPU, or cuBLAS's.
use crate::{
    device::{Device, Element, Span},
    error::{Error, Result},
};
use cudarc::driver::{CudaContext, sys};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

mod blas;
mod buffer;
mod event;
mod graph;
mod kernels;
mod library;
pub mod nvrtc;
mod options;
mod queue;
mod survey;

pub use buffer::Buffer;
pub use graph::Graph;
pub(crate) use kernels::{Arg, Grid, blocks};
pub use kernels::{MODULES, Module};
pub use options::{CudaConfig, KernelSource, Math};
pub use survey::{Survey, survey};

use blas::Blas;
use kernels::Kernels;
use queue::Queue;

/// The oldest driver that has every function used here, as `cuDriverGetVersion` says it: CUDA 11.4.
const OLDEST_DRIVER: i32 = 11_040;
/// The oldest architecture that the PTX is for: Turing.
const OLDEST_CAPABILITY: (i32, i32) = (7, 5);
/// Words that operations keep between their kernels: the sums of 2³¹ parameters' chunks, and what is beside them.
const SCRATCH: usize = (1 << 18) + SUMS;
/// Where those sums begin.
const SUMS: usize = 64;
/// Where the fault is: \[1, slots, committed, window\].
const FAULT: Span = 16..20;

/// One GPU with a stream of its own. Clones share the stream: use a device and its clones from one thread at a time.
#[derive(Clone)]
pub struct Cuda {
    inner: Arc<Inner>,
}

struct Inner {
    kernels: Kernels,
    /// For `math = "fast"`.
    blas: Option<Blas>,
    scratch: Buffer<u32>,
    queue: Queue,
    name: String,
    capability: (i32, i32),
    /// Whether kernels that can fail have run since the fault was last looked at.
    unchecked: AtomicBool,
}

impl fmt::Debug for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cuda({})", self.inner.name)
    }
}

impl Cuda {
    /// The first GPU, computing exactly with the shipped kernels.
    ///
    /// # Errors
    /// As [`with`](Cuda::with).
    pub fn new() -> Result<Self> {
        Self::with(CudaConfig::default())
    }

    /// The first GPU.
    ///
    /// # Errors
    /// When CUDA, a device, a recent enough driver, or a library that `config` asks for is missing: which, and what to do.
    pub fn with(config: CudaConfig) -> Result<Self> {
        library::driver(OLDEST_DRIVER)?;
        let context = CudaContext::new(0).map_err(library::refused)?;
        let capability = context.compute_capability().map_err(failed("asking for the architecture"))?;
        let name = context.name().map_err(failed("asking for the name"))?;
        if capability < OLDEST_CAPABILITY {
            return Err(Error::OldDevice { name, has: capability, needs: OLDEST_CAPABILITY });
        }
        // SAFETY: all work of this context's buffers goes to the one stream below, whose order is enough. Capturing
        // refuses the waits that tracking would add.
        #[expect(unsafe_code, reason = "events between streams are not needed with one stream")]
        unsafe {
            context.disable_event_tracking();
        }
        let queue = Queue::new(context.new_stream().map_err(failed("making a stream"))?)?;
        let kernels = Kernels::load(&context, config.kernels, capability)?;
        let blas = match config.math {
            Math::Exact => None,
            Math::Fast | Math::Tf32 => Some(Blas::new(&queue.stream, config.math, capability)?),
        };
        let scratch = Buffer::zeros(&queue, SCRATCH)?;
        let unchecked = AtomicBool::new(false);
        Ok(Cuda { inner: Arc::new(Inner { kernels, blas, scratch, queue, name, capability, unchecked }) })
    }

    /// What the driver calls the device.
    pub fn name(&self) -> &str {
        &self.inner.name
    }
    /// Its compute capability, (7, 5) for 7.5.
    pub fn capability(&self) -> (i32, i32) {
        self.inner.capability
    }
    /// Whether there is no device behind it, but the emulator of `kernels/emulator`.
    pub fn is_emulated(&self) -> bool {
        library::is_emulated()
    }
    /// A number that the driver tells about the device.
    ///
    /// # Errors
    /// When the driver does not know it.
    pub(crate) fn attribute(&self, attribute: sys::CUdevice_attribute) -> Result<u64> {
        let context = self.inner.queue.stream.context();
        let number = context.attribute(attribute).map_err(failed("asking for a number of the device"))?;
        Ok(u64::try_from(number).unwrap_or(0))
    }

    /// Fills a buffer with zero bytes.
    ///
    /// # Errors
    /// When the driver refuses.
    pub(crate) fn clear<T: Element>(&self, buffer: &mut Buffer<T>) -> Result<()> {
        buffer.clear(&self.inner.queue)
    }

    /// cuBLAS, where products are not exact.
    pub(crate) fn blas(&self) -> Option<&Blas> {
        self.inner.blas.as_ref()
    }
    /// Puts a kernel into the stream.
    pub(crate) fn launch(&self, kernel: &'static str, grid: Grid, arguments: &[Arg]) -> Result<()> {
        self.inner.kernels.launch(&self.inner.queue.stream, kernel, grid, arguments)
    }

    /// Numbers that are the same for all parameters of an update.
    pub(crate) fn factors(&self) -> Arg {
        self.inner.scratch.part(0..FAULT.start)
    }
    /// Room for `count` sums.
    pub(crate) fn sums(&self, count: usize) -> Arg {
        self.inner.scratch.part(SUMS..SUMS + count)
    }
    /// Where a kernel says that there is nothing to draw; somebody looks at the next download.
    pub(crate) fn fault(&self) -> Arg {
        self.inner.unchecked.store(true, Ordering::Relaxed);
        self.inner.scratch.part(FAULT)
    }

    /// The error of a kernel that found nothing to draw, if one did since the last call.
    fn check(&self) -> Result<()> {
        if !self.inner.unchecked.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let mut fault = [0; 4];
        self.inner.scratch.read(&self.inner.queue, FAULT, &mut fault)?;
        let [found, slots, committed, window] = fault;
        if found == 0 {
            return Ok(());
        }
        self.inner.scratch.write(&self.inner.queue, FAULT, &[0; 4])?;
        Err(Error::NothingToDraw { slots: slots as usize, committed, window: window as usize })
    }
}

impl Device for Cuda {
    type Buf<T: Element> = Buffer<T>;
    type Tape = Graph;

    fn upload<T: Element>(&self, host: &[T]) -> Result<Buffer<T>> {
        let buffer = Buffer::zeros(&self.inner.queue, host.len())?;
        buffer.write(&self.inner.queue, 0..host.len(), host)?;
        Ok(buffer)
    }
    fn zeros<T: Element>(&self, len: usize) -> Result<Buffer<T>> {
        Buffer::zeros(&self.inner.queue, len)
    }
    fn reserve<T: Element>(&self, buf: &mut Buffer<T>, most: usize) -> Result<()> {
        buf.reserve(&self.inner.queue, most)
    }
    fn stage<'a, T: Element>(&self, buf: &'a mut Buffer<T>, span: Span) -> &'a mut [T] {
        buf.stage(&self.inner.queue, span)
    }
    fn commit<T: Element>(&self, buf: &mut Buffer<T>, span: Span) -> Result<()> {
        buf.commit(&self.inner.queue, span)
    }
    fn download<T: Element>(&self, buf: &Buffer<T>, span: Span, host: &mut [T]) -> Result<()> {
        buf.read(&self.inner.queue, span, host)?;
        self.check()
    }
    fn run(&self, tape: &mut Graph, step: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        tape.run(&self.inner.queue.stream, || step(self))?;
        self.inner.unchecked.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// The driver's refusal of what was being done.
fn failed(doing: &'static str) -> impl Fn(cudarc::driver::DriverError) -> Error {
    move |error| match error.0 {
        sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY => Error::NoRoom(0),
        sys::CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION => Error::NewPtx,
        code => Error::Cuda { doing, code: format!("{code:?}") },
    }
}
