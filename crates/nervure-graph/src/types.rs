use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Bindings, Dim, Error};

/// Type of an element.
///
/// The reference interpreter may compute [`DType::F32`] in any float; the executor computes it in `f32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DType {
    /// Binary float of 32 bits: the only type with gradients.
    F32,
    /// Whole number of 32 bits with a sign.
    I32,
    /// Whole number of 64 bits with a sign.
    I64,
    /// Whole number of 8 bits without a sign.
    U8,
    /// Truth value, one byte.
    Bool,
}

impl DType {
    /// Every type of element.
    pub const ALL: [DType; 5] = [DType::F32, DType::I32, DType::I64, DType::U8, DType::Bool];

    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            DType::F32 | DType::I32 => 4,
            DType::I64 => 8,
            DType::U8 | DType::Bool => 1,
        }
    }

    /// Name as the text form spells it.
    pub fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::Bool => "bool",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<DType> {
        DType::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Whether arithmetic (`+`, `-`, `*`, `max`, `min`) is defined.
    pub fn is_number(self) -> bool {
        match self {
            DType::F32 | DType::I32 | DType::I64 => true,
            DType::U8 | DType::Bool => false,
        }
    }

    /// Whether values may index an axis.
    pub fn is_index(self) -> bool {
        matches!(self, DType::I32 | DType::I64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Sizes of the axes, outermost first.
pub type Shape = Vec<Dim>;

/// Type of a node's value: element type and shape.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Type {
    /// Type of the elements.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Shape,
}

impl Type {
    /// The type of arrays of `dtype` with this shape.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> Type {
        Type { dtype, shape: shape.into() }
    }

    /// The type of a single value.
    pub fn scalar(dtype: DType) -> Type {
        Type { dtype, shape: Vec::new() }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// Gives each symbol that is a whole axis and has no value yet the size of that axis in `shape`.
    pub fn bind(&self, shape: &[usize], bindings: &mut Bindings) {
        for (dim, &n) in self.shape.iter().zip(shape) {
            if let Some(symbol) = dim.as_symbol() {
                bindings.entry(symbol.into()).or_insert(n);
            }
        }
    }

    /// The shape in numbers.
    ///
    /// # Errors
    /// A symbol without a value, or a size that is negative or overflows.
    pub fn resolve(&self, bindings: &Bindings) -> Result<Vec<usize>, Error> {
        self.shape.iter().map(|d| d.resolve(bindings)).collect()
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[", self.dtype)?;
        for (i, d) in self.shape.iter().enumerate() {
            write!(f, "{}{d}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}
