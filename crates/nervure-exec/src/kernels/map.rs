//! The steps of a tape: loops over the elements of a tile, one function for each operation, type and level.
//!
//! The destination may be one of the operands: each element is read before it is written. Floats go by whole vectors, the last of them
//! padded, so that an element's bits do not depend on its place.

mod formulas;
mod functions;
mod loops;

use nervure_graph::{Binary, DType, Unary};

use crate::simd::Level;
pub(crate) use formulas::{ANEW, FORMULAS, Formula, Many, OPERANDS, Tree};
use functions::*;
use loops::*;

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
