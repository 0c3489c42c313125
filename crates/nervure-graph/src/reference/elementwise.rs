//! Values element by element. Which types are taken is `infer`'s matter: what cannot be gives an empty array, which has no shape.

use crate::{Binary, Unary};

use super::array::{Data, Float, Number, map_data};

pub(super) fn unary<T: Float>(u: Unary, x: &Data<T>) -> Data<T> {
    match x {
        Data::F32(v) => match u {
            Unary::IsFinite => Data::Bool(v.iter().map(|x| x.to_f64().is_finite()).collect()),
            u => Data::F32(v.iter().map(|&x| float(u, x)).collect()),
        },
        Data::I32(v) => Data::I32(v.iter().map(|&x| number(u, x)).collect()),
        Data::I64(v) => Data::I64(v.iter().map(|&x| number(u, x)).collect()),
        Data::U8(v) => Data::U8(v.clone()),
        Data::Bool(v) => Data::Bool(v.iter().map(|x| !x).collect()),
    }
}

fn float<T: Float>(u: Unary, x: T) -> T {
    let one = T::ONE;
    match u {
        Unary::Neg | Unary::Abs | Unary::Sign => number(u, x),
        Unary::Exp => x.exp(),
        Unary::Expm1 => x.expm1(),
        Unary::Log => x.log(),
        Unary::Log1p => x.log1p(),
        Unary::Sqrt => x.sqrt(),
        Unary::Rsqrt => one / x.sqrt(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Atan => x.atan(),
        Unary::Sigmoid if x < T::ZERO => x.exp() / (one + x.exp()),
        Unary::Sigmoid => one / (one + (-x).exp()),
        Unary::Softplus if x > T::ZERO => x + (-x).exp().log1p(),
        Unary::Softplus => x.exp().log1p(),
        Unary::Erf => x.erf(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round(),
        Unary::IsFinite | Unary::Not => x,
    }
}

/// The functions of any number; the others give x.
fn number<N: Number>(u: Unary, x: N) -> N {
    match u {
        Unary::Neg => x.negated(),
        // −0 as well has the absolute value 0.
        Unary::Abs if x < N::ZERO => x.negated(),
        Unary::Abs if x == N::ZERO => N::ZERO,
        Unary::Abs => x,
        Unary::Sign if x > N::ZERO => N::ONE,
        Unary::Sign if x < N::ZERO => N::ONE.negated(),
        Unary::Sign => x,
        Unary::Exp
        | Unary::Expm1
        | Unary::Log
        | Unary::Log1p
        | Unary::Sqrt
        | Unary::Rsqrt
        | Unary::Sin
        | Unary::Cos
        | Unary::Tanh
        | Unary::Atan
        | Unary::Sigmoid
        | Unary::Softplus
        | Unary::Erf
        | Unary::Floor
        | Unary::Ceil
        | Unary::Round
        | Unary::IsFinite
        | Unary::Not => x,
    }
}

pub(super) fn binary<T: Float>(b: Binary, x: &Data<T>, y: &Data<T>) -> Data<T> {
    match (x, y) {
        (Data::F32(x), Data::F32(y)) => match b {
            Binary::Div => Data::F32(zip(x, y, |a, b| a / b)),
            Binary::Pow => Data::F32(zip(x, y, |a, b| a.pow(b))),
            b => arithmetic(b, x, y).map_or_else(|| Data::Bool(compare(b, x, y)), Data::F32),
        },
        (Data::I32(x), Data::I32(y)) => {
            arithmetic(b, x, y).map_or_else(|| Data::Bool(compare(b, x, y)), Data::I32)
        }
        (Data::I64(x), Data::I64(y)) => {
            arithmetic(b, x, y).map_or_else(|| Data::Bool(compare(b, x, y)), Data::I64)
        }
        (Data::U8(x), Data::U8(y)) => Data::Bool(compare(b, x, y)),
        (Data::Bool(x), Data::Bool(y)) => Data::Bool(match b {
            Binary::And => zip(x, y, |a, b| a && b),
            Binary::Or => zip(x, y, |a, b| a || b),
            b => compare(b, x, y),
        }),
        _different => Data::Bool(Vec::new()),
    }
}

fn arithmetic<N: Number>(b: Binary, x: &[N], y: &[N]) -> Option<Vec<N>> {
    Some(match b {
        Binary::Add => zip(x, y, N::plus),
        Binary::Sub => zip(x, y, N::minus),
        Binary::Mul => zip(x, y, N::times),
        Binary::Max => zip(x, y, greater),
        Binary::Min => zip(x, y, lesser),
        Binary::Div
        | Binary::Pow
        | Binary::Eq
        | Binary::Ne
        | Binary::Lt
        | Binary::Le
        | Binary::Gt
        | Binary::Ge
        | Binary::And
        | Binary::Or => return None,
    })
}

fn compare<E: Copy + PartialOrd>(b: Binary, x: &[E], y: &[E]) -> Vec<bool> {
    match b {
        Binary::Eq => zip(x, y, |a, b| a == b),
        Binary::Ne => zip(x, y, |a, b| a != b),
        Binary::Lt => zip(x, y, |a, b| a < b),
        Binary::Le => zip(x, y, |a, b| a <= b),
        Binary::Gt => zip(x, y, |a, b| a > b),
        Binary::Ge => zip(x, y, |a, b| a >= b),
        Binary::Add
        | Binary::Sub
        | Binary::Mul
        | Binary::Div
        | Binary::Pow
        | Binary::Max
        | Binary::Min
        | Binary::And
        | Binary::Or => Vec::new(),
    }
}

/// The greater; NaN if either is NaN.
pub(super) fn greater<N: Number>(a: N, b: N) -> N {
    if a.is_nan() || a >= b { a } else { b }
}

/// The lesser; NaN if either is NaN.
pub(super) fn lesser<N: Number>(a: N, b: N) -> N {
    if a.is_nan() || a <= b { a } else { b }
}

fn zip<A: Copy, B>(x: &[A], y: &[A], f: impl Fn(A, A) -> B) -> Vec<B> {
    x.iter().zip(y).map(|(&a, &b)| f(a, b)).collect()
}

pub(super) fn select<T: Float>(condition: &Data<T>, a: &Data<T>, b: &Data<T>) -> Data<T> {
    let Data::Bool(c) = condition else { return Data::Bool(Vec::new()) };
    macro_rules! choose {
        ($($kind:ident),*) => {
            match (a, b) {
                $((Data::$kind(a), Data::$kind(b)) => {
                    Data::$kind(c.iter().enumerate().map(|(i, &c)| if c { a[i] } else { b[i] }).collect())
                })*
                (a, _different) => map_data!(a, _a => Vec::new()),
            }
        };
    }
    choose!(F32, I32, I64, U8, Bool)
}
