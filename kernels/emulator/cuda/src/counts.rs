//! Counts of what kernels did: deterministic, comparable between runs, but no times. There is no model of caches,
//! latencies or occupancy behind them.

macro_rules! counts {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What the launches of one kernel did.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $($(#[doc = $doc])* pub $name: u64,)*
        }

        impl Counts {
            /// Every count with its name.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name)),*]
            }
        }
    };
}

counts! {
    /// Launches.
    launches,
    /// Blocks of threads.
    blocks,
    /// Warps.
    warps,
    /// Instructions issued by warps.
    warp_instructions,
    /// Instructions times active lanes.
    thread_instructions,
    /// Fused multiply-adds issued by warps.
    fma_instructions,
    /// Loads from global memory by warps.
    global_load_requests,
    /// Sectors of 32 bytes that those loads touch, counted per request.
    global_load_sectors,
    /// Stores to global memory by warps.
    global_store_requests,
    /// Sectors that those stores touch.
    global_store_sectors,
    /// Loads and stores of shared memory by warps.
    shared_requests,
    /// Passes over the 32 banks that they need.
    shared_wavefronts,
    /// Passes that they would need without conflicts: 1 for up to 4 bytes per lane, up to 2 for 8, up to 4 for 16.
    shared_ideal_wavefronts,
    /// Loads and stores of local memory (spilled or indexed arrays) by warps.
    local_requests,
    /// Loads of constant memory by warps.
    constant_requests,
    /// Conditional branches.
    branches,
    /// Those where the lanes of a warp part.
    divergent_branches,
    /// Barriers, counted per block.
    barriers,
    /// Atomic operations, counted per lane.
    atomics,
    /// Those that meet an address which another lane of the same instruction has.
    atomic_conflicts,
}

/// The lanes of `mask`, ascending.
pub fn lanes(mask: u32) -> impl Iterator<Item = usize> {
    (0..32).filter(move |lane| mask >> lane & 1 == 1)
}

/// Distinct sectors of 32 bytes that a request touches, where each lane accesses `size` bytes at its address.
pub fn sectors(addresses: &[u64; 32], mask: u32, size: u64) -> u64 {
    let (first, last) = (|address: u64| address >> 5, |address: u64| (address + size - 1) >> 5);
    let start = addresses[0];
    if mask == u32::MAX {
        let (mut consecutive, mut equal) = (true, true);
        for lane in 0..32 {
            consecutive &= addresses[lane] == start.wrapping_add(lane as u64 * size);
            equal &= addresses[lane] == start;
        }
        if consecutive {
            return last(start + 31 * size) - first(start) + 1;
        }
        if equal {
            return last(start) - first(start) + 1;
        }
    }
    let mut seen = [0; 64];
    let mut count = 0;
    for lane in lanes(mask) {
        for sector in first(addresses[lane])..=last(addresses[lane]) {
            if !seen[..count].contains(&sector) {
                seen[count] = sector;
                count += 1;
            }
        }
    }
    count as u64
}

/// Passes over the banks that a request to shared memory needs, and would need without conflicts: 32 banks of 4 bytes; accesses of 8 and 16 bytes go by
/// half and quarter warps.
pub fn wavefronts(addresses: &[u64; 32], mask: u32, size: u64) -> (u64, u64) {
    let group = match size {
        16 => 8,
        8 => 16,
        _ => 32,
    };
    let (mut total, mut ideal) = (0, 0);
    for start in (0..32).step_by(group) {
        let part = mask & (((1u64 << group) - 1) << start) as u32;
        if part == 0 {
            continue;
        }
        // The words that each bank must deliver; equal words are one broadcast.
        let mut words = [[0; 32]; 32];
        let mut counts = [0; 32];
        for lane in lanes(part) {
            for word in addresses[lane] >> 2..=(addresses[lane] + size - 1) >> 2 {
                let bank = (word & 31) as usize;
                if !words[bank][..counts[bank]].contains(&word) {
                    words[bank][counts[bank]] = word;
                    counts[bank] += 1;
                }
            }
        }
        total += counts.into_iter().max().unwrap_or_default() as u64;
        ideal += 1;
    }
    (total, ideal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(of: impl Fn(u64) -> u64) -> [u64; 32] {
        std::array::from_fn(|lane| of(lane as u64))
    }

    #[test]
    fn sectors_as_a_profiler_counts_them() {
        let count = |of: &dyn Fn(u64) -> u64, mask, size| sectors(&addresses(of), mask, size);
        assert_eq!(count(&|lane| 0x1000 + 4 * lane, !0, 4), 4);
        assert_eq!(count(&|lane| 0x1004 + 4 * lane, !0, 4), 5);
        assert_eq!(count(&|lane| 0x1000 + 16 * lane, !0, 16), 16);
        assert_eq!(count(&|_| 0x1000, !0, 4), 1);
        assert_eq!(count(&|lane| 0x1000 + 32 * lane, !0, 4), 32);
        assert_eq!(count(&|lane| 0x1000 + 128 * lane, 0b11, 4), 2);
        assert_eq!(count(&|lane| 0x1000 + 4 * (31 - lane), !0, 4), 4);
        assert_eq!(count(&|lane| 0x1000 + lane, !0, 1), 1);
    }

    #[test]
    fn wavefronts_as_a_profiler_counts_them() {
        let count = |of: &dyn Fn(u64) -> u64, mask, size| wavefronts(&addresses(of), mask, size).0;
        assert_eq!(count(&|lane| 4 * lane, !0, 4), 1);
        assert_eq!(count(&|_| 8, !0, 4), 1);
        assert_eq!(count(&|lane| 8 * lane, !0, 4), 2);
        assert_eq!(count(&|lane| 128 * lane, !0, 4), 32);
        assert_eq!(count(&|lane| 132 * lane, !0, 4), 1);
        assert_eq!(count(&|lane| 128 * lane, 0b111, 4), 3);
        assert_eq!(count(&|lane| 8 * lane, !0, 8), 2);
        assert_eq!(count(&|lane| 16 * lane, !0, 16), 4);
        assert_eq!(count(&|_| 0, !0, 16), 4);
        let ideal = |mask, size| wavefronts(&addresses(|lane| 128 * lane), mask, size).1;
        assert_eq!((ideal(!0, 4), ideal(!0, 8), ideal(!0, 16), ideal(1, 16)), (1, 2, 4, 1));
    }
}
