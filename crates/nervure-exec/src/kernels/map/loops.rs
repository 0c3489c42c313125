//! The loops over the elements.

use std::marker::PhantomData;

use super::Map;
use super::functions::{Each1, Each2, Function1, Function2, Test1, Test2};
use crate::simd::{Kernel, Level, Simd};

/// A loop over floats.
pub(super) trait Loop {
    /// # Safety
    /// As [`Map`] says.
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, b: *const u8, c: *const u8);
}

struct Call<L> {
    n: usize,
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    c: *const u8,
    body: PhantomData<L>,
}

impl<L: Loop> Kernel for Call<L> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: made by `entry` alone, whose caller promises what the loop needs.
        unsafe { L::run(s, self.n, self.dst, self.a, self.b, self.c) }
    }
}

/// The function of a loop at a level.
pub(super) fn pick<L: Loop>(level: Level) -> Map {
    match level {
        Level::Portable => entry::<L, 0>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => entry::<L, 1>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => entry::<L, 2>,
    }
}

/// # Safety
/// As [`Map`] says, and the machine has the level.
unsafe fn entry<L: Loop, const LEVEL: u8>(n: usize, dst: *mut u8, a: *const u8, b: *const u8, c: *const u8) {
    let level = match LEVEL {
        #[cfg(target_arch = "x86_64")]
        1 => Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        2 => Level::Avx512,
        _ => Level::Portable,
    };
    level.run(Call::<L> { n, dst, a, b, c, body: PhantomData })
}

/// Calls `whole(i)` for each whole vector from element `i`, then `part(i, n - i)` for the rest.
#[inline(always)]
fn vectors(lanes: usize, n: usize, mut whole: impl FnMut(usize), part: impl FnOnce(usize, usize)) {
    let mut i = 0;
    while i + lanes <= n {
        whole(i);
        i += lanes;
    }
    if i < n {
        part(i, n - i);
    }
}

/// A function of floats.
pub(super) struct Float1<O>(PhantomData<O>);

impl<O: Function1> Loop for Float1<O> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let (dst, a) = (dst.cast::<f32>(), a.cast::<f32>());
        // SAFETY: within the `n` elements that the caller promises.
        vectors(
            S::LANES,
            n,
            |i| unsafe { s.store(dst.add(i), O::apply(s, s.load(a.add(i)))) },
            |i, rest| {
                let t = s.tail(rest);
                // SAFETY: as above.
                unsafe { s.store_tail(dst.add(i), O::apply(s, s.load_tail(a.add(i), t)), t) }
            },
        );
    }
}

/// A function of two floats, of which `A` or `B` says that it repeats.
pub(super) struct Float2<O, const A: bool, const B: bool>(PhantomData<O>);

impl<O: Function2, const A: bool, const B: bool> Loop for Float2<O, A, B> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, b: *const u8, _: *const u8) {
        let (dst, a, b) = (dst.cast::<f32>(), a.cast::<f32>(), b.cast::<f32>());
        // SAFETY: within the elements that the caller promises.
        unsafe {
            let one_a = s.splat(if A && n > 0 { *a } else { 0.0 });
            let one_b = s.splat(if B && n > 0 { *b } else { 0.0 });
            vectors(
                S::LANES,
                n,
                |i| {
                    let x = if A { one_a } else { s.load(a.add(i)) };
                    let y = if B { one_b } else { s.load(b.add(i)) };
                    s.store(dst.add(i), O::apply(s, x, y));
                },
                |i, rest| {
                    let t = s.tail(rest);
                    let x = if A { one_a } else { s.load_tail(a.add(i), t) };
                    let y = if B { one_b } else { s.load_tail(b.add(i), t) };
                    s.store_tail(dst.add(i), O::apply(s, x, y), t);
                },
            );
        }
    }
}

/// Writes the first `rest` truth values of a vector.
/// # Safety
/// `rest` bytes are writable at `dst`.
#[inline(always)]
unsafe fn store_mask_part<S: Simd>(s: S, dst: *mut u8, m: S::M, rest: usize) {
    let mut bytes = [0u8; 16];
    // SAFETY: no level has more than 16 lanes; `rest` is below that.
    unsafe {
        s.store_mask(bytes.as_mut_ptr(), m);
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), dst, rest);
    }
}

