//! What the host holds: arrays of numbers or of texts.

use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayBase, Data, Dimension};
use nervure_exec::Buffer;
use nervure_graph::{DType, Dim, Shape, Type};
use serde::{Deserialize, Serialize};

use crate::data::IntoArray;
use crate::{Error, Result};

/// An array of texts, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    shape: Vec<usize>,
    texts: Vec<String>,
}

impl Texts {
    /// These texts in that shape.
    ///
    /// # Errors
    /// Another number of texts than the shape has places.
    pub fn new(shape: &[usize], texts: Vec<String>) -> Result<Texts> {
        let places = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if places != Some(texts.len()) {
            let received = texts.len();
            return Err(Error::Data(format!("expected texts for the shape {shape:?}, received {received}")));
        }
        Ok(Texts { shape: shape.to_vec(), texts })
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Its texts, row-major.
    pub fn as_slice(&self) -> &[String] {
        &self.texts
    }
}

/// An array of rows as a program gives it.
#[derive(Debug, Clone)]
pub enum Values {
    /// Of numbers.
    Numbers(Arc<Buffer>),
    /// Of texts.
    Texts(Arc<Texts>),
}

impl Values {
    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        match self {
            Values::Numbers(numbers) => numbers.shape(),
            Values::Texts(texts) => texts.shape(),
        }
    }

    /// What it holds, with every size a number.
    pub fn ty(&self) -> HostType {
        let shape: Shape = self.shape().iter().map(|&n| n.into()).collect();
        match self {
            Values::Numbers(numbers) => Type::new(numbers.dtype(), shape).into(),
            Values::Texts(_) => HostType { elements: Elements::Text, shape },
        }
    }

    /// The numbers.
    ///
    /// # Errors
    /// Texts, of `what`.
    pub(crate) fn numbers(&self, what: &str) -> Result<&Arc<Buffer>> {
        match self {
            Values::Numbers(numbers) => Ok(numbers),
            Values::Texts(_) => Err(Error::Data(format!("{what}: expected numbers, received {}", self.ty()))),
        }
    }
}

/// What an array on the host is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Elements {
    /// Texts.
    Text,
    /// Numbers of this type.
    #[serde(untagged)]
    Numbers(DType),
}

impl fmt::Display for Elements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Elements::Numbers(dtype) => dtype.fmt(f),
            Elements::Text => f.write_str("text"),
        }
    }
}

/// The type of an array on the host: `text[batch, 3]`.
#[derive(Debug, Clone, PartialEq)]
pub struct HostType {
    /// What it is made of.
    pub elements: Elements,
    /// Its shape, rows first.
    pub shape: Vec<Dim>,
}

impl HostType {
    /// The same shape of other elements.
    pub fn of(&self, elements: Elements) -> HostType {
        HostType { elements, shape: self.shape.clone() }
    }
}

impl From<Type> for HostType {
    fn from(ty: Type) -> HostType {
        HostType { elements: Elements::Numbers(ty.dtype), shape: ty.shape }
    }
}

impl fmt::Display for HostType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        write!(f, "{}[{}]", self.elements, sizes.join(", "))
    }
}

/// What becomes an array of rows, of numbers or of texts: `ndarray` arrays and views of any rank, slices and vectors, a [`Buffer`], [`Texts`]. `f64` is
/// rounded to `f32`.
///
/// ```
/// use nervure_nn::IntoValues;
/// assert_eq!(["a few", "words"].into_values().ty().to_string(), "text[2]");
/// assert_eq!(ndarray::arr2(&[[1, 2, 3]]).into_values().ty().to_string(), "i32[1, 3]");
/// ```
pub trait IntoValues {
    /// The array.
    fn into_values(self) -> Values;
}

impl IntoValues for Values {
    fn into_values(self) -> Values {
        self
    }
}

impl IntoValues for Buffer {
    fn into_values(self) -> Values {
        Values::Numbers(Arc::new(self))
    }
}

impl IntoValues for Texts {
    fn into_values(self) -> Values {
        Values::Texts(Arc::new(self))
    }
}

impl IntoValues for &Texts {
    fn into_values(self) -> Values {
        self.clone().into_values()
    }
}

/// An element that arrays of data may have: a number, [`Element`](crate::Element), or a text.
pub trait Datum: Clone {
    /// An array of such elements, as many as the shape has places.
    fn values(shape: &[usize], elements: &[Self]) -> Values;
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Datum for $ty {
            fn values(shape: &[usize], elements: &[$ty]) -> Values {
                let view = ndarray::ArrayView::from_shape(shape, elements);
                view.expect("as many elements as the shape has places").into_array().into_values()
            }
        }
    )*};
}
numbers!(f32, f64, i32, i64, u8, bool);

macro_rules! texts {
    ($($ty:ty),*) => {$(
        impl Datum for $ty {
            fn values(shape: &[usize], elements: &[$ty]) -> Values {
                let texts = elements.iter().map(|text| text.to_string()).collect();
                Texts { shape: shape.to_vec(), texts }.into_values()
            }
        }
    )*};
}
texts!(String, &str);

impl<T: Datum, S: Data<Elem = T>, D: Dimension> IntoValues for &ArrayBase<S, D> {
    fn into_values(self) -> Values {
        let contiguous = self.as_standard_layout();
        T::values(self.shape(), contiguous.as_slice().expect("the standard layout is contiguous"))
    }
}

impl<T: Datum, S: Data<Elem = T>, D: Dimension> IntoValues for ArrayBase<S, D> {
    fn into_values(self) -> Values {
        (&self).into_values()
    }
}

impl<T: Datum> IntoValues for &[T] {
    fn into_values(self) -> Values {
        T::values(&[self.len()], self)
    }
}

impl<T: Datum> IntoValues for &Vec<T> {
    fn into_values(self) -> Values {
        self[..].into_values()
    }
}

impl<T: Datum> IntoValues for Vec<T> {
    fn into_values(self) -> Values {
        self[..].into_values()
    }
}

impl<T: Datum, const N: usize> IntoValues for &[T; N] {
    fn into_values(self) -> Values {
        self[..].into_values()
    }
}

impl<T: Datum, const N: usize> IntoValues for [T; N] {
    fn into_values(self) -> Values {
        self[..].into_values()
    }
}
