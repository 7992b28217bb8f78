//! The stream, how far it is known to have come, and pinned memory through which copies go.
use super::failed;
use crate::{device::Element, error::Result};
use cudarc::driver::{CudaStream, result};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Bytes of pinned memory for copies that nobody staged; a longer one goes in pieces.
const PASSAGE: usize = 1 << 20;

/// A stream of work.
pub struct Queue {
    /// cudarc's.
    pub stream: Arc<CudaStream>,
    given: AtomicU64,
    done: AtomicU64,
    passage: Mutex<Pinned<u64>>,
}

impl Queue {
    /// With its pinned memory.
    ///
    /// # Errors
    /// When there is no memory.
    pub fn new(stream: Arc<CudaStream>) -> Result<Self> {
        let passage = Mutex::new(Pinned::new(&stream, PASSAGE / 8)?);
        Ok(Queue { stream, given: AtomicU64::new(0), done: AtomicU64::new(0), passage })
    }

    /// Waits for everything that was asked before.
    ///
    /// # Errors
    /// What the device says of that work.
    pub fn wait(&self) -> Result<()> {
        let given = self.given.load(Ordering::Acquire);
        self.stream.synchronize().map_err(failed("waiting for the device"))?;
        self.done.fetch_max(given, Ordering::Release);
        Ok(())
    }

    /// Waits for a copy, unless it is known to be complete.
    ///
    /// # Errors
    /// As [`wait`](Queue::wait).
    pub fn wait_for(&self, copy: u64) -> Result<()> {
        if self.done.load(Ordering::Acquire) >= copy { Ok(()) } else { self.wait() }
    }

    /// Asks for a copy of pinned memory to the device, and returns its number: until then the memory must stay as it is.
    ///
    /// # Errors
    /// When the driver refuses.
    #[expect(unsafe_code, reason = "a foreign function")]
    pub fn send<T: Element>(&self, to: u64, pinned: &Pinned<T>, count: usize) -> Result<u64> {
        self.bind()?;
        // SAFETY: the caller has compared `count` with the buffer at `to`; the pinned memory waits before it goes.
        let copied = unsafe { result::memcpy_htod_async(to, &pinned.as_slice()[..count], self.stream.cu_stream()) };
        copied.map_err(failed("copying to the device"))?;
        Ok(self.given.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Copies `host` to the device.
    ///
    /// # Errors
    /// When the driver refuses.
    #[expect(unsafe_code, reason = "foreign functions, and numbers as bytes")]
    pub fn write<T: Element>(&self, to: u64, host: &[T]) -> Result<()> {
        self.bind()?;
        let mut passage = self.passage.lock().unwrap_or_else(PoisonError::into_inner);
        let pinned = passage.as_mut_slice();
        let each = PASSAGE / size_of::<T>();
        for (piece, numbers) in host.chunks(each).enumerate() {
            let (to, bytes) = (to + (piece * each * size_of::<T>()) as u64, size_of_val(numbers));
            // SAFETY: the passage holds `bytes`, and so does the buffer at `to`, as the caller has compared; nobody uses
            // the passage until the wait below.
            let copied = unsafe {
                let pinned = std::slice::from_raw_parts_mut(pinned.as_mut_ptr().cast::<u8>(), bytes);
                std::ptr::copy_nonoverlapping(numbers.as_ptr().cast(), pinned.as_mut_ptr(), bytes);
                result::memcpy_htod_async(to, pinned, self.stream.cu_stream())
            };
            copied.map_err(failed("copying to the device"))?;
            self.wait()?;
        }
        Ok(())
    }

    /// Copies from the device to `host`, after everything that was asked before.
    ///
    /// # Errors
    /// When the driver refuses, or what the device says of that work.
    #[expect(unsafe_code, reason = "foreign functions, and numbers as bytes")]
    pub fn read<T: Element>(&self, from: u64, host: &mut [T]) -> Result<()> {
        self.bind()?;
        let mut passage = self.passage.lock().unwrap_or_else(PoisonError::into_inner);
        let pinned = passage.as_mut_slice();
        let each = PASSAGE / size_of::<T>();
        for (piece, numbers) in host.chunks_mut(each).enumerate() {
            let (from, bytes) = (from + (piece * each * size_of::<T>()) as u64, size_of_val(numbers));
            // SAFETY: the passage holds `bytes`, and so does the buffer at `from`, as the caller has compared.
            let pinned = unsafe { std::slice::from_raw_parts_mut(pinned.as_mut_ptr().cast::<u8>(), bytes) };
            // SAFETY: as above; nobody uses the passage until the wait.
            let copied = unsafe { result::memcpy_dtoh_async(pinned, from, self.stream.cu_stream()) };
            copied.map_err(failed("copying from the device"))?;
            self.wait()?;
            // SAFETY: both have `bytes`; what the device holds for a `T` was copied from one or is a number.
            unsafe { std::ptr::copy_nonoverlapping(pinned.as_ptr(), numbers.as_mut_ptr().cast(), bytes) };
        }
        Ok(())
    }

    /// Makes the context the thread's.
    fn bind(&self) -> Result<()> {
        self.stream.context().bind_to_thread().map_err(failed("binding the context"))
    }
}

/// Host memory that the device copies from and to by itself, while the host goes on.
pub struct Pinned<T> {
    numbers: *mut T,
    len: usize,
    stream: Arc<CudaStream>,
}

#[expect(unsafe_code, reason = "memory behind a pointer")]
// SAFETY: the memory is the object's own, and numbers can go to any thread.
unsafe impl<T: Element> Send for Pinned<T> {}
#[expect(unsafe_code, reason = "memory behind a pointer")]
// SAFETY: as above; a shared reference only reads.
unsafe impl<T: Element> Sync for Pinned<T> {}

impl<T: Element> Pinned<T> {
    /// `len` defaults.
    ///
    /// # Errors
    /// When there is no memory.
    #[expect(unsafe_code, reason = "a foreign function")]
    pub fn new(stream: &Arc<CudaStream>, len: usize) -> Result<Self> {
        stream.context().bind_to_thread().map_err(failed("binding the context"))?;
        let bytes = len.saturating_mul(size_of::<T>());
        // SAFETY: the flags are none: memory that the host reads and writes as any other.
        let memory = unsafe { result::malloc_host(if bytes == 0 { 1 } else { bytes }, 0) };
        let numbers = memory.map_err(failed("allocating pinned memory"))?.cast::<T>();
        for index in 0..len {
            // SAFETY: the memory has `len` places, aligned to pages.
            unsafe { numbers.add(index).write(T::default()) };
        }
        Ok(Pinned { numbers, len, stream: stream.clone() })
    }

    /// The numbers.
    #[expect(unsafe_code, reason = "memory behind a pointer")]
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: all `len` were written by `new`, and live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.numbers, self.len) }
    }

    /// The numbers; copies that still read them have been waited for.
    #[expect(unsafe_code, reason = "memory behind a pointer")]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as for `as_slice`.
        unsafe { std::slice::from_raw_parts_mut(self.numbers, self.len) }
    }
}

impl<T> Drop for Pinned<T> {
    #[expect(unsafe_code, reason = "a foreign function")]
    fn drop(&mut self) {
        let context = self.stream.context();
        context.record_err(context.bind_to_thread());
        // A copy may still read the memory.
        context.record_err(self.stream.synchronize());
        // SAFETY: the memory is the driver's and is not used any more.
        context.record_err(unsafe { result::free_host(self.numbers.cast()) });
    }
}
