//! Memory traffic of every kernel, by the emulated driver's counts: no local memory, no bank conflicts, hardly more sectors
//! than must be touched.
use mercato_kernels::counts::{METRICS, Table};
use std::sync::LazyLock;

#[path = "../examples/counts.rs"]
mod measuring;

/// Measured once for the tests that only look.
static MEASURED: LazyLock<Table> = LazyLock::new(|| measuring::measured().expect("the emulator runs every kernel"));

/// Kernels that read two rows of shared memory with two lanes, in the same bank: two passes instead of one, for the few
/// requests of one warp.
const CONFLICTS: [&str; 2] = ["td_summary", "linear_chosen_gradient"];

#[test]
fn no_kernel_spills_and_banks_are_free_of_conflicts() {
    for ((case, kernel), counts) in &MEASURED.rows {
        let of = |name: &str| counts[METRICS.iter().position(|count| *count == name).expect("a count")];
        assert_eq!(of("local_requests"), 0, "{case} {kernel}: an array in local memory");
        let (wavefronts, ideal) = (of("shared_wavefronts"), of("shared_ideal_wavefronts"));
        let free = 100 * wavefronts <= 105 * ideal;
        assert_eq!(free, ideal == 0 || !CONFLICTS.contains(&&**kernel), "{case} {kernel}: {wavefronts} for {ideal}");
    }
}

/// Sectors of global memory against the least that can hold what must be read and written. The bound is 1.15: a row of
/// 100 numbers (400 bytes, 13 sectors) begins in the middle of a sector every second time, and the four requests of a warp
/// for it then touch three sectors twice.
#[test]
fn kernels_touch_hardly_more_sectors_than_they_must() {
    // Case, kernel, least sectors read and written.
    let least = [
        // 200,000 numbers, 8 in a sector; one sum for each of 25 chunks.
        ("adam/200000", "adam_norm", 25_000, 25),
        // Gradient, parameters, moments and target; all but the gradient written; 4 factors for each of 6250 warps.
        ("adam/200000", "adam", 5 * 25_000 + 4 * 6250, 4 * 25_000),
        // Two rows for each of 64 transitions; pick, and stage, reward, action and stage of 3 steps; 3 folded numbers.
        ("sample/uniform/64x100", "gather", 64 * (2 * 13 + 1 + 3 * 3), 64 * (2 * 13 + 3)),
        // A row of the chosen values; 6 single numbers; a row of the gradient and the error.
        ("td/256x100", "td", 256 * (13 + 6), 256 * (13 + 1)),
        // A row of values and the clock; the action.
        ("choose/256x100", "choose", 256 * (13 + 1), 256),
    ];
    for (case, kernel, read, written) in least {
        let counts =
            MEASURED.rows.get(&(case.into(), kernel.into())).unwrap_or_else(|| panic!("{case} has no {kernel}"));
        let of = |name: &str| counts[METRICS.iter().position(|count| *count == name).expect("a count")];
        let (loads, stores) = (of("global_load_sectors"), of("global_store_sectors"));
        assert!(100 * loads <= 115 * read, "{case} {kernel}: {loads} sectors read, {read} are the least");
        assert!(100 * stores <= 115 * written, "{case} {kernel}: {stores} sectors written, {written} are the least");
    }
}
