//! Vectors of f32 as the tiles need them, 8 wide (AVX2 and FMA) and 16 wide (AVX-512 F).
use std::arch::x86_64::*;

/// A vector. Every method must be inlined into a function compiled for the vector's instruction set.
///
/// # Safety
/// All methods: the machine has the instruction set; pointers are valid for the lanes that are read or written.
pub(super) trait Lanes: Copy {
    /// Numbers per vector.
    const WIDTH: usize;
    /// Rows of the largest tile that is two vectors wide: as many as registers hold.
    const ROWS: usize;
    /// Which lanes a partial vector has.
    type Mask: Copy;

    /// The first `lanes` lanes, from 1 to `WIDTH`.
    unsafe fn first(lanes: usize) -> Self::Mask;
    unsafe fn splat(number: f32) -> Self;
    unsafe fn load(at: *const f32) -> Self;
    /// Absent lanes are 0.
    unsafe fn load_part(at: *const f32, mask: Self::Mask) -> Self;
    unsafe fn store(self, at: *mut f32);
    unsafe fn store_part(self, at: *mut f32, mask: Self::Mask);
    /// self + a · b, rounded once.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// Each lane where it is above 0, else +0.
    unsafe fn relu(self) -> Self;
}

impl Lanes for __m256 {
    const WIDTH: usize = 8;
    const ROWS: usize = 6;
    type Mask = __m256i;

    #[inline(always)]
    unsafe fn first(lanes: usize) -> __m256i {
        const LANES: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: the 8 numbers from 8 − lanes on lie within the 16.
        unsafe { _mm256_loadu_si256(LANES.as_ptr().add(8 - lanes).cast()) }
    }
    #[inline(always)]
    unsafe fn splat(number: f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm256_set1_ps(number) }
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm256_loadu_ps(at) }
    }
    #[inline(always)]
    unsafe fn load_part(at: *const f32, mask: __m256i) -> Self {
        // SAFETY: the caller's; lanes off the mask are not touched.
        unsafe { _mm256_maskload_ps(at, mask) }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm256_storeu_ps(at, self) }
    }
    #[inline(always)]
    unsafe fn store_part(self, at: *mut f32, mask: __m256i) {
        // SAFETY: the caller's; lanes off the mask are not touched.
        unsafe { _mm256_maskstore_ps(at, mask, self) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm256_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the caller's. The instruction gives its second operand for NaN and for zeros of any sign.
        unsafe { _mm256_max_ps(self, _mm256_setzero_ps()) }
    }
}

impl Lanes for __m512 {
    const WIDTH: usize = 16;
    const ROWS: usize = 12;
    type Mask = __mmask16;

    #[inline(always)]
    unsafe fn first(lanes: usize) -> __mmask16 {
        u16::MAX >> (16 - lanes)
    }
    #[inline(always)]
    unsafe fn splat(number: f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_set1_ps(number) }
    }
    #[inline(always)]
    unsafe fn load(at: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_loadu_ps(at) }
    }
    #[inline(always)]
    unsafe fn load_part(at: *const f32, mask: __mmask16) -> Self {
        // SAFETY: the caller's; lanes off the mask are not touched.
        unsafe { _mm512_maskz_loadu_ps(mask, at) }
    }
    #[inline(always)]
    unsafe fn store(self, at: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm512_storeu_ps(at, self) }
    }
    #[inline(always)]
    unsafe fn store_part(self, at: *mut f32, mask: __mmask16) {
        // SAFETY: the caller's; lanes off the mask are not touched.
        unsafe { _mm512_mask_storeu_ps(at, mask, self) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        // SAFETY: the caller's. The instruction gives its second operand for NaN and for zeros of any sign.
        unsafe { _mm512_max_ps(self, _mm512_setzero_ps()) }
    }
}
