//! Numbers on the device.
use super::{Arg, failed};
use crate::{
    device::{Element, Span},
    error::{Error, Result},
};
use cudarc::driver::{CudaSlice, CudaStream, DevicePtr};
use std::{marker::PhantomData, sync::Arc};

/// `len` numbers on the device, and the host's copy of the span that was staged last.
pub struct Buffer<T> {
    bytes: CudaSlice<u8>,
    address: u64,
    len: usize,
    staged: Vec<T>,
    /// The span that was staged and not committed: the device does not have it yet.
    open: Span,
    numbers: PhantomData<T>,
}

impl<T: Element> Buffer<T> {
    /// Zeros.
    pub(super) fn zeros(stream: &Arc<CudaStream>, len: usize) -> Result<Self> {
        let size = len.saturating_mul(size_of::<T>());
        // The driver has no buffers of no bytes.
        let bytes = stream.alloc_zeros::<u8>(if size == 0 { 1 } else { size }).map_err(|error| {
            match failed("allocating memory")(error) {
                Error::NoRoom(_) => Error::NoRoom(size >> 20),
                other => other,
            }
        })?;
        let address = bytes.device_ptr(stream).0;
        Ok(Buffer { bytes, address, len, staged: Vec::new(), open: 0..0, numbers: PhantomData })
    }

    /// The numbers in `span`, for a kernel.
    pub(crate) fn part(&self, span: Span) -> Arg {
        let inside = span.start <= span.end && span.end <= self.len;
        Arg::Numbers { address: self.address + (span.start * size_of::<T>()) as u64, inside }
    }
    /// The first `count` numbers, for a kernel.
    pub(crate) fn first(&self, count: usize) -> Arg {
        self.part(0..count)
    }
    /// All numbers, for a kernel.
    pub(crate) fn all(&self) -> Arg {
        self.part(0..self.len)
    }

    /// Host memory for `span`, until it is committed. It holds what was staged last.
    pub(super) fn stage(&mut self, span: Span) -> &mut [T] {
        if self.staged.len() < span.len() {
            self.staged.resize(span.len(), T::default());
        }
        self.open = span.clone();
        &mut self.staged[..span.len()]
    }
    /// Copies what was staged for `span` to the device.
    pub(super) fn commit(&mut self, stream: &Arc<CudaStream>, span: Span) -> Result<()> {
        let staged = std::mem::take(&mut self.staged);
        let written = self.write(stream, span.clone(), &staged[..span.len()]);
        self.staged = staged;
        self.open = 0..0;
        written
    }

    #[expect(unsafe_code, reason = "a foreign function")]
    /// Copies `host` to `span`; the driver has taken it when this returns, because it is no pinned memory.
    pub(super) fn write(&self, stream: &Arc<CudaStream>, span: Span, host: &[T]) -> Result<()> {
        if span.is_empty() {
            return Ok(());
        }
        let address = self.bounded(&span, host.len());
        stream.context().bind_to_thread().map_err(failed("binding the context"))?;
        // SAFETY: `bounded` has compared both lengths.
        let copied = unsafe { cudarc::driver::result::memcpy_htod_async(address, host, stream.cu_stream()) };
        copied.map_err(failed("copying to the device"))
    }

    #[expect(unsafe_code, reason = "a foreign function")]
    /// Copies `span` to `host`, after everything that the stream was asked before; what is staged counts.
    pub(super) fn read(&self, stream: &Arc<CudaStream>, span: Span, host: &mut [T]) -> Result<()> {
        if span.is_empty() {
            return Ok(());
        }
        let address = self.bounded(&span, host.len());
        stream.context().bind_to_thread().map_err(failed("binding the context"))?;
        // SAFETY: `bounded` has compared both lengths; every bit pattern that the device holds for a `T` was copied from
        // one or is a number.
        let copied = unsafe { cudarc::driver::result::memcpy_dtoh_async(host, address, stream.cu_stream()) };
        copied.map_err(failed("copying from the device"))?;
        stream.synchronize().map_err(failed("waiting for the device"))?;
        for (place, number) in self.open.clone().zip(&self.staged) {
            if span.contains(&place) {
                host[place - span.start] = *number;
            }
        }
        Ok(())
    }

    /// The address of `span`.
    fn bounded(&self, span: &Span, host: usize) -> u64 {
        assert!(span.end <= self.len && span.len() == host, "{span:?} of {} with {host} on the host", self.len);
        debug_assert!(self.bytes.len() >= self.len * size_of::<T>());
        self.address + (span.start * size_of::<T>()) as u64
    }
}
