//! Vectors of floats, one type for each level of instructions that kernels are compiled for.
//!
//! A kernel is written once, over [`Simd`], and every function of it is `#[inline(always)]`, so that it takes on the instructions of the
//! wrapper that [`Level::run`] calls. Every operation here is exact (correctly rounded) and each lane depends on its own
//! lane alone: a value has the same bits in whatever lane, body or tail it is computed.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
pub(crate) use portable::Portable;

use std::sync::OnceLock;

/// Instructions that kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// What every processor has; products and sums are rounded apart.
    Portable,
    /// AVX2 and FMA: 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// What is run at the level of the machine.
pub(crate) trait Kernel {
    /// What it gives.
    type Output;
    /// Runs it; to be `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

impl Level {
    /// The levels that this machine has, the best first.
    pub(crate) fn available() -> &'static [Level] {
        static LEVELS: OnceLock<Vec<Level>> = OnceLock::new();
        LEVELS.get_or_init(|| {
            let mut levels = Vec::new();
            #[cfg(target_arch = "x86_64")]
            {
                let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                let avx512 = is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl");
                if avx2 && avx512 {
                    levels.push(Level::Avx512);
                }
                if avx2 {
                    levels.push(Level::Avx2);
                }
            }
            levels.push(Level::Portable);
            levels
        })
    }

    /// The best level of this machine.
    pub(crate) fn best() -> Level {
        Level::available()[0]
    }

    /// Floats of a vector.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Level::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => Avx512::LANES,
        }
    }

    /// Name as listings spell it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Runs a kernel at this level, which the machine must have: it is one of [`Level::available`].
    #[inline(always)]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Level::Portable => run_portable(kernel),
            // SAFETY: a level comes from `available` alone, which has asked the processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { run_avx2(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { run_avx512(kernel) },
        }
    }
}

/// Not inlined, so that a kernel's code is there once.
#[inline(never)]
fn run_portable<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Portable)
}

/// # Safety
/// The processor has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller's promise.
    kernel.run(unsafe { Avx2::new() })
}

/// # Safety
/// The processor has AVX-512 F, BW, DQ and VL, AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: the caller's promise.
    kernel.run(unsafe { Avx512::new() })
}

/// The instructions of a level. A value of the type proves that the processor has them.
pub(crate) trait Simd: Copy {
    /// Floats.
    type F: Copy;
    /// Whole numbers of 32 bits, as many.
    type I: Copy;
    /// Truth values, as many.
    type M: Copy;
    /// The first few lanes.
    type Tail: Copy;
    /// Number of lanes.
    const LANES: usize;
    /// Rows of a tile of a matrix product: as many as there are registers for the sums of two vectors each.
    const TILE_ROWS: usize;
    /// Number of registers for such vectors.
    const REGISTERS: usize;

    /// The first `n` lanes, at most all.
    fn tail(self, n: usize) -> Self::Tail;
    /// # Safety
    /// As many floats as there are lanes are readable at `p`.
    unsafe fn load(self, p: *const f32) -> Self::F;
    /// # Safety
    /// As many floats as there are lanes are writable at `p`.
    unsafe fn store(self, p: *mut f32, v: Self::F);
    /// Zero beyond the tail.
    /// # Safety
    /// The tail's floats are readable at `p`.
    unsafe fn load_tail(self, p: *const f32, t: Self::Tail) -> Self::F;
    /// `other` beyond the tail.
    /// # Safety
    /// The tail's floats are readable at `p`.
    unsafe fn load_tail_or(self, p: *const f32, t: Self::Tail, other: Self::F) -> Self::F;
    /// # Safety
    /// The tail's floats are writable at `p`.
    unsafe fn store_tail(self, p: *mut f32, v: Self::F, t: Self::Tail);
    /// From bytes 0 and 1.
    /// # Safety
    /// As many bytes as there are lanes are readable at `p`.
    unsafe fn load_mask(self, p: *const u8) -> Self::M;
    /// As bytes 0 and 1.
    /// # Safety
    /// As many bytes as there are lanes are writable at `p`.
    unsafe fn store_mask(self, p: *mut u8, m: Self::M);

