use std::arch::x86_64::*;
use std::array::from_fn;

use super::Simd;

/// AVX-512 F, BW, DQ and VL.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// # Safety
    /// The processor has the instructions.
    #[inline(always)]
    pub(super) unsafe fn new() -> Avx512 {
        Avx512(())
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

impl Simd for Avx512 {
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;
    type Tail = __mmask16;
    const LANES: usize = 16;
    const TILE_ROWS: usize = 8;
    const REGISTERS: usize = 32;

    #[inline(always)]
    fn tail(self, n: usize) -> __mmask16 {
        debug_assert!(n <= 16);
        ((1u32 << n) - 1) as u16
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: __mmask16) -> __m512 {
        // SAFETY: masked lanes are not read; for the others the caller's promise, and `self` for the instructions.
        unsafe { _mm512_maskz_loadu_ps(t, p) }
    }
    #[inline(always)]
    unsafe fn load_tail_or(self, p: *const f32, t: __mmask16, other: __m512) -> __m512 {
        // SAFETY: masked lanes are not read; for the others the caller's promise, and `self` for the instructions.
        unsafe { _mm512_mask_loadu_ps(other, t, p) }
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: __m512, t: __mmask16) {
        // SAFETY: masked lanes are not written; for the others the caller's promise, and `self` for the instructions.
        unsafe { _mm512_mask_storeu_ps(p, t, v) }
    }
    #[inline(always)]
    unsafe fn load_mask(self, p: *const u8) -> __mmask16 {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe {
            let v = _mm_loadu_si128(p.cast());
            _mm_test_epi8_mask(v, v)
        }
    }
    #[inline(always)]
    unsafe fn store_mask(self, p: *mut u8, m: __mmask16) {
        // SAFETY: the caller's promise, and `self` for the instructions.
        unsafe { _mm_storeu_si128(p.cast(), _mm_maskz_set1_epi8(m, 1)) }
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
            let r: [__m512; 16] = from_fn(|i| _mm512_loadu_ps(from.offset(i as isize * stride)));
            // Pairs of rows, then fours: `q[4g + c]` has in its quarter `j` the column `4j + c` of the rows from `4g` on.
            let p: [__m512; 16] = from_fn(|i| {
                let (a, b) = (r[i & !1], r[i | 1]);
                if i % 2 == 0 { _mm512_unpacklo_ps(a, b) } else { _mm512_unpackhi_ps(a, b) }
            });
            let q: [__m512; 16] = from_fn(|i| {
                let first = i & !3 | i >> 1 & 1;
                let (a, b) = (_mm512_castps_pd(p[first]), _mm512_castps_pd(p[first + 2]));
                _mm512_castpd_ps(if i % 2 == 0 { _mm512_unpacklo_pd(a, b) } else { _mm512_unpackhi_pd(a, b) })
            });
            for c in 0..4 {
                let even = _mm512_shuffle_f32x4::<0x88>(q[c], q[4 + c]);
                let odd = _mm512_shuffle_f32x4::<0xDD>(q[c], q[4 + c]);
                let even_below = _mm512_shuffle_f32x4::<0x88>(q[8 + c], q[12 + c]);
                let odd_below = _mm512_shuffle_f32x4::<0xDD>(q[8 + c], q[12 + c]);
                let row = |k: usize| to.add(k * to_stride);
                _mm512_storeu_ps(row(c), _mm512_shuffle_f32x4::<0x88>(even, even_below));
                _mm512_storeu_ps(row(4 + c), _mm512_shuffle_f32x4::<0x88>(odd, odd_below));
                _mm512_storeu_ps(row(8 + c), _mm512_shuffle_f32x4::<0xDD>(even, even_below));
                _mm512_storeu_ps(row(12 + c), _mm512_shuffle_f32x4::<0xDD>(odd, odd_below));
            }
        }
    }
    lanes! {
        fn splat(x: f32) -> __m512 { _mm512_set1_ps(x) }
        fn add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        fn sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        fn mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        fn div(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn sqrt(a: __m512) -> __m512 { _mm512_sqrt_ps(a) }
        fn abs(a: __m512) -> __m512 { _mm512_abs_ps(a) }
        fn neg(a: __m512) -> __m512 { _mm512_xor_ps(a, _mm512_set1_ps(-0.0)) }
        fn floor(a: __m512) -> __m512 { _mm512_roundscale_ps::<0x09>(a) }
        fn ceil(a: __m512) -> __m512 { _mm512_roundscale_ps::<0x0A>(a) }
        fn round(a: __m512) -> __m512 { _mm512_roundscale_ps::<0x08>(a) }
        fn max_or(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        fn min_or(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        fn lt(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
        fn le(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
        fn eq(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
        fn select(m: __mmask16, a: __m512, b: __m512) -> __m512 { _mm512_mask_blend_ps(m, b, a) }
        fn splat_i(x: i32) -> __m512i { _mm512_set1_epi32(x) }
        fn add_i(a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi32(a, b) }
        fn sub_i(a: __m512i, b: __m512i) -> __m512i { _mm512_sub_epi32(a, b) }
        fn and_i(a: __m512i, b: __m512i) -> __m512i { _mm512_and_si512(a, b) }
        fn or_i(a: __m512i, b: __m512i) -> __m512i { _mm512_or_si512(a, b) }
        fn xor_i(a: __m512i, b: __m512i) -> __m512i { _mm512_xor_si512(a, b) }
        fn eq_i(a: __m512i, b: __m512i) -> __mmask16 { _mm512_cmpeq_epi32_mask(a, b) }
        fn bits(a: __m512) -> __m512i { _mm512_castps_si512(a) }
        fn float_of(a: __m512i) -> __m512 { _mm512_castsi512_ps(a) }
        fn to_int(a: __m512) -> __m512i { _mm512_cvtps_epi32(a) }
        fn scale(x: __m512, n: __m512) -> __m512 { _mm512_scalef_ps(x, n) }
        fn to_float(a: __m512i) -> __m512 { _mm512_cvtepi32_ps(a) }
    }

    #[inline(always)]
    fn not(self, m: __mmask16) -> __mmask16 {
        !m
    }
    #[inline(always)]
    fn or(self, a: __mmask16, b: __mmask16) -> __mmask16 {
        a | b
    }
    #[inline(always)]
    fn any(self, m: __mmask16) -> bool {
        m != 0
    }
    #[inline(always)]
    fn shl<const N: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm512_slli_epi32::<N>(a) }
    }
    #[inline(always)]
    fn shr<const N: u32>(self, a: __m512i) -> __m512i {
        // SAFETY: `self` proves that the processor has the instructions.
        unsafe { _mm512_srai_epi32::<N>(a) }
    }
}
