use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::{DType, Error, Literal, Type, Values};

/// A float in which the reference computes: `f64` or `f32`.
pub trait Float:
    Number
    + Debug
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + 'static
{
    /// The nearest value.
    fn from_f64(x: f64) -> Self;
    /// The nearest value.
    fn from_i64(x: i64) -> Self;
    /// The same value.
    fn to_f64(self) -> f64;
    /// eˣ.
    fn exp(self) -> Self;
    /// eˣ − 1.
    fn expm1(self) -> Self;
    /// ln x.
    fn log(self) -> Self;
    /// ln(1 + x).
    fn log1p(self) -> Self;
    /// √x.
    fn sqrt(self) -> Self;
    /// sin x.
    fn sin(self) -> Self;
    /// cos x.
    fn cos(self) -> Self;
    /// tanh x.
    fn tanh(self) -> Self;
    /// arctan x.
    fn atan(self) -> Self;
    /// Gauss's error function.
    fn erf(self) -> Self;
    /// xⁿ.
    fn pow(self, exponent: Self) -> Self;
    /// ⌊x⌋.
    fn floor(self) -> Self;
    /// ⌈x⌉.
    fn ceil(self) -> Self;
    /// Nearest whole number, halves to even.
    fn round(self) -> Self;
}

/// What arithmetic is defined on: floats, `i32`, `i64`. Whole numbers wrap.
pub trait Number: Copy + PartialOrd {
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// −∞ or the least whole number.
    const LOWEST: Self;
    /// ∞ or the greatest whole number.
    const HIGHEST: Self;
    /// a + b.
    fn plus(self, other: Self) -> Self;
    /// a − b.
    fn minus(self, other: Self) -> Self;
    /// a · b.
    fn times(self, other: Self) -> Self;
    /// −x.
    fn negated(self) -> Self;
    /// Whether this is no number.
    fn is_nan(self) -> bool;
}

macro_rules! floats {
    ($($t:ident: $exp:ident $expm1:ident $log:ident $log1p:ident $sin:ident $cos:ident $tanh:ident $atan:ident $erf:ident $pow:ident),*) => {$(
        impl Float for $t {
            fn from_f64(x: f64) -> $t { x as $t }
            fn from_i64(x: i64) -> $t { x as $t }
            fn to_f64(self) -> f64 { f64::from(self) }
            fn exp(self) -> $t { libm::$exp(self) }
            fn expm1(self) -> $t { libm::$expm1(self) }
            fn log(self) -> $t { libm::$log(self) }
            fn log1p(self) -> $t { libm::$log1p(self) }
            fn sqrt(self) -> $t { self.sqrt() }
            fn sin(self) -> $t { libm::$sin(self) }
            fn cos(self) -> $t { libm::$cos(self) }
            fn tanh(self) -> $t { libm::$tanh(self) }
            fn atan(self) -> $t { libm::$atan(self) }
            fn erf(self) -> $t { libm::$erf(self) }
            fn pow(self, exponent: $t) -> $t { libm::$pow(self, exponent) }
            fn floor(self) -> $t { self.floor() }
            fn ceil(self) -> $t { self.ceil() }
            fn round(self) -> $t { self.round_ties_even() }
        }
        impl Number for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            const LOWEST: $t = $t::NEG_INFINITY;
            const HIGHEST: $t = $t::INFINITY;
            fn plus(self, other: $t) -> $t { self + other }
            fn minus(self, other: $t) -> $t { self - other }
            fn times(self, other: $t) -> $t { self * other }
            fn negated(self) -> $t { -self }
            fn is_nan(self) -> bool { self.is_nan() }
        }
    )*};
}
floats!(
    f64: exp expm1 log log1p sin cos tanh atan erf pow,
    f32: expf expm1f logf log1pf sinf cosf tanhf atanf erff powf
);

