//! Memory traffic of every kernel, by the emulated driver's counts: no local memory, no bank conflicts, hardly more sectors
//! than must be touched, hardly more instructions than a product's fused multiply-adds.
use mercato_kernels::counts::{Table, least};
use std::sync::LazyLock;

#[path = "../examples/counts.rs"]
mod measuring;

/// Measured once for the tests that only look.
static MEASURED: LazyLock<Table> = LazyLock::new(|| measuring::measured().expect("the emulator runs every kernel"));

/// A count that must be there.
fn count(case: &str, kernel: &str, metric: &str) -> u64 {
    MEASURED.count(case, kernel, metric).unwrap_or_else(|| panic!("{case} has no {metric} of {kernel}"))
}

#[test]
fn no_kernel_spills_and_banks_are_free_of_conflicts() {
    for (case, kernel) in MEASURED.rows.keys() {
        assert_eq!(count(case, kernel, "local_requests"), 0, "{case} {kernel}: an array in local memory");
        let wavefronts = count(case, kernel, "shared_wavefronts");
        let ideal = count(case, kernel, "shared_ideal_wavefronts");
        assert!(100 * wavefronts <= 105 * ideal, "{case} {kernel}: {wavefronts} passes over the banks for {ideal}");
    }
}

/// Sectors of global memory, read and written, are at most 1.1 times the least wherever that is known: drawing, temporal
/// differences, Adam, choice and sums, at every shape.
#[test]
fn kernels_touch_hardly_more_sectors_than_they_must() {
    let mut compared = 0;
    for (case, kernel) in MEASURED.rows.keys() {
        let Some([read, written]) = least(case, kernel) else { continue };
        let loads = count(case, kernel, "global_load_sectors");
        let stores = count(case, kernel, "global_store_sectors");
        assert!(10 * loads <= 11 * read, "{case} {kernel}: {loads} sectors read, {read} are the least");
        assert!(10 * stores <= 11 * written, "{case} {kernel}: {stores} sectors written, {written} are the least");
        compared += 1;
    }
    assert!(compared > 30, "{compared} kernels and cases");
}

/// Instructions of a product for each fused multiply-add that it issues: at most 1.5.
#[test]
fn products_are_little_but_their_multiplications() {
    for shape in ["64x100x64", "256x256x256"] {
        for (operation, kernel) in
            [("linear", "gemm_forward_32"), ("linear_back", "gemm_weights_32"), ("linear_back", "gemm_inputs_32")]
        {
            let case = format!("{operation}/{shape}");
            let instructions = count(&case, kernel, "warp_instructions");
            let fused = count(&case, kernel, "fma_instructions");
            assert!(2 * instructions <= 3 * fused, "{case} {kernel}: {instructions} instructions, {fused} are fused");
        }
    }
    let fused = count("linear/64x100x64", "gemm_forward_32", "fma_instructions");
    assert_eq!(fused, 64 * 100 * 64 / 32, "the tiles fit, so nothing is multiplied in vain");
}
