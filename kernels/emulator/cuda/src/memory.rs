//! Device memory: allocations at made-up addresses, far apart.
//!
//! A gap of at least 64 KiB follows every allocation and no address is used twice, so an overrun or a use after free is
//! seen at the first byte, and a host that follows a device pointer crashes. Fresh memory is filled with 0xFF, which is
//! NaN as a float and −1 as an integer.

/// Where the first allocation lies.
const FIRST: u64 = 0x6F00_0000_0000;
/// Least distance between two allocations.
const GAP: u64 = 64 << 10;

struct Allocation {
    base: u64,
    length: u64,
    /// Empty after it was freed.
    bytes: Vec<u8>,
    freed: bool,
}

/// All allocations, live and freed.
pub struct Memory {
    /// Ascending by address, as addresses only grow.
    allocations: Vec<Allocation>,
    /// Indices of allocations that were found lately.
    recent: [usize; 4],
    turn: usize,
    next: u64,
    live: u64,
    peak: u64,
}

impl Default for Memory {
    fn default() -> Self {
        Self { allocations: Vec::new(), recent: [usize::MAX; 4], turn: 0, next: FIRST, live: 0, peak: 0 }
    }
}

impl Memory {
    /// Room for `length` bytes, aligned to 256.
    pub fn allocate(&mut self, length: u64) -> u64 {
        let base = self.next;
        self.next += length.next_multiple_of(256) + GAP;
        self.allocations.push(Allocation { base, length, bytes: vec![0xFF; length as usize], freed: false });
        self.live += length;
        if self.live > self.peak {
            self.peak = self.live;
        }
        base
    }

    /// Gives an allocation back; false if none that is live begins at `base`.
    pub fn free(&mut self, base: u64) -> bool {
        let Ok(index) = self.allocations.binary_search_by_key(&base, |allocation| allocation.base) else {
            return false;
        };
        let allocation = &mut self.allocations[index];
        if allocation.freed {
            return false;
        }
        allocation.freed = true;
        allocation.bytes = Vec::new();
        self.live -= allocation.length;
        true
    }

    /// `length` bytes from `address`, if they lie within one live allocation.
    #[inline(always)]
    pub fn slice(&mut self, address: u64, length: u64) -> Option<&mut [u8]> {
        let hit = |allocation: &Allocation| {
            let offset = address.wrapping_sub(allocation.base);
            let end = offset.checked_add(length)?;
            (end <= allocation.bytes.len() as u64).then_some(offset as usize..end as usize)
        };
        let mut found = None;
        for index in self.recent {
            if let Some(range) = self.allocations.get(index).and_then(hit) {
                found = Some((index, range));
                break;
            }
        }
        if found.is_none() {
            let index = self.below(address)?;
            let range = hit(&self.allocations[index])?;
            self.turn = (self.turn + 1) % self.recent.len();
            self.recent[self.turn] = index;
            found = Some((index, range));
        }
        found.map(|(index, range)| &mut self.allocations[index].bytes[range])
    }

    #[cold]
    fn below(&self, address: u64) -> Option<usize> {
        self.allocations.partition_point(|allocation| allocation.base <= address).checked_sub(1)
    }

    /// Where `address` lies, in words.
    pub fn explain(&self, address: u64) -> String {
        match self.below(address).map(|index| &self.allocations[index]) {
            None => "below every allocation".into(),
            Some(Allocation { base, length, freed, .. }) => {
                let state = if *freed { "a freed" } else { "an" };
                format!("{} bytes past the start of {state} allocation of {length} bytes", address - base)
            }
        }
    }

    /// Copies within the device; an error says which side is wrong.
    pub fn copy(&mut self, to: u64, from: u64, length: u64) -> Result<(), String> {
        let Some(source) = self.slice(from, length).map(|bytes| bytes.to_vec()) else {
            return Err(format!("copy of {length} bytes from {from:#x}: {}", self.explain(from)));
        };
        match self.slice(to, length) {
            Some(bytes) => {
                bytes.copy_from_slice(&source);
                Ok(())
            }
            None => Err(format!("copy of {length} bytes to {to:#x}: {}", self.explain(to))),
        }
    }

    /// Bytes in live allocations.
    pub fn live(&self) -> u64 {
        self.live
    }

    /// Most bytes that were live at once.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// Number of live allocations.
    pub fn allocations(&self) -> u64 {
        self.allocations.iter().filter(|allocation| !allocation.freed).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_memory_is_poisoned_and_ends_where_it_ends() {
        let mut memory = Memory::default();
        let (a, b) = (memory.allocate(10), memory.allocate(1000));
        assert_eq!(memory.slice(a, 10).unwrap(), [0xFF; 10]);
        assert!(b - a >= GAP && b % 256 == 0);
        assert!(memory.slice(a + 9, 2).is_none() && memory.slice(a.wrapping_sub(1), 2).is_none());
        assert!(memory.slice(a, u64::MAX).is_none() && memory.slice(u64::MAX, 2).is_none());
        assert_eq!(memory.explain(a + 12), "12 bytes past the start of an allocation of 10 bytes");
        assert_eq!(memory.explain(3), "below every allocation");
    }

    #[test]
    fn freed_memory_is_never_used_again() {
        let mut memory = Memory::default();
        let a = memory.allocate(16);
        assert!(memory.slice(a, 1).is_some());
        assert!(memory.free(a) && !memory.free(a) && !memory.free(a + 1));
        assert!(memory.slice(a, 1).is_none());
        assert!(memory.explain(a + 4).contains("freed"));
        assert_ne!(memory.allocate(16), a);
        assert_eq!((memory.live(), memory.peak(), memory.allocations()), (16, 16, 1));
    }

    #[test]
    fn a_copy_that_runs_over_names_its_side() {
        let mut memory = Memory::default();
        let (a, b) = (memory.allocate(8), memory.allocate(4));
        memory.slice(a, 8).unwrap().copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        memory.copy(b, a + 2, 4).unwrap();
        assert_eq!(memory.slice(b, 4).unwrap(), [3, 4, 5, 6]);
        assert!(memory.copy(b, a, 5).unwrap_err().contains("to 0x"));
        assert!(memory.copy(a, b, 5).unwrap_err().contains("from 0x"));
    }
}
