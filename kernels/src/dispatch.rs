//! One body, compiled for every instruction set.
//!
//! Elementwise loops need no hand-written vectors: the compiler turns the same text into AVX2 and AVX-512 code, and as it
//! never reorders or fuses floating-point operations by itself, the bits stay. [`compiled!`] makes the copies and picks
//! one at run time.

/// `compiled!(isa => body(name: Type = value, …) -> Result)` calls the `#[inline(always)]` function `body` in the copy
/// that was compiled for `isa`.
macro_rules! compiled {
    ($isa:expr => $body:ident($($name:ident: $type:ty = $value:expr),* $(,)?) $(-> $result:ty)?) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn avx2($($name: $type),*) $(-> $result)? {
            $body($($name),*)
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma,avx512f")]
        fn avx512($($name: $type),*) $(-> $result)? {
            $body($($name),*)
        }
        #[cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the machine must have the instructions"))]
        #[inline(always)]
        fn dispatch(isa: $crate::Isa, $($name: $type),*) $(-> $result)? {
            match isa {
                // SAFETY: a `Cpu` holds an instruction set only after the machine was found to have it.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx512 => unsafe { avx512($($name),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::Isa::Avx2 => unsafe { avx2($($name),*) },
                _ => $body($($name),*),
            }
        }
        dispatch($isa, $($value),*)
    }};
}
pub(crate) use compiled;

/// Asks for the cache line of `at`, so that it is near when it is read: in the second-level cache, which has more requests
/// in flight than the first and room for a batch.
#[inline(always)]
pub(crate) fn prefetch<T>(at: &T) {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "an intrinsic")]
    // SAFETY: a prefetch reads nothing, and `at` is valid anyway.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(std::ptr::from_ref(at).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
