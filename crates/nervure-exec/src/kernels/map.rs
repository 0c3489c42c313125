//! The steps of a tape: loops over the elements of a tile, one function for each operation, type and level.
//!
//! The destination may be one of the operands: each element is read before it is written. Floats go by whole vectors, the last of them
//! padded, so that an element's bits do not depend on its place.

use std::marker::PhantomData;

use nervure_graph::{Binary, DType, Unary};

use super::math;
use crate::simd::{Kernel, Level, Simd};

/// `dst[i] = f(a[i], b[i], c[i])` for `i < n`. An operand that repeats one element is read at its first place alone.
///
/// Safe to call where `n` elements are readable at each operand (one, where it repeats) and writable at the destination, all of the types
/// for which the function was chosen, aligned for them, and operands are apart from the destination or begin where it does.
pub(crate) type Map = unsafe fn(n: usize, dst: *mut u8, a: *const u8, b: *const u8, c: *const u8);

/// How the operands of a [`Map`] are read: whether each repeats one element.
pub(crate) type Repeats = [bool; 3];

/// The function of a unary operation.
pub(crate) fn unary(level: Level, op: Unary, dtype: DType) -> Map {
    macro_rules! float {
        ($name:ident) => {
            pick::<Float1<$name>>(level)
        };
    }
    macro_rules! number {
        ($name:ident) => {
            match dtype {
                DType::F32 => pick::<Float1<$name>>(level),
                DType::I32 => each1::<$name, i32, i32>,
                DType::I64 | DType::U8 | DType::Bool => each1::<$name, i64, i64>,
            }
        };
    }
    match op {
        Unary::Neg => number!(Neg),
        Unary::Abs => number!(Abs),
        Unary::Sign => number!(Sign),
        Unary::Exp => float!(Exp),
        Unary::Expm1 => float!(Expm1),
        Unary::Log => float!(Log),
        Unary::Log1p => float!(Log1p),
        Unary::Sqrt => float!(Sqrt),
        Unary::Rsqrt => float!(Rsqrt),
        Unary::Sin => float!(Sin),
        Unary::Cos => float!(Cos),
        Unary::Tanh => float!(Tanh),
        Unary::Atan => float!(Atan),
        Unary::Sigmoid => float!(Sigmoid),
        Unary::Softplus => float!(Softplus),
        Unary::Erf => float!(Erf),
        Unary::Floor => float!(Floor),
        Unary::Ceil => float!(Ceil),
        Unary::Round => float!(Round),
        Unary::IsFinite => pick::<Test<IsFinite>>(level),
        Unary::Not => each1::<Not, u8, u8>,
    }
}

/// The function of a binary operation on operands of type `dtype`, of which at most one repeats.
pub(crate) fn binary(level: Level, op: Binary, dtype: DType, repeats: Repeats) -> Map {
    macro_rules! by_repeats {
        ($f:ident, $($g:ty),*) => {
            match (repeats[0], repeats[1]) {
                (false, false) => $f::<$($g),*, false, false>,
                (false, true) => $f::<$($g),*, false, true>,
                (true, _) => $f::<$($g),*, true, false>,
            }
        };
    }
    macro_rules! vectors {
        ($f:ident, $g:ty) => {
            match (repeats[0], repeats[1]) {
                (false, false) => pick::<$f<$g, false, false>>(level),
                (false, true) => pick::<$f<$g, false, true>>(level),
                (true, _) => pick::<$f<$g, true, false>>(level),
            }
        };
    }
    macro_rules! number {
        ($name:ident) => {
            match dtype {
                DType::F32 => vectors!(Float2, $name),
                DType::I32 => by_repeats!(each2, $name, i32, i32),
                DType::I64 | DType::U8 | DType::Bool => by_repeats!(each2, $name, i64, i64),
            }
        };
    }
    macro_rules! float {
        ($name:ident) => {
            vectors!(Float2, $name)
        };
    }
    macro_rules! compare {
        ($name:ident) => {
            match dtype {
                DType::F32 => vectors!(Compare, $name),
                DType::I32 => by_repeats!(each2, $name, i32, u8),
                DType::I64 => by_repeats!(each2, $name, i64, u8),
                DType::U8 | DType::Bool => by_repeats!(each2, $name, u8, u8),
            }
        };
    }
    macro_rules! truth {
        ($name:ident) => {
            by_repeats!(each2, $name, u8, u8)
        };
    }
    match op {
        Binary::Add => number!(Add),
        Binary::Sub => number!(Sub),
        Binary::Mul => number!(Mul),
        Binary::Div => float!(Div),
        Binary::Pow => float!(Pow),
        Binary::Max => number!(Max),
        Binary::Min => number!(Min),
        Binary::Eq => compare!(Eq),
        Binary::Ne => compare!(Ne),
        Binary::Lt => compare!(Lt),
        Binary::Le => compare!(Le),
        Binary::Gt => compare!(Gt),
        Binary::Ge => compare!(Ge),
        Binary::And => truth!(And),
        Binary::Or => truth!(Or),
    }
}

