//! Allocations, copies, fills.
use super::{Out, State, Status, api, host};
use crate::work::Work;
use std::ffi::{c_uchar, c_uint};

impl State {
    fn allocate(&mut self, length: usize) -> Result<u64, Status> {
        if length == 0 {
            return Err(Status::INVALID_VALUE);
        }
        if self.memory.live() + length as u64 > self.settings.capacity {
            return Err(Status::OUT_OF_MEMORY);
        }
        Ok(self.memory.allocate(length as u64))
    }

    fn is_pinned(&self, address: usize, length: usize) -> bool {
        let below = self.pinned.range(..=address).next_back();
        below.is_some_and(|(base, words)| address + length <= base + 8 * words.len())
    }

    /// A copy to the device. Pageable memory is read at the call, except in a capture; pinned memory when the copy runs.
    fn copy_in(&mut self, to: u64, from: usize, length: usize, stream: usize) -> Result<(), Status> {
        let staged = self.stream(stream)?.capture.is_none() && !self.is_pinned(from, length);
        let work = if staged {
            // SAFETY: the driver's contract: the source can be read during the call.
            Work::Staged { to, bytes: unsafe { host(from, length) }.into() }
        } else {
            Work::ToDevice { to, from, length }
        };
        self.submit(stream, work)
    }

    /// A copy to the host. Into pageable memory it is complete when the call returns.
    fn copy_out(&mut self, to: usize, from: u64, length: usize, stream: usize) -> Result<(), Status> {
        let waits = self.stream(stream)?.capture.is_none() && !self.is_pinned(to, length);
        self.submit(stream, Work::ToHost { to, from, length })?;
        if waits { self.finish(stream) } else { Ok(()) }
    }
}

api! {
    fn cuMemAllocAsync(state, address: Out<u64>, length: usize, stream: usize) {
        state.ready()?;
        if state.stream(stream)?.capture.is_some() {
            return state.refuse(Status::CAPTURE_UNSUPPORTED, "an allocation within a capture");
        }
        let allocated = state.allocate(length)?;
        address.set(allocated)
    }
    fn cuMemAlloc_v2(state, address: Out<u64>, length: usize) {
        state.ready()?;
        if state.is_capturing() {
            return state.refuse(Status::CAPTURE_UNSUPPORTED, "an allocation within a capture");
        }
        let allocated = state.allocate(length)?;
        address.set(allocated)
    }
    fn cuMemFreeAsync(state, address: u64, stream: usize) {
        if address == 0 {
            return Ok(());
        }
        if state.stream(stream)?.capture.is_some() {
            return state.refuse(Status::CAPTURE_UNSUPPORTED, "memory is freed within a capture");
        }
        state.submit(stream, Work::Free(address))
    }
    fn cuMemFree_v2(state, address: u64) {
        if address == 0 {
            return Ok(());
        }
        state.drain_all()?;
        state.execute(&Work::Free(address))
    }
    fn cuMemHostAlloc(state, address: Out<usize>, length: usize, _flags: c_uint) {
        state.ready()?;
        let words = vec![u64::MAX; length.div_ceil(8).max(1)];
        let base = words.as_ptr() as usize;
        state.pinned.insert(base, words);
        address.set(base)
    }
    fn cuMemFreeHost(state, address: usize) {
        // A copy that still uses the memory is completed first.
        state.drain_all()?;
        state.pinned.remove(&address).map(drop).ok_or(Status::INVALID_VALUE)
    }
    fn cuMemsetD8Async(state, to: u64, value: c_uchar, count: usize, stream: usize) {
        state.ready()?;
        state.submit(stream, Work::Fill { to, pattern: vec![value], count })
    }
    fn cuMemsetD32Async(state, to: u64, value: c_uint, count: usize, stream: usize) {
        state.ready()?;
        state.submit(stream, Work::Fill { to, pattern: value.to_le_bytes().to_vec(), count })
    }
    fn cuMemcpyHtoDAsync_v2(state, to: u64, from: usize, length: usize, stream: usize) {
        state.ready()?;
        state.copy_in(to, from, length, stream)
    }
    fn cuMemcpyDtoHAsync_v2(state, to: usize, from: u64, length: usize, stream: usize) {
        state.ready()?;
        state.copy_out(to, from, length, stream)
    }
    fn cuMemcpyDtoDAsync_v2(state, to: u64, from: u64, length: usize, stream: usize) {
        state.ready()?;
        state.submit(stream, Work::Within { to, from, length })
    }
}
