//! What a stream carries out or a graph keeps.
use crate::driver::{host, host_mut};
use crate::exec::Launch;
use crate::memory::Memory;
use crate::product::Product;
use std::sync::Arc;

/// A piece of work.
#[derive(Clone, Debug)]
pub enum Work {
    /// A kernel.
    Kernel(Box<Launch>),
    /// Bytes that were staged at the call, to the device.
    Staged { to: u64, bytes: Arc<[u8]> },
    /// Host memory to the device, read when the copy runs.
    ToDevice { to: u64, from: usize, length: usize },
    /// Device to host memory.
    ToHost { to: usize, from: u64, length: usize },
    /// Within the device.
    Within { to: u64, from: u64, length: usize },
    /// The same bytes again and again.
    Fill { to: u64, pattern: Vec<u8>, count: usize },
    /// A matrix product.
    Product(Product),
    /// The time, for an event.
    Record(usize),
    /// Until another stream has come this far.
    Wait { stream: usize, position: u64 },
    /// The end of an allocation's life.
    Free(u64),
    /// A graph.
    Graph(Arc<[Work]>),
}

impl Work {
    /// Names of the counts of copies and bytes, and the bytes.
    pub fn traffic(&self) -> ((&'static str, &'static str), u64) {
        match self {
            Work::Staged { bytes, .. } => (("copies_to_device", "bytes_to_device"), bytes.len() as u64),
            Work::ToDevice { length, .. } => (("copies_to_device", "bytes_to_device"), *length as u64),
            Work::ToHost { length, .. } => (("copies_to_host", "bytes_to_host"), *length as u64),
            Work::Within { length, .. } => (("copies_within", "bytes_within"), *length as u64),
            Work::Fill { pattern, count, .. } => (("fills", "bytes_filled"), (pattern.len() * count) as u64),
            Work::Kernel(_)
            | Work::Product(_)
            | Work::Record(_)
            | Work::Wait { .. }
            | Work::Free(_)
            | Work::Graph(_) => unreachable!("no transfer"),
        }
    }

    /// Carries a copy or a fill out.
    pub fn transfer(&self, memory: &mut Memory) -> Result<(), String> {
        let missing = |memory: &Memory, what: &str, at: u64, length: usize| {
            Err(format!("{what} of {length} bytes at {at:#x}: {}", memory.explain(at)))
        };
        match self {
            Work::Staged { to, bytes } => match memory.slice(*to, bytes.len() as u64) {
                Some(target) => target.copy_from_slice(bytes),
                None => return missing(memory, "copy to the device", *to, bytes.len()),
            },
            Work::ToDevice { to, from, length } => match memory.slice(*to, *length as u64) {
                // SAFETY: the driver's contract: the source can be read until the copy is complete.
                Some(target) => target.copy_from_slice(unsafe { host(*from, *length) }),
                None => return missing(memory, "copy to the device", *to, *length),
            },
            Work::ToHost { to, from, length } => match memory.slice(*from, *length as u64) {
                // SAFETY: the driver's contract: the target can be written until the copy is complete.
                Some(source) => unsafe { host_mut(*to, *length) }.copy_from_slice(source),
                None => return missing(memory, "copy to the host", *from, *length),
            },
            Work::Within { to, from, length } => return memory.copy(*to, *from, *length as u64),
            Work::Fill { to, pattern, count } => match memory.slice(*to, (pattern.len() * count) as u64) {
                Some(target) => target.chunks_exact_mut(pattern.len()).for_each(|chunk| chunk.copy_from_slice(pattern)),
                None => return missing(memory, "fill", *to, pattern.len() * count),
            },
            Work::Kernel(_)
            | Work::Product(_)
            | Work::Record(_)
            | Work::Wait { .. }
            | Work::Free(_)
            | Work::Graph(_) => unreachable!("no transfer"),
        }
        Ok(())
    }
}
