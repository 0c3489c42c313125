use std::array::from_fn;

use super::Simd;

/// What every processor has: the compiler makes of these arrays what it can.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 8;
type F = [f32; LANES];
type I = [i32; LANES];
type M = [bool; LANES];

macro_rules! lanes {
    ($(fn $name:ident($($a:ident: $t:ty),*) -> $r:ty { |$i:ident| $body:expr })*) => {$(
        #[inline(always)]
        fn $name(self, $($a: $t),*) -> $r {
            from_fn(|$i| $body)
        }
    )*};
}

impl Simd for Portable {
    type F = F;
    type I = I;
    type M = M;
    type Tail = usize;
    const LANES: usize = LANES;
    const TILE_ROWS: usize = 2;
    const REGISTERS: usize = 8;

    #[inline(always)]
    fn tail(self, n: usize) -> usize {
        n
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> F {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: F) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<F>().write_unaligned(v) }
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, stride: isize, to: *mut f32, to_stride: usize) {
        for i in 0..LANES {
            for k in 0..LANES {
                // SAFETY: the caller's promise.
                unsafe { *to.add(k * to_stride + i) = *from.offset(i as isize * stride + k as isize) };
            }
        }
    }
    #[inline(always)]
    unsafe fn load_tail(self, p: *const f32, t: usize) -> F {
        // SAFETY: lanes beyond the tail are not read; for the others the caller's promise.
        from_fn(|i| if i < t { unsafe { *p.add(i) } } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn load_tail_or(self, p: *const f32, t: usize, other: F) -> F {
        // SAFETY: lanes beyond the tail are not read; for the others the caller's promise.
        from_fn(|i| if i < t { unsafe { *p.add(i) } } else { other[i] })
    }
    #[inline(always)]
    unsafe fn store_tail(self, p: *mut f32, v: F, t: usize) {
        for (i, x) in v.iter().enumerate().take(t) {
            // SAFETY: lanes beyond the tail are not written; for the others the caller's promise.
            unsafe { *p.add(i) = *x };
        }
    }
    #[inline(always)]
    unsafe fn load_mask(self, p: *const u8) -> M {
        // SAFETY: the caller's promise.
        let bytes = unsafe { p.cast::<[u8; LANES]>().read() };
        bytes.map(|b| b != 0)
    }
    #[inline(always)]
    unsafe fn store_mask(self, p: *mut u8, m: M) {
        // SAFETY: the caller's promise.
        unsafe { p.cast::<[u8; LANES]>().write(m.map(u8::from)) }
    }
    lanes! {
        fn splat(x: f32) -> F { |_i| x }
        fn add(a: F, b: F) -> F { |i| a[i] + b[i] }
        fn sub(a: F, b: F) -> F { |i| a[i] - b[i] }
        fn mul(a: F, b: F) -> F { |i| a[i] * b[i] }
        fn div(a: F, b: F) -> F { |i| a[i] / b[i] }
        fn fma(a: F, b: F, c: F) -> F { |i| a[i] * b[i] + c[i] }
        fn sqrt(a: F) -> F { |i| a[i].sqrt() }
        fn abs(a: F) -> F { |i| a[i].abs() }
        fn neg(a: F) -> F { |i| -a[i] }
        fn floor(a: F) -> F { |i| a[i].floor() }
        fn ceil(a: F) -> F { |i| a[i].ceil() }
        fn round(a: F) -> F { |i| a[i].round_ties_even() }
        fn max_or(a: F, b: F) -> F { |i| if a[i] > b[i] { a[i] } else { b[i] } }
        fn min_or(a: F, b: F) -> F { |i| if a[i] < b[i] { a[i] } else { b[i] } }
        fn lt(a: F, b: F) -> M { |i| a[i] < b[i] }
        fn le(a: F, b: F) -> M { |i| a[i] <= b[i] }
        fn eq(a: F, b: F) -> M { |i| a[i] == b[i] }
        fn not(m: M) -> M { |i| !m[i] }
        fn or(a: M, b: M) -> M { |i| a[i] | b[i] }
        fn select(m: M, a: F, b: F) -> F { |i| if m[i] { a[i] } else { b[i] } }
        fn splat_i(x: i32) -> I { |_i| x }
        fn add_i(a: I, b: I) -> I { |i| a[i].wrapping_add(b[i]) }
        fn sub_i(a: I, b: I) -> I { |i| a[i].wrapping_sub(b[i]) }
        fn and_i(a: I, b: I) -> I { |i| a[i] & b[i] }
        fn or_i(a: I, b: I) -> I { |i| a[i] | b[i] }
        fn xor_i(a: I, b: I) -> I { |i| a[i] ^ b[i] }
        fn eq_i(a: I, b: I) -> M { |i| a[i] == b[i] }
        fn bits(a: F) -> I { |i| a[i].to_bits() as i32 }
        fn float_of(a: I) -> F { |i| f32::from_bits(a[i] as u32) }
        fn to_int(a: F) -> I { |i| a[i] as i32 }
        fn to_float(a: I) -> F { |i| a[i] as f32 }
    }

    #[inline(always)]
    fn any(self, m: M) -> bool {
        m.contains(&true)
    }
    #[inline(always)]
    fn shl<const N: u32>(self, a: I) -> I {
        a.map(|x| x << N)
    }
    #[inline(always)]
    fn shr<const N: u32>(self, a: I) -> I {
        a.map(|x| x >> N)
    }
}
