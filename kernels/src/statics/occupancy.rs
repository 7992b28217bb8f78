//! How many warps of a kernel a multiprocessor can hold at once: what its registers, its shared memory and the size of its
//! blocks leave of the most that fits. The rules are those of NVIDIA's occupancy calculator.
use crate::cuda::nvrtc::Statics;

/// What a multiprocessor has (CUDA C++ Programming Guide, technical specifications for each compute capability).
struct Multiprocessor {
    architecture: &'static str,
    warps: u32,
    blocks: u32,
    /// Bytes at the largest share of the memory that it divides between shared memory and cache.
    shared: u32,
    /// Bytes of a block that the system takes.
    reserved: u32,
    /// Shared memory is given in units of so many bytes.
    unit: u32,
}

const MULTIPROCESSORS: [Multiprocessor; 3] = [
    Multiprocessor { architecture: "sm_75", warps: 32, blocks: 16, shared: 64 << 10, reserved: 0, unit: 256 },
    Multiprocessor { architecture: "sm_80", warps: 64, blocks: 32, shared: 164 << 10, reserved: 1 << 10, unit: 128 },
    Multiprocessor { architecture: "sm_90", warps: 64, blocks: 32, shared: 228 << 10, reserved: 1 << 10, unit: 128 },
];

/// Each of the four parts of a multiprocessor has so many registers; a warp lives in one part.
const REGISTERS: u32 = 16 << 10;
/// Registers are given to a warp in units of so many.
const REGISTER_UNIT: u32 = 256;

/// Warps on a multiprocessor at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupancy {
    /// Of the kernel.
    pub warps: u32,
    /// That fit at most.
    pub of: u32,
    /// What runs out first: `warps`, `blocks`, `registers` or `shared memory`.
    pub limit: &'static str,
}

impl Occupancy {
    /// That of a kernel in blocks of `warps_a_block` warps; `None` for an architecture whose multiprocessor is not known
    /// here, and for blocks that do not fit.
    pub fn of(kernel: &Statics, warps_a_block: u32) -> Option<Self> {
        let has = MULTIPROCESSORS.iter().find(|has| has.architecture == kernel.architecture)?;
        let registers = (32 * kernel.registers).next_multiple_of(REGISTER_UNIT).max(REGISTER_UNIT);
        let shared = (kernel.shared + has.reserved).next_multiple_of(has.unit);
        let limits = [
            (has.warps.checked_div(warps_a_block)?, "warps"),
            (has.blocks, "blocks"),
            (4 * (REGISTERS / registers) / warps_a_block, "registers"),
            (has.shared.checked_div(shared).unwrap_or(u32::MAX), "shared memory"),
        ];
        let (blocks, limit) = limits.into_iter().min_by_key(|(blocks, _)| *blocks)?;
        (blocks > 0).then_some(Occupancy { warps: blocks * warps_a_block, of: has.warps, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(architecture: &str, registers: u32, shared: u32, warps_a_block: u32) -> Option<(u32, &'static str)> {
        let kernel = Statics { kernel: "k".into(), architecture: architecture.into(), registers, spilled: 0, shared };
        Occupancy::of(&kernel, warps_a_block).map(|found| (found.warps, found.limit))
    }

    /// Worked by hand after the rules: 256 threads of 63 registers are 8 warps of 2016, given as 2048, of which 8 fit into
    /// each part; 33 registers are 1056, given as 1280, of which 12 do.
    #[test]
    fn what_runs_out_first_is_the_limit() {
        assert_eq!(of("sm_80", 32, 0, 8), Some((64, "warps")));
        assert_eq!(of("sm_75", 32, 0, 8), Some((32, "warps")));
        assert_eq!(of("sm_80", 63, 0, 8), Some((32, "registers")));
        assert_eq!(of("sm_80", 33, 0, 4), Some((48, "registers")));
        assert_eq!(of("sm_80", 32, 0, 1), Some((32, "blocks")));
        assert_eq!(of("sm_75", 16, 16 << 10, 4), Some((16, "shared memory")));
        // Of 164 KiB each block has 40 and the system's one.
        assert_eq!(of("sm_80", 16, 40 << 10, 4), Some((16, "shared memory")));
        assert_eq!(of("sm_90", 255, 0, 32), None, "a block of 1024 threads with 255 registers does not start");
        assert_eq!(of("sm_61", 32, 0, 8), None);
        assert_eq!(of("sm_80", 32, 0, 0), None);
    }
}