/// Reads `rest` truth values.
/// # Safety
/// `rest` bytes are readable at `p`.
#[inline(always)]
unsafe fn load_mask_part<S: Simd>(s: S, p: *const u8, rest: usize) -> S::M {
    let mut bytes = [0u8; 16];
    // SAFETY: no level has more than 16 lanes; `rest` is below that.
    unsafe {
        std::ptr::copy_nonoverlapping(p, bytes.as_mut_ptr(), rest);
        s.load_mask(bytes.as_ptr())
    }
}

/// A test of floats.
pub(super) struct Test<O>(PhantomData<O>);

impl<O: Test1> Loop for Test<O> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let a = a.cast::<f32>();
        // SAFETY: within the `n` elements that the caller promises.
        vectors(
            S::LANES,
            n,
            |i| unsafe { s.store_mask(dst.add(i), O::apply(s, s.load(a.add(i)))) },
            |i, rest| {
                // SAFETY: as above.
                unsafe {
                    let x = s.load_tail(a.add(i), s.tail(rest));
                    store_mask_part(s, dst.add(i), O::apply(s, x), rest);
                }
            },
        );
    }
}

/// A test of two floats, of which `A` or `B` says that it repeats.
pub(super) struct Compare<O, const A: bool, const B: bool>(PhantomData<O>);

impl<O: Test2, const A: bool, const B: bool> Loop for Compare<O, A, B> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, b: *const u8, _: *const u8) {
        let (a, b) = (a.cast::<f32>(), b.cast::<f32>());
        // SAFETY: within the elements that the caller promises.
        unsafe {
            let one_a = s.splat(if A && n > 0 { *a } else { 0.0 });
            let one_b = s.splat(if B && n > 0 { *b } else { 0.0 });
            vectors(
                S::LANES,
                n,
                |i| {
                    let x = if A { one_a } else { s.load(a.add(i)) };
                    let y = if B { one_b } else { s.load(b.add(i)) };
                    s.store_mask(dst.add(i), O::apply(s, x, y));
                },
                |i, rest| {
                    let t = s.tail(rest);
                    let x = if A { one_a } else { s.load_tail(a.add(i), t) };
                    let y = if B { one_b } else { s.load_tail(b.add(i), t) };
                    store_mask_part(s, dst.add(i), O::apply(s, x, y), rest);
                },
            );
        }
    }
}

/// A choice between two floats, of which `A` or `B` says that it repeats.
pub(super) struct Choose<const A: bool, const B: bool>;

impl<const A: bool, const B: bool> Loop for Choose<A, B> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, m: *const u8, a: *const u8, b: *const u8) {
        let (dst, a, b) = (dst.cast::<f32>(), a.cast::<f32>(), b.cast::<f32>());
        // SAFETY: within the elements that the caller promises.
        unsafe {
            let one_a = s.splat(if A && n > 0 { *a } else { 0.0 });
            let one_b = s.splat(if B && n > 0 { *b } else { 0.0 });
            vectors(
                S::LANES,
                n,
                |i| {
                    let x = if A { one_a } else { s.load(a.add(i)) };
                    let y = if B { one_b } else { s.load(b.add(i)) };
                    s.store(dst.add(i), s.select(s.load_mask(m.add(i)), x, y));
                },
                |i, rest| {
                    let t = s.tail(rest);
                    let x = if A { one_a } else { s.load_tail(a.add(i), t) };
                    let y = if B { one_b } else { s.load_tail(b.add(i), t) };
                    let m = load_mask_part(s, m.add(i), rest);
                    s.store_tail(dst.add(i), s.select(m, x, y), t);
                },
            );
        }
    }
}

/// Truth values as floats.
pub(super) struct FromMask;

