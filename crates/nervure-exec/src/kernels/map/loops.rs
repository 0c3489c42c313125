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

/// Calls `body(i, count)` for each vector from element `i`, of `count` elements: all lanes but in the last. The code of the body is there once.
#[inline(always)]
pub(super) fn vectors(lanes: usize, n: usize, body: impl Fn(usize, usize)) {
    let mut i = 0;
    while i < n {
        body(i, lanes.min(n - i));
        i += lanes;
    }
}

/// # Safety
/// `count` floats are readable at `p`, at most a vector.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(s: S, p: *const f32, count: usize) -> S::F {
    // SAFETY: the caller's promise.
    unsafe { if count == S::LANES { s.load(p) } else { s.load_tail(p, s.tail(count)) } }
}

/// # Safety
/// `count` floats are writable at `p`, at most a vector.
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(s: S, p: *mut f32, v: S::F, count: usize) {
    // SAFETY: the caller's promise.
    unsafe { if count == S::LANES { s.store(p, v) } else { s.store_tail(p, v, s.tail(count)) } }
}

/// # Safety
/// `count` bytes are readable at `p`, at most a vector.
#[inline(always)]
unsafe fn load_mask<S: Simd>(s: S, p: *const u8, count: usize) -> S::M {
    let mut bytes = [0u8; 16];
    // SAFETY: the caller's promise; no level has more than 16 lanes.
    unsafe {
        if count == S::LANES {
            return s.load_mask(p);
        }
        for (i, byte) in bytes.iter_mut().enumerate().take(count) {
            *byte = *p.add(i);
        }
        s.load_mask(bytes.as_ptr())
    }
}

/// # Safety
/// `count` bytes are writable at `p`, at most a vector.
#[inline(always)]
unsafe fn store_mask<S: Simd>(s: S, p: *mut u8, m: S::M, count: usize) {
    let mut bytes = [0u8; 16];
    // SAFETY: the caller's promise; no level has more than 16 lanes.
    unsafe {
        if count == S::LANES {
            return s.store_mask(p, m);
        }
        s.store_mask(bytes.as_mut_ptr(), m);
        for (i, byte) in bytes.iter().enumerate().take(count) {
            *p.add(i) = *byte;
        }
    }
}

/// The element that an operand repeats.
///
/// # Safety
/// If `repeats` and there are elements at all, one is readable.
#[inline(always)]
unsafe fn repeated<S: Simd>(s: S, repeats: bool, n: usize, p: *const f32) -> S::F {
    // SAFETY: the caller's promise.
    s.splat(if repeats && n > 0 { unsafe { *p } } else { 0.0 })
}

/// A function of floats.
pub(super) struct Float1<O>(PhantomData<O>);

impl<O: Function1> Loop for Float1<O> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let (dst, a) = (dst.cast::<f32>(), a.cast::<f32>());
        // SAFETY: vectors of the elements that the caller promises.
        vectors(S::LANES, n, |i, count| unsafe {
            store(s, dst.add(i), O::apply(s, load(s, a.add(i), count)), count);
        });
    }
}

/// A function of two floats, of which `A` or `B` says that it repeats.
pub(super) struct Float2<O, const A: bool, const B: bool>(PhantomData<O>);

impl<O: Function2, const A: bool, const B: bool> Loop for Float2<O, A, B> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, b: *const u8, _: *const u8) {
        let (dst, a, b) = (dst.cast::<f32>(), a.cast::<f32>(), b.cast::<f32>());
        // SAFETY: vectors of the elements that the caller promises.
        unsafe {
            let (one_a, one_b) = (repeated(s, A, n, a), repeated(s, B, n, b));
            vectors(S::LANES, n, |i, count| {
                let x = if A { one_a } else { load(s, a.add(i), count) };
                let y = if B { one_b } else { load(s, b.add(i), count) };
                store(s, dst.add(i), O::apply(s, x, y), count);
            });
        }
    }
}

/// A test of floats.
pub(super) struct Test<O>(PhantomData<O>);

impl<O: Test1> Loop for Test<O> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let a = a.cast::<f32>();
        // SAFETY: vectors of the elements that the caller promises.
        vectors(S::LANES, n, |i, count| unsafe {
            store_mask(s, dst.add(i), O::apply(s, load(s, a.add(i), count)), count);
        });
    }
}

/// A test of two floats, of which `A` or `B` says that it repeats.
pub(super) struct Compare<O, const A: bool, const B: bool>(PhantomData<O>);

impl<O: Test2, const A: bool, const B: bool> Loop for Compare<O, A, B> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, b: *const u8, _: *const u8) {
        let (a, b) = (a.cast::<f32>(), b.cast::<f32>());
        // SAFETY: vectors of the elements that the caller promises.
        unsafe {
            let (one_a, one_b) = (repeated(s, A, n, a), repeated(s, B, n, b));
            vectors(S::LANES, n, |i, count| {
                let x = if A { one_a } else { load(s, a.add(i), count) };
                let y = if B { one_b } else { load(s, b.add(i), count) };
                store_mask(s, dst.add(i), O::apply(s, x, y), count);
            });
        }
    }
}

/// A choice between two floats, of which `A` or `B` says that it repeats.
pub(super) struct Choose<const A: bool, const B: bool>;

impl<const A: bool, const B: bool> Loop for Choose<A, B> {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, m: *const u8, a: *const u8, b: *const u8) {
        let (dst, a, b) = (dst.cast::<f32>(), a.cast::<f32>(), b.cast::<f32>());
        // SAFETY: vectors of the elements that the caller promises.
        unsafe {
            let (one_a, one_b) = (repeated(s, A, n, a), repeated(s, B, n, b));
            vectors(S::LANES, n, |i, count| {
                let x = if A { one_a } else { load(s, a.add(i), count) };
                let y = if B { one_b } else { load(s, b.add(i), count) };
                store(s, dst.add(i), s.select(load_mask(s, m.add(i), count), x, y), count);
            });
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
        // SAFETY: vectors of the elements that the caller promises.
        vectors(S::LANES, n, |i, count| unsafe {
            store(s, dst.add(i), s.select(load_mask(s, m.add(i), count), one, zero), count);
        });
    }
}

/// Whole numbers of 32 bits as floats.
pub(super) struct FromWhole;

impl Loop for FromWhole {
    #[inline(always)]
    unsafe fn run<S: Simd>(s: S, n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
        let (dst, a) = (dst.cast::<f32>(), a.cast::<f32>());
        // SAFETY: vectors of the elements that the caller promises; 32 bits move as floats do.
        vectors(S::LANES, n, |i, count| unsafe {
            store(s, dst.add(i), s.to_float(s.bits(load(s, a.add(i), count))), count);
        });
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