/// The function of a select between operands of type `dtype`; the condition does not repeat.
pub(crate) fn select(level: Level, dtype: DType, repeats: Repeats) -> Map {
    macro_rules! by_repeats {
        ($ty:ty) => {
            match (repeats[1], repeats[2]) {
                (false, false) => choose::<$ty, false, false>,
                (false, true) => choose::<$ty, false, true>,
                (true, false) => choose::<$ty, true, false>,
                (true, true) => choose::<$ty, true, true>,
            }
        };
    }
    match dtype {
        DType::F32 => match (repeats[1], repeats[2]) {
            (false, false) => pick::<Choose<false, false>>(level),
            (false, true) => pick::<Choose<false, true>>(level),
            (true, false) => pick::<Choose<true, false>>(level),
            (true, true) => pick::<Choose<true, true>>(level),
        },
        DType::I32 => by_repeats!(i32),
        DType::I64 => by_repeats!(i64),
        DType::U8 | DType::Bool => by_repeats!(u8),
    }
}

/// The function of a conversion.
pub(crate) fn cast(level: Level, from: DType, to: DType) -> Map {
    use DType::{Bool, F32, I32, I64, U8};
    match (from, to) {
        (F32, F32) | (I32, I32) | (I64, I64) | (U8, U8) | (Bool, Bool) => copy(from),
        (F32, Bool) => pick::<Test<IsNonzero>>(level),
        (Bool, F32) => pick::<FromMask>(level),
        (I32, F32) => pick::<FromWhole>(level),
        (F32, I32) => each1::<As, f32, i32>,
        (F32, I64) => each1::<As, f32, i64>,
        (F32, U8) => each1::<As, f32, u8>,
        (I32, I64) => each1::<As, i32, i64>,
        (I32, U8) => each1::<As, i32, u8>,
        (I32, Bool) => each1::<IsNonzero, i32, u8>,
        (I64, F32) => each1::<As, i64, f32>,
        (I64, I32) => each1::<As, i64, i32>,
        (I64, U8) => each1::<As, i64, u8>,
        (I64, Bool) => each1::<IsNonzero, i64, u8>,
        (U8, F32) => each1::<As, u8, f32>,
        (U8 | Bool, I32) => each1::<As, u8, i32>,
        (U8 | Bool, I64) => each1::<As, u8, i64>,
        (U8, Bool) => each1::<IsNonzero, u8, u8>,
        (Bool, U8) => copy(U8),
    }
}

/// The function that moves elements as they are.
pub(crate) fn copy(dtype: DType) -> Map {
    match dtype.size() {
        8 => copy_elements::<8>,
        4 => copy_elements::<4>,
        _ => copy_elements::<1>,
    }
}

/// The function that repeats one element.
pub(crate) fn fill(dtype: DType) -> Map {
    match dtype.size() {
        8 => fill_elements::<i64>,
        4 => fill_elements::<i32>,
        _ => fill_elements::<u8>,
    }
}

// ---- The operations.

macro_rules! names {
    ($($name:ident)*) => { $(enum $name {})* };
}
names! {
    Neg Abs Sign Exp Expm1 Log Log1p Sqrt Rsqrt Sin Cos Tanh Atan Sigmoid Softplus Erf Floor Ceil Round IsFinite IsNonzero Not As
    Add Sub Mul Div Pow Max Min Eq Ne Lt Le Gt Ge And Or
}

