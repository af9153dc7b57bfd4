//! Wide arithmetic without choosing it at build time: on x86-64 the baseline and AVX2 with FMA are both compiled, and
//! one is picked at run time. Other targets (Arm's NEON is part of its baseline) have one version.

/// Eight floats added up side by side.
pub trait Lanes: Copy {
    /// All zero.
    fn zero() -> Self;
    /// All `value`.
    fn splat(value: f32) -> Self;
    /// From memory.
    fn load(values: &[f32; 8]) -> Self;
    /// `self + a · b`, lane by lane.
    #[must_use]
    fn plus(self, a: Self, b: Self) -> Self;
    /// To memory.
    fn store(self) -> [f32; 8];
    /// Their sum, halves added to halves.
    fn sum(self) -> f32;
    /// Asks for the start of `values` to be brought into the nearest cache; where there is no way to ask, nothing.
    fn prefetch(values: &[f32]);
    /// `sum + a · b` of single floats, rounded as [`Lanes::plus`] rounds.
    fn plus_one(sum: f32, a: f32, b: f32) -> f32;
}

/// Lanes that the compiler may put into whatever registers the target has.
#[derive(Clone, Copy)]
pub struct Portable([f32; 8]);

impl Lanes for Portable {
    #[inline(always)]
    fn zero() -> Self {
        Self([0.0; 8])
    }

    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self([value; 8])
    }

    #[inline(always)]
    fn load(values: &[f32; 8]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    fn store(self) -> [f32; 8] {
        self.0
    }

    #[inline(always)]
    fn plus(mut self, a: Self, b: Self) -> Self {
        for lane in 0..8 {
            self.0[lane] = Self::plus_one(self.0[lane], a.0[lane], b.0[lane]);
        }
        self
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        let l = self.0;
        ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
    }

    #[inline(always)]
    fn prefetch(_: &[f32]) {}

    #[inline(always)]
    fn plus_one(sum: f32, a: f32, b: f32) -> f32 {
        // Where fused multiply-add is not in the baseline it would be a library call.
        if cfg!(target_arch = "aarch64") { a.mul_add(b, sum) } else { sum + a * b }
    }
}

#[cfg(target_arch = "x86_64")]
pub use avx2::{Avx2, has_avx2};

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256, _MM_HINT_T0, _mm_prefetch, _mm256_fmadd_ps, _mm256_set1_ps, _mm256_setzero_ps,
    };
    use std::mem::transmute;

    use super::Lanes;

    /// Whether this processor has 256-bit fused multiply-add.
    pub fn has_avx2() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    /// One AVX register. Only for code that runs after [`has_avx2`] said yes.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    impl Lanes for Avx2 {
        #[inline(always)]
        fn zero() -> Self {
            // SAFETY: the processor has AVX, see the type.
            Self(unsafe { _mm256_setzero_ps() })
        }

        #[inline(always)]
        fn splat(value: f32) -> Self {
            // SAFETY: the processor has AVX, see the type.
            Self(unsafe { _mm256_set1_ps(value) })
        }

        #[inline(always)]
        fn load(values: &[f32; 8]) -> Self {
            // SAFETY: the types are as large, and any bits are floats. (The intrinsic for it checks its pointer in
            // builds with debug assertions, which costs more than the load.)
            Self(unsafe { transmute::<[f32; 8], __m256>(*values) })
        }

        #[inline(always)]
        fn plus(self, a: Self, b: Self) -> Self {
            // SAFETY: the processor has FMA, see the type.
            Self(unsafe { _mm256_fmadd_ps(a.0, b.0, self.0) })
        }

        #[inline(always)]
        fn store(self) -> [f32; 8] {
            // SAFETY: the types are as large, and any bits are floats.
            unsafe { transmute::<__m256, [f32; 8]>(self.0) }
        }

        #[inline(always)]
        fn sum(self) -> f32 {
            super::Portable(self.store()).sum()
        }

        #[inline(always)]
        fn prefetch(values: &[f32]) {
            // SAFETY: a hint, which touches no memory that the program can see.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(values.as_ptr().cast()) };
        }

        #[inline(always)]
        fn plus_one(sum: f32, a: f32, b: f32) -> f32 {
            a.mul_add(b, sum)
        }
    }
}

/// Wraps a function whose loops the compiler can vectorise. The body must not depend on which
/// instructions are used for its result, beyond rounding.
macro_rules! widened {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn body($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide($($arg: $ty),*) {
                    body($($arg),*);
                }
                if crate::numeric::simd::has_avx2() {
                    // SAFETY: the processor has the features, as was just asked.
                    return unsafe { wide($($arg),*) };
                }
            }
            body($($arg),*);
        }
    };
}
pub(super) use widened;
