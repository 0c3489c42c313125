//! The functions, of vectors of floats and of single whole numbers.

use crate::kernels::math;
use crate::simd::Simd;

macro_rules! names {
    ($($name:ident)*) => { $(pub(in crate::kernels::map) enum $name {})* };
}
names! {
    Neg Abs Sign Exp Expm1 Log Log1p Sqrt Rsqrt Sin Cos Tanh Atan Sigmoid Softplus Erf Floor Ceil Round IsFinite IsNonzero Not As
    Add Sub Mul Div Pow Max Min Eq Ne Lt Le Gt Ge And Or
}

/// A function of floats.
pub(super) trait Function1 {
    fn apply<S: Simd>(s: S, x: S::F) -> S::F;
}

/// A function of two floats.
pub(super) trait Function2 {
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
}

/// Whether something holds of a float.
pub(super) trait Test1 {
    fn apply<S: Simd>(s: S, x: S::F) -> S::M;
}

/// Whether something holds of two floats.
pub(super) trait Test2 {
    fn apply<S: Simd>(s: S, a: S::F, b: S::F) -> S::M;
}

/// A function of one element.
pub(super) trait Each1<A, R> {
    fn apply(x: A) -> R;
}

/// A function of two elements.
pub(super) trait Each2<A, R> {
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