trait Function1 {
    fn apply<S: Simd>(s: S, x: S::F) -> S::F;
}

trait Function2 {
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
}

trait Test1 {
    fn apply<S: Simd>(s: S, x: S::F) -> S::M;
}

trait Test2 {
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::M;
}

trait Each1<A, R> {
    fn apply(x: A) -> R;
}

trait Each2<A, R> {
    fn apply(a: A, b: A) -> R;
}

macro_rules! functions {
    ($($trait:ident $name:ident ($s:ident, $($x:ident),*) $r:ident $body:expr;)*) => {$(
        impl $trait for $name {
            #[inline(always)]
            fn apply<S: Simd>($s: S, $($x: S::F),*) -> S::$r {
                $body
            }
        }
    )*};
}
functions! {
    Function1 Neg(s, x) F s.neg(x);
    Function1 Abs(s, x) F s.abs(x);
    Function1 Sign(s, x) F {
        let (one, zero) = (s.splat(1.0), s.splat(0.0));
        let below = s.select(s.lt(x, zero), s.neg(one), x);
        s.select(s.lt(zero, x), one, below)
    };
    Function1 Exp(s, x) F math::exp(s, x);
    Function1 Expm1(s, x) F math::expm1(s, x);
    Function1 Log(s, x) F math::log(s, x);
    Function1 Log1p(s, x) F math::log1p(s, x);
    Function1 Sqrt(s, x) F s.sqrt(x);
    Function1 Rsqrt(s, x) F s.div(s.splat(1.0), s.sqrt(x));
    Function1 Sin(s, x) F math::sin(s, x);
    Function1 Cos(s, x) F math::cos(s, x);
    Function1 Tanh(s, x) F math::tanh(s, x);
    Function1 Atan(s, x) F math::atan(s, x);
    Function1 Sigmoid(s, x) F math::sigmoid(s, x);
    Function1 Softplus(s, x) F math::softplus(s, x);
    Function1 Erf(s, x) F math::erf(s, x);
    Function1 Floor(s, x) F s.floor(x);
    Function1 Ceil(s, x) F s.ceil(x);
    Function1 Round(s, x) F s.round(x);
    Test1 IsFinite(s, x) M s.lt(s.abs(x), s.splat(f32::INFINITY));
    Test1 IsNonzero(s, x) M s.not(s.eq(x, s.splat(0.0)));
    Function2 Add(s, a, b) F s.add(a, b);
    Function2 Sub(s, a, b) F s.sub(a, b);
    Function2 Mul(s, a, b) F s.mul(a, b);
    Function2 Div(s, a, b) F s.div(a, b);
    Function2 Pow(s, a, b) F math::pow(s, a, b);
    Function2 Max(s, a, b) F s.max(a, b);
    Function2 Min(s, a, b) F s.min(a, b);
    Test2 Eq(s, a, b) M s.eq(a, b);
    Test2 Ne(s, a, b) M s.not(s.eq(a, b));
    Test2 Lt(s, a, b) M s.lt(a, b);
    Test2 Le(s, a, b) M s.le(a, b);
    Test2 Gt(s, a, b) M s.lt(b, a);
    Test2 Ge(s, a, b) M s.le(b, a);
}