macro_rules! whole {
    ($($t:ident),*) => {$(
        impl Number for $t {
            const ZERO: $t = 0;
            const ONE: $t = 1;
            const LOWEST: $t = $t::MIN;
            const HIGHEST: $t = $t::MAX;
            fn plus(self, other: $t) -> $t { self.wrapping_add(other) }
            fn minus(self, other: $t) -> $t { self.wrapping_sub(other) }
            fn times(self, other: $t) -> $t { self.wrapping_mul(other) }
            fn negated(self) -> $t { self.wrapping_neg() }
            fn is_nan(self) -> bool { false }
        }
    )*};
}
whole!(i32, i64);

/// An array of the reference: row-major, floats in `T`.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    shape: Vec<usize>,
    data: Data<T>,
}

/// Elements of an [`Array`], by type.
#[derive(Debug, Clone, PartialEq)]
pub enum Data<T> {
    /// Of [`DType::F32`], whatever float `T` they are computed in.
    F32(Vec<T>),
    /// Of [`DType::I32`].
    I32(Vec<i32>),
    /// Of [`DType::I64`].
    I64(Vec<i64>),
    /// Of [`DType::U8`].
    U8(Vec<u8>),
    /// Of [`DType::Bool`].
    Bool(Vec<bool>),
}

/// An expression on the elements `$v` of any type, which gives elements of the same type.
macro_rules! map_data {
    ($data:expr, $v:ident => $e:expr) => {
        match $data {
            Data::F32($v) => Data::F32($e),
            Data::I32($v) => Data::I32($e),
            Data::I64($v) => Data::I64($e),
            Data::U8($v) => Data::U8($e),
            Data::Bool($v) => Data::Bool($e),
        }
    };
}
pub(super) use map_data;

impl<T: Float> Array<T> {
    /// An array of elements in row-major order.
    ///
    /// # Errors
    /// If the shape has another number of elements.
    pub fn new(shape: impl Into<Vec<usize>>, data: Data<T>) -> Result<Array<T>, Error> {
        let shape = shape.into();
        let n = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if n != Some(data.len()) {
            return Err(Error::Evaluation(format!("an array {shape:?} of {} elements", data.len())));
        }
        Ok(Array { shape, data })
    }

