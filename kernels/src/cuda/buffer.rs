//! Numbers on the device.
use super::{
    Arg, failed,
    queue::{Pinned, Queue},
};
use crate::{
    device::{Element, Span},
    error::{Error, Result},
};
use cudarc::driver::{CudaSlice, DevicePtr};
use std::marker::PhantomData;

/// `len` numbers on the device, and the host's copy of the span that was staged last.
pub struct Buffer<T> {
    bytes: CudaSlice<u8>,
    address: u64,
    len: usize,
    /// What was reserved for staging.
    staged: Option<Pinned<T>>,
    /// The span that was staged and not committed: the device does not have it yet.
    open: Span,
    /// The number of the last copy from what was staged.
    sent: u64,
    numbers: PhantomData<T>,
}

impl<T: Element> Buffer<T> {
    /// Zeros.
    pub(super) fn zeros(queue: &Queue, len: usize) -> Result<Self> {
        let size = len.saturating_mul(size_of::<T>());
        // The driver has no buffers of no bytes.
        let bytes = queue.stream.alloc_zeros::<u8>(if size == 0 { 1 } else { size }).map_err(|error| {
            match failed("allocating memory")(error) {
                Error::NoRoom(_) => Error::NoRoom(size >> 20),
                other => other,
            }
        })?;
        let address = bytes.device_ptr(&queue.stream).0;
        Ok(Buffer { bytes, address, len, staged: None, open: 0..0, sent: 0, numbers: PhantomData })
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

    /// Zero bytes everywhere.
    pub(super) fn clear(&mut self, queue: &Queue) -> Result<()> {
        queue.stream.memset_zeros(&mut self.bytes).map_err(failed("filling memory"))
    }
    /// Makes pinned memory for spans of up to `most` numbers.
    pub(super) fn reserve(&mut self, queue: &Queue, most: usize) -> Result<()> {
        if self.staged.as_ref().is_none_or(|staged| staged.as_slice().len() < most) {
            self.staged = Some(Pinned::new(&queue.stream, most)?);
        }
        Ok(())
    }
    /// Pinned memory for `span`, until it is committed. It holds what was staged last.
    pub(super) fn stage(&mut self, queue: &Queue, span: Span) -> &mut [T] {
        // What the device says of earlier work it says again at the next call that can fail.
        let _ = queue.wait_for(self.sent);
        self.open = span.clone();
        let staged = self.staged.as_mut().map(Pinned::as_mut_slice).unwrap_or_default();
        assert!(span.len() <= staged.len(), "{span:?} is staged where {} numbers were reserved", staged.len());
        &mut staged[..span.len()]
    }
    /// Copies what was staged for `span` to the device.
    pub(super) fn commit(&mut self, queue: &Queue, span: Span) -> Result<()> {
        self.open = 0..0;
        let Some(staged) = self.staged.as_ref().filter(|_| !span.is_empty()) else { return Ok(()) };
        let address = self.bounded(&span, span.len());
        self.sent = queue.send(address, staged, span.len())?;
        Ok(())
    }

    /// Copies `host` to `span`.
    pub(super) fn write(&self, queue: &Queue, span: Span, host: &[T]) -> Result<()> {
        queue.write(self.bounded(&span, host.len()), host)
    }
    /// Copies `span` to `host`, after everything that the stream was asked before; what is staged counts.
    pub(super) fn read(&self, queue: &Queue, span: Span, host: &mut [T]) -> Result<()> {
        queue.read(self.bounded(&span, host.len()), host)?;
        let staged = self.staged.iter().flat_map(Pinned::as_slice);
        for (place, number) in self.open.clone().zip(staged) {
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