macro_rules! whole {
    ($($ty:ident)*) => {$(
        impl Each1<$ty, $ty> for Neg { #[inline(always)] fn apply(x: $ty) -> $ty { x.wrapping_neg() } }
        impl Each1<$ty, $ty> for Abs { #[inline(always)] fn apply(x: $ty) -> $ty { x.wrapping_abs() } }
        impl Each1<$ty, $ty> for Sign { #[inline(always)] fn apply(x: $ty) -> $ty { x.signum() } }
        impl Each2<$ty, $ty> for Add { #[inline(always)] fn apply(a: $ty, b: $ty) -> $ty { a.wrapping_add(b) } }
        impl Each2<$ty, $ty> for Sub { #[inline(always)] fn apply(a: $ty, b: $ty) -> $ty { a.wrapping_sub(b) } }
        impl Each2<$ty, $ty> for Mul { #[inline(always)] fn apply(a: $ty, b: $ty) -> $ty { a.wrapping_mul(b) } }
        impl Each2<$ty, $ty> for Max { #[inline(always)] fn apply(a: $ty, b: $ty) -> $ty { a.max(b) } }
        impl Each2<$ty, $ty> for Min { #[inline(always)] fn apply(a: $ty, b: $ty) -> $ty { a.min(b) } }
    )*};
}
whole! { i32 i64 }

macro_rules! compared {
    ($($ty:ident)*) => {$(
        impl Each2<$ty, u8> for Eq { #[inline(always)] fn apply(a: $ty, b: $ty) -> u8 { u8::from(a == b) } }
        impl Each2<$ty, u8> for Ne { #[inline(always)] fn apply(a: $ty, b: $ty) -> u8 { u8::from(a != b) } }
        impl Each2<$ty, u8> for Lt { #[inline(always)] fn apply(a: $ty, b: $ty) -> u8 { u8::from(a < b) } }
        impl Each2<$ty, u8> for Le { #[inline(always)] fn apply(a: $ty, b: $ty) -> u8 { u8::from(a <= b) } }
        impl Each2<$ty, u8> for Gt { #[inline(always)] fn apply(a: $ty, b: $ty) -> u8 { u8::from(a > b) } }
        impl Each2<$ty, u8> for Ge { #[inline(always)] fn apply(a: $ty, b: $ty) -> u8 { u8::from(a >= b) } }
        impl Each1<$ty, u8> for IsNonzero { #[inline(always)] fn apply(x: $ty) -> u8 { u8::from(x != 0) } }
    )*};
}
compared! { i32 i64 u8 }

macro_rules! converted {
    ($($from:ident $to:ident;)*) => {$(
        impl Each1<$from, $to> for As { #[inline(always)] fn apply(x: $from) -> $to { x as $to } }
    )*};
}
converted! { f32 i32; f32 i64; f32 u8; i32 i64; i32 u8; i64 f32; i64 i32; i64 u8; u8 f32; u8 i32; u8 i64; }

impl Each1<u8, u8> for Not {
    #[inline(always)]
    fn apply(x: u8) -> u8 {
        x ^ 1
    }
}

impl Each2<u8, u8> for And {
    #[inline(always)]
    fn apply(a: u8, b: u8) -> u8 {
        a & b
    }
}

impl Each2<u8, u8> for Or {
    #[inline(always)]
    fn apply(a: u8, b: u8) -> u8 {
        a | b
    }
}

// ---- The loops.

/// A loop over floats.
trait Loop {
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

fn pick<L: Loop>(level: Level) -> Map {
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

struct Float1<O>(PhantomData<O>);

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

struct Float2<O, const A: bool, const B: bool>(PhantomData<O>);

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

struct Test<O>(PhantomData<O>);

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

struct Compare<O, const A: bool, const B: bool>(PhantomData<O>);

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

struct Choose<const A: bool, const B: bool>;

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

struct FromMask;

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

struct FromWhole;

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

/// # Safety
/// As [`Map`] says.
unsafe fn each1<O: Each1<A, R>, A: Copy, R>(
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

/// # Safety
/// As [`Map`] says.
unsafe fn each2<O: Each2<T, R>, T: Copy, R, const A: bool, const B: bool>(
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

/// # Safety
/// As [`Map`] says.
unsafe fn choose<T: Copy, const A: bool, const B: bool>(
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

/// # Safety
/// As [`Map`] says.
unsafe fn copy_elements<const SIZE: usize>(n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
    // SAFETY: within the `n` elements that the caller promises.
    unsafe { std::ptr::copy(a, dst, n * SIZE) };
}

/// # Safety
/// As [`Map`] says; the operand repeats.
unsafe fn fill_elements<T: Copy>(n: usize, dst: *mut u8, a: *const u8, _: *const u8, _: *const u8) {
    if n == 0 {
        return;
    }
    // SAFETY: `n` elements are writable, one readable.
    unsafe {
        let x = *a.cast::<T>();
        std::slice::from_raw_parts_mut(dst.cast::<T>(), n).fill(x);
    }
}
