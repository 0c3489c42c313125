use std::arch::x86_64::*;
use std::array::from_fn;

use super::Simd;

/// AVX2 and FMA.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The processor has the instructions.
    #[inline(always)]
    pub(super) unsafe fn new() -> Avx2 {
        Avx2(())
    }
}

macro_rules! lanes {
    ($(fn $name:ident($($a:ident: $t:ty),*) -> $r:ty { $body:expr })*) => {$(
        #[inline(always)]
        fn $name(self, $($a: $t),*) -> $r {
            // SAFETY: `self` proves that the processor has the instructions.
            unsafe { $body }
        }
    )*};
}

impl Simd for Avx2 {
    type F = __m256;
    type I = __m256i;
    type M = __m256;
    type Tail = __m256i;
    const LANES: usize = 8;
    const TILE_ROWS: usize = 6;
    const REGISTERS: usize = 16;

    lanes! {
        fn tail(n: usize) -> __m256i {
            _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
        }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, stride: isize, to: *mut f32, to_stride: usize) {
        // SAFETY: the caller's promise for what is loaded and stored, and `self` for the instructions.
        unsafe {
            let r: [__m256; 8] = from_fn(|i| _mm256_loadu_ps(from.offset(i as isize * stride)));
            // Pairs of rows, then fours: `q[4g + c]` has in its half `j` the column `4j + c` of the rows from `4g` on.
            let p: [__m256; 8] = from_fn(|i| {
                let (a, b) = (r[i & !1], r[i | 1]);
                if i % 2 == 0 { _mm256_unpacklo_ps(a, b) } else { _mm256_unpackhi_ps(a, b) }
            });
            let q: [__m256; 8] = from_fn(|i| {
                let first = i & !3 | i >> 1 & 1;
                let (a, b) = (_mm256_castps_pd(p[first]), _mm256_castps_pd(p[first + 2]));
                _mm256_castpd_ps(if i % 2 == 0 { _mm256_unpacklo_pd(a, b) } else { _mm256_unpackhi_pd(a, b) })
            });
            for c in 0..4 {
                let row = |k: usize| to.add(k * to_stride);
                _mm256_storeu_ps(row(c), _mm256_permute2f128_ps::<0x20>(q[c], q[4 + c]));
                _mm256_storeu_ps(row(4 + c), _mm256_permute2f128_ps::<0x31>(q[c], q[4 + c]));
            }
        }
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: __m256i) -> __m256 {
        // SAFETY: masked lanes are not read; for the others the caller's promise, and `self` for the instructions.
        unsafe { _mm256_maskload_ps(p, t) }
    }
    #[inline(always)]
    unsafe fn load_tail_or(self, p: *const f32, t: __m256i, other: __m256) -> __m256 {
        // SAFETY: masked lanes are not read; for the others the caller's promise, and `self` for the instructions.
        unsafe { _mm256_blendv_ps(other, _mm256_maskload_ps(p, t), _mm256_castsi256_ps(t)) }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: __m256, t: __m256i) {
        // SAFETY: masked lanes are not written; for the others the caller's promise, and `self` for the instructions.
        unsafe { _mm256_maskstore_ps(p, t, v) }
    }
    #[inline(always)]
    unsafe fn load_mask(self, p: *const u8) -> __m256 {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe {
            let wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64(p.cast()));
            _mm256_castsi256_ps(_mm256_cmpgt_epi32(wide, _mm256_setzero_si256()))
        }
    }
    #[inline(always)]
    unsafe fn store_mask(self, p: *mut u8, m: __m256) {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe {
            let ones = _mm256_and_si256(_mm256_castps_si256(m), _mm256_set1_epi32(1));
            let words = _mm_packs_epi32(_mm256_castsi256_si128(ones), _mm256_extracti128_si256::<1>(ones));
            _mm_storel_epi64(p.cast(), _mm_packus_epi16(words, words));
        }
    }
    lanes! {
        fn splat(x: f32) -> __m256 { _mm256_set1_ps(x) }
        fn add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        fn sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        fn mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        fn div(a: __m256, b: __m256) -> __m256 { _mm256_div_ps(a, b) }
        fn fma(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        fn sqrt(a: __m256) -> __m256 { _mm256_sqrt_ps(a) }
        fn abs(a: __m256) -> __m256 { _mm256_andnot_ps(_mm256_set1_ps(-0.0), a) }
        fn neg(a: __m256) -> __m256 { _mm256_xor_ps(a, _mm256_set1_ps(-0.0)) }
        fn floor(a: __m256) -> __m256 { _mm256_round_ps::<0x09>(a) }
        fn ceil(a: __m256) -> __m256 { _mm256_round_ps::<0x0A>(a) }
        fn round(a: __m256) -> __m256 { _mm256_round_ps::<0x08>(a) }
        fn max_or(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        fn min_or(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        fn lt(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
        fn le(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
        fn eq(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
        fn not(m: __m256) -> __m256 { _mm256_xor_ps(m, _mm256_castsi256_ps(_mm256_set1_epi32(-1))) }
        fn or(a: __m256, b: __m256) -> __m256 { _mm256_or_ps(a, b) }
        fn any(m: __m256) -> bool { _mm256_movemask_ps(m) != 0 }
        fn select(m: __m256, a: __m256, b: __m256) -> __m256 { _mm256_blendv_ps(b, a, m) }
        fn splat_i(x: i32) -> __m256i { _mm256_set1_epi32(x) }
        fn add_i(a: __m256i, b: __m256i) -> __m256i { _mm256_add_epi32(a, b) }
        fn sub_i(a: __m256i, b: __m256i) -> __m256i { _mm256_sub_epi32(a, b) }
        fn and_i(a: __m256i, b: __m256i) -> __m256i { _mm256_and_si256(a, b) }
        fn or_i(a: __m256i, b: __m256i) -> __m256i { _mm256_or_si256(a, b) }
        fn xor_i(a: __m256i, b: __m256i) -> __m256i { _mm256_xor_si256(a, b) }
        fn eq_i(a: __m256i, b: __m256i) -> __m256 { _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b)) }
        fn bits(a: __m256) -> __m256i { _mm256_castps_si256(a) }
        fn float_of(a: __m256i) -> __m256 { _mm256_castsi256_ps(a) }
        fn to_int(a: __m256) -> __m256i { _mm256_cvtps_epi32(a) }
        fn to_float(a: __m256i) -> __m256 { _mm256_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn shl<const N: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm256_sll_epi32(a, _mm_cvtsi32_si128(N as i32)) }
    }
    #[inline(always)]
    fn shr<const N: u32>(self, a: __m256i) -> __m256i {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm256_sra_epi32(a, _mm_cvtsi32_si128(N as i32)) }
    }
}
