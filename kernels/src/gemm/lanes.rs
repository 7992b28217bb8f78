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
    /// How many lanes are ±0.
    unsafe fn zeros(self) -> usize;
    /// The lanes that are not ±0, in order, and their numbers from `first` on; writes whole vectors, returns how many
    /// count.
    unsafe fn compress(self, first: usize, numbers: *mut f32, places: *mut u32) -> usize;
    /// Whether a lane of a vector is −0.
    unsafe fn any_negative_zero<const N: usize>(vectors: &[Self; N]) -> bool;
}

/// For each set of present lanes among 8 the numbers of those lanes in order, a byte each from the lowest on.
const ORDERS: [u64; 256] = {
    let mut orders = [0; 256];
    let mut present = 0;
    while present < 256 {
        let (mut lane, mut count) = (0, 0);
        while lane < 8 {
            if present >> lane & 1 == 1 {
                orders[present] |= lane << (8 * count);
                count += 1;
            }
            lane += 1;
        }
        present += 1;
    }
    orders
};

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
    #[inline(always)]
    unsafe fn zeros(self) -> usize {
        // SAFETY: the caller's.
        let zeros = unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_EQ_OQ>(self, _mm256_setzero_ps())) };
        zeros.count_ones() as usize
    }
    #[inline(always)]
    unsafe fn compress(self, first: usize, numbers: *mut f32, places: *mut u32) -> usize {
        // SAFETY: the caller's; a mask of 8 bits is within the table.
        unsafe {
            let present = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NEQ_UQ>(self, _mm256_setzero_ps())) as usize;
            let order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(ORDERS[present] as i64));
            _mm256_storeu_ps(numbers, _mm256_permutevar8x32_ps(self, order));
            _mm256_storeu_si256(places.cast(), _mm256_add_epi32(order, _mm256_set1_epi32(first as i32)));
            present.count_ones() as usize
        }
    }
    #[inline(always)]
    unsafe fn any_negative_zero<const N: usize>(vectors: &[Self; N]) -> bool {
        // SAFETY: the caller's. As an integer, −0 is the least of all.
        unsafe {
            let mut least = _mm256_castps_si256(vectors[0]);
            for vector in &vectors[1..] {
                least = _mm256_min_epi32(least, _mm256_castps_si256(*vector));
            }
            _mm256_movemask_epi8(_mm256_cmpeq_epi32(least, _mm256_set1_epi32(i32::MIN))) != 0
        }
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
    #[inline(always)]
    unsafe fn zeros(self) -> usize {
        // SAFETY: the caller's.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self, _mm512_setzero_ps()) }.count_ones() as usize
    }
    #[inline(always)]
    unsafe fn compress(self, first: usize, numbers: *mut f32, places: *mut u32) -> usize {
        // SAFETY: the caller's.
        unsafe {
            let present = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self, _mm512_setzero_ps());
            let order = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let order = _mm512_add_epi32(order, _mm512_set1_epi32(first as i32));
            _mm512_storeu_ps(numbers, _mm512_maskz_compress_ps(present, self));
            _mm512_storeu_si512(places.cast(), _mm512_maskz_compress_epi32(present, order));
            present.count_ones() as usize
        }
    }
    #[inline(always)]
    unsafe fn any_negative_zero<const N: usize>(vectors: &[Self; N]) -> bool {
        // SAFETY: the caller's. As an integer, −0 is the least of all.
        unsafe {
            let mut least = _mm512_castps_si512(vectors[0]);
            for vector in &vectors[1..] {
                least = _mm512_min_epi32(least, _mm512_castps_si512(*vector));
            }
            _mm512_cmpeq_epi32_mask(least, _mm512_set1_epi32(i32::MIN)) != 0
        }
    }
}
