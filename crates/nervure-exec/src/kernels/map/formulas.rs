//! Formulas of several operations that one loop computes, so that what lies between them stays in registers: those of which the updates of
//! optimizers, normalizations, softmax and GELU consist. Each operation is rounded as on its own, so that the bits are those of the single steps.

use std::array::from_fn;
use std::marker::PhantomData;

use nervure_graph::{Binary, Unary};

use super::functions::{self, Function1, Function2};
use super::loops::{load, store, vectors};
use crate::simd::{Kernel, Level, Simd};

/// Operands that a formula may have.
pub(crate) const OPERANDS: usize = 5;

/// `dst[i] = f(from[0][i], …)` for `i < n`; operands that repeat one element are read at their first place alone.
///
/// Safe to call as a [`Map`](super::Map) is.
pub(crate) type Many = unsafe fn(n: usize, dst: *mut u8, from: &[*const u8; OPERANDS]);

/// An expression in the operations of the graph.
pub(crate) enum Tree {
    /// An operand, by its number.
    Operand(usize),
    /// Of one value.
    Unary(Unary, &'static Tree),
    /// Of two values.
    Binary(Binary, &'static Tree, &'static Tree),
}

/// A formula, and the loop that computes it.
pub(crate) struct Formula {
    /// What it says.
    pub tree: &'static Tree,
    /// Number of operands.
    pub operands: usize,
    /// Number of those that are walked; the others, which come after them, repeat one element.
    pub walked: usize,
    /// The loop at a level.
    pub at: fn(Level) -> Many,
}

macro_rules! tree {
    (($f:ident $a:tt)) => {
        Tree::Unary(Unary::$f, &tree!($a))
    };
    (($f:ident $a:tt $b:tt)) => {
        Tree::Binary(Binary::$f, &tree!($a), &tree!($b))
    };
    ($operand:ident) => {
        Tree::Operand(Place::$operand as usize)
    };
}

macro_rules! value {
    ($s:ident $x:ident ($f:ident $a:tt)) => { <functions::$f as Function1>::apply($s, value!($s $x $a)) };
    ($s:ident $x:ident ($f:ident $a:tt $b:tt)) => {
        <functions::$f as Function2>::apply($s, value!($s $x $a), value!($s $x $b))
    };
    ($s:ident $x:ident $operand:ident) => { $x[Place::$operand as usize] };
}

macro_rules! formulas {
    ($(#[$meta:meta])* $list:ident: $($name:ident: $($walked:ident)*, $($repeated:ident)* => $tree:tt;)*) => {
        $(#[$meta])*
        pub(crate) const $list: &[Formula] = &[$({
            #[expect(non_camel_case_types, reason = "names of operands")]
            enum Place { $($walked,)* $($repeated),* }
            const WALKED: usize = <[&str]>::len(&[$(stringify!($walked)),*]);
            const REPEATED: usize = <[&str]>::len(&[$(stringify!($repeated)),*]);
            struct $name;
            impl Body for $name {
                const WALKED: usize = WALKED;
                const OPERANDS: usize = WALKED + REPEATED;
                #[inline(always)]
                fn apply<S: Simd>(s: S, x: [S::F; OPERANDS]) -> S::F {
                    value!(s x $tree)
                }
            }
            Formula { tree: &tree!($tree), operands: WALKED + REPEATED, walked: WALKED, at: pick::<$name> }
        }),*];
    };
}
formulas! {
    /// Formulas that are computed at once where nobody else wants the values between, each before its parts.
    FORMULAS:
    // Adam's step along a mean, by the root of another.
    Descent: w m v, rate epsilon => (Sub w (Div (Mul rate m) (Add (Sqrt v) epsilon)));
    // A moving mean of squares, and of values.
    MeanSquare: v g, share => (Add v (Mul (Sub (Mul g g) v) share));
    Mean: m g, share => (Add m (Mul (Sub g m) share));
    // Weighted sums: momentum, decay, plain descent.
    Sum2: a b, k l => (Add (Mul a k) (Mul b l));
    Difference2: a b, k l => (Sub (Mul a k) (Mul b l));
    Sum1: a b, k => (Add a (Mul b k));
    Difference1: a b, k => (Sub a (Mul b k));
    // Normalization by vectors along an axis, and its gradient.
    Affine: x a b c, => (Add (Mul (Sub x a) b) c);
    Scaled: x a b, => (Mul (Sub x a) b);
    Sum3: a b c d, => (Add (Mul a b) (Mul c d));
    Product: a b c, => (Add (Mul a b) c);
    // Softmax, of the logarithm of its sum.
    Share: x l, => (Exp (Sub x l));
    Gelu: x, half root => (Mul x (Add (Mul (Erf (Mul x root)) half) half));
}
formulas! {
    /// Formulas that make anew what was computed before: keeping it would cost a walk through memory for each value.
    ANEW:
    // GELU's gradient, x Φ(x)': of Φ and e^(−x²/2), neither is kept.
    GeluGrad: dy x, half scale root => (Add
        (Mul dy (Add (Mul (Erf (Mul x root)) half) half))
        (Mul (Mul (Mul (Mul (Mul dy x) half) (Exp (Neg (Mul (Mul x root) (Mul x root))))) scale) root));
}

/// What a formula's loop computes of the elements at one place.
trait Body {
    const WALKED: usize;
    const OPERANDS: usize;
    fn apply<S: Simd>(s: S, x: [S::F; OPERANDS]) -> S::F;
}

struct Call<'a, B> {
    n: usize,
    dst: *mut u8,
    from: &'a [*const u8; OPERANDS],
    body: PhantomData<B>,
}

impl<B: Body> Kernel for Call<'_, B> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Call { n, dst, from, .. } = self;
        if n == 0 {
            return;
        }
        let (dst, from) = (dst.cast::<f32>(), from.map(|p| p.cast::<f32>()));
        let is_walked = |i: usize| i < B::WALKED;
        // SAFETY: made by `entry` alone, whose caller promises the elements.
        unsafe {
            let repeated: [S::F; OPERANDS] =
                from_fn(|i| s.splat(if is_walked(i) || i >= B::OPERANDS { 0.0 } else { *from[i] }));
            vectors(S::LANES, n, |i, count| {
                let x: [S::F; OPERANDS] =
                    from_fn(|k| if is_walked(k) { load(s, from[k].add(i), count) } else { repeated[k] });
                store(s, dst.add(i), B::apply(s, x), count);
            });
        }
    }
}

/// The loop of a formula at a level.
fn pick<B: Body>(level: Level) -> Many {
    match level {
        Level::Portable => entry::<B, 0>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => entry::<B, 1>,
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => entry::<B, 2>,
    }
}

/// # Safety
/// As [`Many`] says, and the machine has the level.
unsafe fn entry<B: Body, const LEVEL: u8>(n: usize, dst: *mut u8, from: &[*const u8; OPERANDS]) {
    let level = match LEVEL {
        #[cfg(target_arch = "x86_64")]
        1 => Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        2 => Level::Avx512,
        _ => Level::Portable,
    };
    level.run(Call::<B> { n, dst, from, body: PhantomData });
}