    /// Floats in row-major order.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    pub fn floats(shape: &[usize], values: impl Into<Vec<T>>) -> Array<T> {
        Array::new(shape, Data::F32(values.into())).expect("as many elements as the shape has")
    }

    /// `f32` numbers in row-major order.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    pub fn from_f32(shape: &[usize], values: &[f32]) -> Array<T> {
        Array::floats(shape, values.iter().map(|&v| T::from_f64(f64::from(v))).collect::<Vec<_>>())
    }

    /// Numbers of any type in row-major order, as [`Op::Cast`](crate::Op::Cast) converts them.
    ///
    /// # Panics
    /// If the shape has another number of elements.
    pub fn of(dtype: DType, shape: &[usize], values: &[f64]) -> Array<T> {
        let floats = Data::F32(values.iter().map(|&v| T::from_f64(v)).collect());
        Array::new(shape, floats.cast(dtype)).expect("as many elements as the shape has")
    }

    /// Zeros (false).
    pub fn zeros(dtype: DType, shape: &[usize]) -> Array<T> {
        let n = shape.iter().product();
        let data = match dtype {
            DType::F32 => Data::F32(vec![T::ZERO; n]),
            DType::I32 => Data::I32(vec![0; n]),
            DType::I64 => Data::I64(vec![0; n]),
            DType::U8 => Data::U8(vec![0; n]),
            DType::Bool => Data::Bool(vec![false; n]),
        };
        Array { shape: shape.into(), data }
    }

    /// The array that a literal describes.
    ///
    /// # Errors
    /// If its shape has another number of elements than it holds.
    pub fn from_literal(literal: &Literal) -> Result<Array<T>, Error> {
        let data = match &literal.values {
            Values::Float(v) => Data::F32(v.iter().map(|&v| T::from_f64(v)).collect()),
            Values::Whole(v) => Data::I64(v.to_vec()),
        };
        Array::new(literal.shape.clone(), data.cast(literal.dtype))
    }

    /// Sizes of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The elements, row-major.
    pub fn data(&self) -> &Data<T> {
        &self.data
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements, if they are floats.
    pub fn as_floats(&self) -> Option<&[T]> {
        if let Data::F32(v) = &self.data { Some(v) } else { None }
    }

    /// The elements, if they are floats, to be changed.
    pub fn as_floats_mut(&mut self) -> Option<&mut [T]> {
        if let Data::F32(v) = &mut self.data { Some(v) } else { None }
    }

    /// The elements as `f64`, whatever their type; truth values as 0 and 1.
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.data {
            Data::F32(v) => v.iter().map(|v| v.to_f64()).collect(),
            Data::I32(v) => v.iter().map(|&v| f64::from(v)).collect(),
            Data::I64(v) => v.iter().map(|&v| v as f64).collect(),
            Data::U8(v) => v.iter().map(|&v| f64::from(v)).collect(),
            Data::Bool(v) => v.iter().map(|&v| f64::from(u8::from(v))).collect(),
        }
    }

    /// The same array with floats in another type.
    pub fn convert<U: Float>(&self) -> Array<U> {
        let data = match &self.data {
            Data::F32(v) => Data::F32(v.iter().map(|v| U::from_f64(v.to_f64())).collect()),
            Data::I32(v) => Data::I32(v.clone()),
            Data::I64(v) => Data::I64(v.clone()),
            Data::U8(v) => Data::U8(v.clone()),
            Data::Bool(v) => Data::Bool(v.clone()),
        };
        Array { shape: self.shape.clone(), data }
    }

    /// Its type.
    pub fn ty(&self) -> Type {
        Type::new(self.dtype(), self.shape.iter().map(|&n| n.into()).collect::<Vec<_>>())
    }

    pub(super) fn data_mut(&mut self) -> &mut Data<T> {
        &mut self.data
    }
}

impl<T: Float> Data<T> {
    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Data::F32(_) => DType::F32,
            Data::I32(_) => DType::I32,
            Data::I64(_) => DType::I64,
            Data::U8(_) => DType::U8,
            Data::Bool(_) => DType::Bool,
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Data::F32(v) => v.len(),
            Data::I32(v) => v.len(),
            Data::I64(v) => v.len(),
            Data::U8(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements as [`Op::Cast`](crate::Op::Cast) converts them.
    pub fn cast(self, to: DType) -> Data<T> {
        if self.dtype() == to {
            return self;
        }
        let whole: Vec<i64> = match self {
            // `as` truncates towards 0, saturates, and makes 0 of NaN.
            Data::F32(v) => {
                let v = v.into_iter().map(T::to_f64);
                return match to {
                    DType::F32 => Data::F32(v.map(T::from_f64).collect()),
                    DType::I32 => Data::I32(v.map(|v| v as i32).collect()),
                    DType::I64 => Data::I64(v.map(|v| v as i64).collect()),
                    DType::U8 => Data::U8(v.map(|v| v as u8).collect()),
                    DType::Bool => Data::Bool(v.map(|v| v != 0.0).collect()),
                };
            }
            Data::I32(v) => v.into_iter().map(i64::from).collect(),
            Data::I64(v) => v,
            Data::U8(v) => v.into_iter().map(i64::from).collect(),
            Data::Bool(v) => v.into_iter().map(i64::from).collect(),
        };
        let v = whole.into_iter();
        match to {
            DType::F32 => Data::F32(v.map(T::from_i64).collect()),
            DType::I32 => Data::I32(v.map(|v| v as i32).collect()),
            DType::I64 => Data::I64(v.collect()),
            DType::U8 => Data::U8(v.map(|v| v as u8).collect()),
            DType::Bool => Data::Bool(v.map(|v| v != 0).collect()),
        }
    }
}