impl Loop for FromMask {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, m: *const u8, _: *const u8, _: *const u8) {
        let dst = dst.cast::<f32>();
        let (one, zero) = (s.splat(1.0), s.splat(0.0));
        // SAFETY: within the `n` elements that the caller promises.
        vectors(
            S::LANES,
            n,
            |i| unsafe { s.store(dst.add(i), s.select(s.load_mask(m.add(i)), one, zero)) },
            |i, rest| {
                // SAFETY: as above.
                unsafe {
                    let m = load_mask_part(s, m.add(i), rest);
                    s.store_tail(dst.add(i), s.select(m, one, zero), s.tail(rest));
                }
            },
        );
    }
}

/// Whole numbers of 32 bits as floats.
pub(super) struct FromWhole;

impl Loop for FromWhole {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let (dst, a) = (dst.cast::<f32>(), a.cast::<i32>());
        // SAFETY: within the `n` elements that the caller promises.
        vectors(
            S::LANES,
            n,
            |i| unsafe { s.store(dst.add(i), s.to_float(s.load_i(a.add(i)))) },
            |i, rest| {
                let t = s.tail(rest);
                // SAFETY: as above; a tail of 32-bit numbers is moved as one of floats.
                unsafe {
                    let x = s.bits(s.load_tail(a.add(i).cast(), t));
                    s.store_tail(dst.add(i), s.to_float(x), t);
                }
            },
        );
    }
}

/// A function of single elements.
///
/// # Safety
/// As [`Map`] says.
pub(super) unsafe fn each1<O: Each1<A, R>, A: Copy, R>(
    n: usize,
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
) {
    let (dst, a) = (dst.cast::<R>(), a.cast::<A>());
    for i in 0..n {
        // SAFETY: within the `n` elements that the caller promises.
        unsafe { *dst.add(i) = O::apply(*a.add(i)) };
    }
}

/// A function of two elements, of which `A` or `B` says that it repeats.
///
/// # Safety
/// As [`Map`] says.
pub(super) unsafe fn each2<O: Each2<T, R>, T: Copy, R, const A: bool, const B: bool>(
    n: usize,
    dst: *mut u8,
    a: *const u8,
    b: *const u8,
    _: *const u8,
) {
    let (dst, a, b) = (dst.cast::<R>(), a.cast::<T>(), b.cast::<T>());
    for i in 0..n {
        // SAFETY: within the elements that the caller promises.
        unsafe {
            *dst.add(i) = O::apply(*a.add(if A { 0 } else { i }), *b.add(if B { 0 } else { i }));
        }
    }
}

/// A choice between elements, of which `A` or `B` says that it repeats.
///
/// # Safety
/// As [`Map`] says.
pub(super) unsafe fn choose<T: Copy, const A: bool, const B: bool>(
    n: usize,
    dst: *mut u8,
    m: *const u8,
    a: *const u8,
    b: *const u8,
) {
    let (dst, a, b) = (dst.cast::<T>(), a.cast::<T>(), b.cast::<T>());
    for i in 0..n {
        // SAFETY: within the elements that the caller promises.
        unsafe {
            let (x, y) = (*a.add(if A { 0 } else { i }), *b.add(if B { 0 } else { i }));
            *dst.add(i) = if *m.add(i) != 0 { x } else { y };
        }
    }
}

/// Elements of `SIZE` bytes as they are.
///
/// # Safety
/// As [`Map`] says.
pub(super) unsafe fn copy_elements<const SIZE: usize>(
    n: usize,
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
) {
    // SAFETY: within the `n` elements that the caller promises.
    unsafe { std::ptr::copy(a, dst, n * SIZE) };
}

/// One element, repeated.
///
/// # Safety
/// As [`Map`] says; the operand repeats.
pub(super) unsafe fn fill_elements<T: Copy>(
    n: usize,
    dst: *mut u8,
    a: *const u8,
    _: *const u8,
    _: *const u8,
) {
    if n == 0 {
        return;
    }
    // SAFETY: `n` elements are writable, one readable.
    unsafe {
        let x = *a.cast::<T>();
        std::slice::from_raw_parts_mut(dst.cast::<T>(), n).fill(x);
    }
}