    /// Asks for the cache line of an address that is read soon, into the second cache; it need not be readable.
    fn prefetch(self, p: *const f32);

    /// Transposes a square of as many rows as there are lanes, `stride` floats apart, to rows `to_stride` floats apart.
    /// # Safety
    /// The rows are readable at `from`, and writable at `to`, apart from those.
    unsafe fn transpose(self, from: *const f32, stride: isize, to: *mut f32, to_stride: usize);

    fn splat(self, x: f32) -> Self::F;
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// a·b + c: rounded once where the level has that, else twice.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    fn sqrt(self, a: Self::F) -> Self::F;
    fn abs(self, a: Self::F) -> Self::F;
    fn neg(self, a: Self::F) -> Self::F;
    fn floor(self, a: Self::F) -> Self::F;
    fn ceil(self, a: Self::F) -> Self::F;
    /// To the nearest whole number, halves to even.
    fn round(self, a: Self::F) -> Self::F;
    /// a > b ? a : b, so that `b` is the answer where either is NaN.
    fn max_or(self, a: Self::F, b: Self::F) -> Self::F;
    /// a < b ? a : b, so that `b` is the answer where either is NaN.
    fn min_or(self, a: Self::F, b: Self::F) -> Self::F;
    fn lt(self, a: Self::F, b: Self::F) -> Self::M;
    fn le(self, a: Self::F, b: Self::F) -> Self::M;
    fn eq(self, a: Self::F, b: Self::F) -> Self::M;
    fn not(self, m: Self::M) -> Self::M;
    fn or(self, a: Self::M, b: Self::M) -> Self::M;
    /// Whether any lane holds.
    fn any(self, m: Self::M) -> bool;
    /// m ? a : b.
    fn select(self, m: Self::M, a: Self::F, b: Self::F) -> Self::F;

    fn splat_i(self, x: i32) -> Self::I;
    fn add_i(self, a: Self::I, b: Self::I) -> Self::I;
    fn sub_i(self, a: Self::I, b: Self::I) -> Self::I;
    fn and_i(self, a: Self::I, b: Self::I) -> Self::I;
    fn or_i(self, a: Self::I, b: Self::I) -> Self::I;
    fn xor_i(self, a: Self::I, b: Self::I) -> Self::I;
    fn eq_i(self, a: Self::I, b: Self::I) -> Self::M;
    fn shl<const N: u32>(self, a: Self::I) -> Self::I;
    /// Keeps the sign.
    fn shr<const N: u32>(self, a: Self::I) -> Self::I;
    fn bits(self, a: Self::F) -> Self::I;
    fn float_of(self, a: Self::I) -> Self::F;
    /// Of whole numbers within the range of `i32`; anything for others.
    fn to_int(self, a: Self::F) -> Self::I;
    fn to_float(self, a: Self::I) -> Self::F;

    /// x·2ⁿ for whole −252 ≤ n ≤ 254, also where the result is beyond the normal range.
    #[inline(always)]
    fn scale(self, x: Self::F, n: Self::F) -> Self::F {
        let n = self.to_int(n);
        // In two steps, for 2ⁿ itself may be beyond the range.
        let half = self.shr::<1>(n);
        let first = self.float_of(self.shl::<23>(self.add_i(half, self.splat_i(127))));
        let second = self.float_of(self.shl::<23>(self.add_i(self.sub_i(n, half), self.splat_i(127))));
        self.mul(self.mul(x, first), second)
    }

    /// NaN if either is NaN.
    #[inline(always)]
    fn max(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.eq(a, a), self.max_or(a, b), a)
    }

    /// NaN if either is NaN.
    #[inline(always)]
    fn min(self, a: Self::F, b: Self::F) -> Self::F {
        self.select(self.eq(a, a), self.min_or(a, b), a)
    }
}
