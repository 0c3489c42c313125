use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{DType, Dim, Graph, Shape, Type};

/// A primitive: what a node applies to its inputs.
///
/// The set is small and closed. Each concern has one exhaustive `match` on a page of its own: types and shapes
/// ([`infer`](crate::infer)), gradients, reference values, kernels. Arrays are row-major. Where an operation takes
/// several operands elementwise they have equal shapes: broadcasting is the explicit [`Op::Broadcast`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Op {
    /// A value given at each run.
    Input {
        /// Its name, unique among the inputs.
        name: String,
        /// Its type.
        ty: Type,
    },
    /// A value that stays between runs: weight, optimizer slot, moving statistic, step, learning rate, sum of a metric.
    /// [`Graph::updates`] says what it becomes.
    Parameter {
        /// Its name in the store, unique in the graph.
        name: String,
        /// Its type.
        ty: Type,
    },
    /// A value known when the graph is written.
    Constant(Literal),
    /// `out[…, i, …] = i` along `axis`.
    Iota {
        /// Type of the result.
        ty: Type,
        /// The axis that counts.
        axis: usize,
    },
    /// The dimension as an `i64` scalar.
    Size(Dim),
    /// Uniform numbers in [0, 1), multiples of 2⁻²⁴, `f32`.
    ///
    /// `(seed: i64, step: i64[, time: i32])`, scalars. Element `e` (row-major) is word `e mod 4` of Philox-4x32-10 with
    /// key (seed's low and high 32 bits) and counter (`e div 4`, step's low 32 bits, time or 0, `stream`), its upper 24 bits over
    /// 2²⁴ (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). So a value depends on nothing but these: a
    /// rewrite may recompute it anywhere, any number of times.
    Random {
        /// Tells apart the draws of one step; assigned when lowering.
        stream: u32,
        /// Shape of the result.
        shape: Shape,
    },
    /// `(x)`, elementwise.
    Unary(Unary),
    /// `(a, b)`, elementwise, of equal type.
    Binary(Binary),
    /// `(condition: bool, a, b)`: `a` where the condition holds, else `b`. What is not chosen has no influence, NaN included.
    Select,
    /// `(x)` to another element type. Float to whole truncates towards 0 and saturates, NaN becomes 0; to `bool` is `≠ 0`; whole
    /// to narrower whole wraps.
    Cast(DType),
    /// `(x)`, through which no gradient passes.
    StopGradient,
    /// `(a, b)`: matrix product over the last two axes, `f32`; the axes before these are equal.
    MatMul {
        /// `a` is `[…, k, m]` instead of `[…, m, k]`.
        transpose_a: bool,
        /// `b` is `[…, n, k]` instead of `[…, k, n]`.
        transpose_b: bool,
    },
    /// `(x, kernel)`: convolution (as the field says: cross-correlation) of `x: [n, spatial…, c]` with
    /// `kernel: [size…, c / groups, o]` → `[n, out…, o]`; 1 to 3 spatial axes.
    Conv {
        /// Where the kernel is applied.
        window: Window,
        /// Groups of channels that are convolved apart.
        groups: usize,
    },
    /// `(dy, kernel)`: the gradient of [`Op::Conv`] to its `x`.
    ConvInputGrad {
        /// The convolution's.
        window: Window,
        /// The convolution's.
        groups: usize,
        /// Spatial sizes of `x`.
        spatial: Shape,
    },
    /// `(x, dy)`: the gradient of [`Op::Conv`] to its kernel.
    ConvKernelGrad {
        /// The convolution's.
        window: Window,
        /// The convolution's.
        groups: usize,
    },
    /// `(x)`, over `axes`, which leave the shape.
    Reduce {
        /// What is computed.
        kind: Reduction,
        /// The axes, ascending; at least one.
        axes: Vec<usize>,
    },
    /// `(x)`: place of the greatest element along `axis` (the first of equals; the first NaN if there is one), `i32`. The axis leaves
    /// the shape and must not be empty.
    ArgMax {
        /// The axis.
        axis: usize,
    },
    /// `(x: [n, spatial…, c])`: over each window of each channel.
    Pool {
        /// What is computed.
        kind: PoolKind,
        /// The windows.
        window: Window,
    },
    /// The gradient of [`Op::Pool`] to its `x`: `(dy)` for [`PoolKind::Sum`]; `(dy, x)` for [`PoolKind::Max`], to the first
    /// greatest element of each window (the first NaN if there is one).
    PoolGrad {
        /// The pooling's.
        kind: PoolKind,
        /// The pooling's.
        window: Window,
        /// Spatial sizes of `x`.
        spatial: Shape,
    },
    /// `(t, x)`, of equal type: from each window the element of `t` at the place of the first greatest element of `x` (the first NaN if
    /// there is one); 0 for a window that lies in the padding.
    PoolPick {
        /// The windows.
        window: Window,
    },
    /// `(x)`: the same elements in another shape.
    Reshape {
        /// The new shape, of as many elements.
        shape: Shape,
    },
    /// `(x)`: axis `i` of the result is axis `permutation[i]` of `x`.
    Transpose {
        /// A permutation of the axes.
        permutation: Vec<usize>,
    },
    /// `(x)`: repeats `x` along axes of size 1. The rank stays.
    Broadcast {
        /// The new shape, equal to that of `x` but where that is 1.
        shape: Shape,
    },
    /// `(x)`: along each axis the elements `start`, `start + step`, … , `size` of them.
    Slice {
        /// First element along each axis.
        starts: Shape,
        /// Number of elements along each axis.
        sizes: Shape,
        /// Distance between elements along each axis, at least 1.
        steps: Vec<usize>,
    },
    /// `(x)` with `value` put before, after and between its elements: along an axis of n elements
    /// `low + (n − 1)·(interior + 1) + 1 + high`, all of them `value` if n is 0.
    Pad {
        /// Number put before, along each axis.
        low: Shape,
        /// Number put after, along each axis.
        high: Shape,
        /// Number put between neighbours, along each axis.
        interior: Vec<usize>,
        /// What is put there.
        value: f64,
    },
    /// `(x…)`: one after the other along `axis`.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// `(x)`, backwards along `axes`.
    Reverse {
        /// The axes, ascending.
        axes: Vec<usize>,
    },
    /// `(x: [b…, n, rest…], indices: [b…, i…])` → `[b…, i…, rest…]`: for each index the slice of `x` at it. An index that is negative or
    /// not below `n` is an error of the run.
    Gather {
        /// Number of leading axes `b` that both have.
        batch: usize,
    },
    /// `(indices: [b…, i…], updates: [b…, i…, rest…])` → `[b…, size, rest…]`: zeros, to which each slice of `updates` is added at its
    /// index, in row-major order of the indices. The gradient of [`Op::Gather`].
    ScatterAdd {
        /// Number of leading axes `b` that both have.
        batch: usize,
        /// The size `n` of the axis that is indexed.
        size: Dim,
    },
    /// `(x)`: along the last axis, the places of the elements in sorted order, `i32`. Equal elements keep their order; NaN counts as greater
    /// than all else.
    ArgSort {
        /// Greatest first.
        descending: bool,
    },
    /// A sub-graph applied once for each step of a time axis: see [`Scan`]. The node's own value is the number of steps, `i32`; its results
    /// are read by [`Op::Project`].
    #[serde(skip)] // The text form writes the body beside the graph.
    Scan(Arc<Scan>),
    /// `(scan)`: a result of an [`Op::Scan`]: first the final carries, then the stacked outputs.
    Project {
        /// Number of the result.
        index: usize,
    },
}

/// Elementwise functions of one operand. Float alone, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Unary {
    /// −x, of any number.
    Neg,
    /// |x|, of any number; gradient 0 at 0.
    Abs,
    /// −1, 0 or 1, of any number; NaN stays.
    Sign,
    /// eˣ.
    Exp,
    /// eˣ − 1, exact near 0.
    Expm1,
    /// ln x.
    Log,
    /// ln(1 + x), exact near 0.
    Log1p,
    /// √x.
    Sqrt,
    /// 1/√x.
    Rsqrt,
    /// sin x, in radians.
    Sin,
    /// cos x, in radians.
    Cos,
    /// tanh x.
    Tanh,
    /// arctan x.
    Atan,
    /// 1 / (1 + e⁻ˣ), without overflow.
    Sigmoid,
    /// ln(1 + eˣ), without overflow.
    Softplus,
    /// Gauss's error function.
    Erf,
    /// Next whole number below or equal; gradient 0.
    Floor,
    /// Next whole number above or equal; gradient 0.
    Ceil,
    /// Nearest whole number, halves to even; gradient 0.
    Round,
    /// Whether x is neither NaN nor infinite; `bool`.
    IsFinite,
    /// Not x, of `bool`.
    Not,
}

impl Unary {
    /// Every function.
    pub const ALL: [Unary; 21] = [
        Unary::Neg,
        Unary::Abs,
        Unary::Sign,
        Unary::Exp,
        Unary::Expm1,
        Unary::Log,
        Unary::Log1p,
        Unary::Sqrt,
        Unary::Rsqrt,
        Unary::Sin,
        Unary::Cos,
        Unary::Tanh,
        Unary::Atan,
        Unary::Sigmoid,
        Unary::Softplus,
        Unary::Erf,
        Unary::Floor,
        Unary::Ceil,
        Unary::Round,
        Unary::IsFinite,
        Unary::Not,
    ];
}

/// Elementwise functions of two operands of equal type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Binary {
    /// a + b, of numbers; whole numbers wrap.
    Add,
    /// a − b, of numbers; whole numbers wrap.
    Sub,
    /// a · b, of numbers; whole numbers wrap.
    Mul,
    /// a / b, of floats.
    Div,
    /// aᵇ, of floats.
    Pow,
    /// The greater, of numbers; NaN if either is NaN. The gradient goes to both halves where equal.
    Max,
    /// The lesser, of numbers; NaN if either is NaN. The gradient goes to both halves where equal.
    Min,
    /// a = b; `bool`.
    Eq,
    /// a ≠ b; `bool`.
    Ne,
    /// a < b, of numbers and `u8`; `bool`.
    Lt,
    /// a ≤ b, of numbers and `u8`; `bool`.
    Le,
    /// a > b, of numbers and `u8`; `bool`.
    Gt,
    /// a ≥ b, of numbers and `u8`; `bool`.
    Ge,
    /// a and b, of `bool`.
    And,
    /// a or b, of `bool`.
    Or,
}

impl Binary {
    /// Every function.
    pub const ALL: [Binary; 15] = [
        Binary::Add,
        Binary::Sub,
        Binary::Mul,
        Binary::Div,
        Binary::Pow,
        Binary::Max,
        Binary::Min,
        Binary::Eq,
        Binary::Ne,
        Binary::Lt,
        Binary::Le,
        Binary::Gt,
        Binary::Ge,
        Binary::And,
        Binary::Or,
    ];
}

/// What a reduction computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reduction {
    /// Σx, of numbers; 0 over nothing.
    Sum,
    /// Πx, of floats; 1 over nothing.
    Product,
    /// The greatest, of numbers; NaN if any is NaN; −∞ or the least whole number over nothing. The gradient is shared by equals.
    Max,
    /// The least, of numbers; NaN if any is NaN; ∞ or the greatest whole number over nothing. The gradient is shared by equals.
    Min,
    /// ln Σ eˣ, of floats, without overflow; −∞ over nothing.
    LogSumExp,
}

impl Reduction {
    /// Every reduction.
    pub const ALL: [Reduction; 5] =
        [Reduction::Sum, Reduction::Product, Reduction::Max, Reduction::Min, Reduction::LogSumExp];
}

/// What a window pooling computes of the elements of each window that lie within `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PoolKind {
    /// The greatest; NaN if any is NaN; −∞ for a window that lies in the padding.
    Max,
    /// The sum.
    Sum,
}

impl PoolKind {
    /// Every pooling.
    pub const ALL: [PoolKind; 2] = [PoolKind::Max, PoolKind::Sum];
}

/// Where a kernel or a pooling window is applied along the spatial axes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Window {
    /// Elements along each spatial axis, at least 1.
    pub size: Vec<usize>,
    /// Distance between neighbouring windows, at least 1.
    pub strides: Vec<usize>,
    /// Distance between neighbouring elements of one window, at least 1.
    pub dilation: Vec<usize>,
    /// What is put around the input.
    pub padding: Padding,
}

/// What is put around the input of a convolution or pooling.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Padding {
    /// Elements before and after, along each spatial axis.
    Explicit(Vec<(usize, usize)>),
    /// As many as give ⌈n / stride⌉ windows, the odd one after: Keras's `"same"`.
    Same,
}

impl Window {
    /// Windows of this size at every place within the input: strides and dilation 1, no padding.
    pub fn new(size: impl Into<Vec<usize>>) -> Window {
        let size = size.into();
        let n = size.len();
        Window {
            size,
            strides: vec![1; n],
            dilation: vec![1; n],
            padding: Padding::Explicit(vec![(0, 0); n]),
        }
    }

    /// Elements that a window spans along `axis`.
    pub fn span(&self, axis: usize) -> usize {
        (self.size[axis] - 1).saturating_mul(self.dilation[axis]).saturating_add(1)
    }

    /// Number of windows along `axis` of an input of `n` elements.
    pub fn output(&self, axis: usize, n: &Dim) -> Dim {
        match &self.padding {
            Padding::Same => n.div_ceil(self.strides[axis]),
            Padding::Explicit(p) => {
                let room = n + (p[axis].0.saturating_add(p[axis].1)) - self.span(axis);
                room.div_floor(self.strides[axis]) + 1
            }
        }
    }

    /// Elements before and after an input of `n` elements along `axis`.
    pub fn pads(&self, axis: usize, n: usize) -> (usize, usize) {
        match &self.padding {
            Padding::Explicit(p) => p[axis],
            Padding::Same => {
                let windows = n.div_ceil(self.strides[axis]);
                let covered =
                    (windows.saturating_sub(1) * self.strides[axis]).saturating_add(self.span(axis));
                let total = covered.saturating_sub(n);
                (total / 2, total - total / 2)
            }
        }
    }
}

/// An array known when the graph is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Literal {
    /// Type of the elements.
    pub dtype: DType,
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// The elements, row-major.
    pub values: Values,
}

/// Elements of a [`Literal`], in the widest type of their family, so that the reference can compute in `f64`.
///
/// Floats are equal if they are the same value: 0 and −0 differ, NaN equals NaN.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Values {
    /// Of [`DType::F32`].
    Float(Arc<[f64]>),
    /// Of every other type; `bool` as 0 and 1.
    Whole(Arc<[i64]>),
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        match (self, other) {
            (Values::Float(a), Values::Float(b)) => {
                let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                Arc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(same))
            }
            (Values::Whole(a), Values::Whole(b)) => a == b,
            (Values::Float(_), Values::Whole(_)) | (Values::Whole(_), Values::Float(_)) => false,
        }
    }
}

impl Literal {
    /// A single value of type `dtype`: `value` as [`Op::Cast`] converts it.
    pub fn scalar(dtype: DType, value: f64) -> Literal {
        let values = match dtype {
            DType::F32 => Values::Float([value].into()),
            DType::Bool => Values::Whole([i64::from(value != 0.0)].into()),
            DType::I32 => Values::Whole([i64::from(value as i32)].into()),
            DType::I64 => Values::Whole([value as i64].into()),
            DType::U8 => Values::Whole([i64::from(value as u8)].into()),
        };
        Literal { dtype, shape: Vec::new(), values }
    }

    /// Number of elements that are held.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Float(v) => v.len(),
            Values::Whole(v) => v.len(),
        }
    }

    /// Whether no element is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A sub-graph over time.
///
/// The node's inputs are the initial carries, then the sliced arrays `[length, …]`, then the invariants. The body's inputs are, in order,
/// the carries, one slice of each sliced array, the invariants, and the time index (`i32` scalar). Its outputs are the new carries, of the
/// carries' types, then the values to stack. Results (read by [`Op::Project`]) are the final carries, then each stack `[length, …]`.
/// The body has no parameters and no updates: what it needs comes in as an invariant.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// What is applied.
    pub body: Graph,
    /// Number of carries.
    pub carries: usize,
    /// Number of sliced arrays.
    pub slices: usize,
    /// Number of steps.
    pub length: Dim,
    /// From the last time index to the first. A slice and what is stacked for it have the same index all the same.
    pub reverse: bool,
}

impl Op {
    /// Name as errors and the text form spell it.
    pub fn name(&self) -> String {
        let name = match self {
            Op::Input { .. } => "Input",
            Op::Parameter { .. } => "Parameter",
            Op::Constant(_) => "Constant",
            Op::Iota { .. } => "Iota",
            Op::Size(_) => "Size",
            Op::Random { .. } => "Random",
            Op::Unary(u) => return format!("{u:?}"),
            Op::Binary(b) => return format!("{b:?}"),
            Op::Select => "Select",
            Op::Cast(_) => "Cast",
            Op::StopGradient => "StopGradient",
            Op::MatMul { .. } => "MatMul",
            Op::Conv { .. } => "Conv",
            Op::ConvInputGrad { .. } => "ConvInputGrad",
            Op::ConvKernelGrad { .. } => "ConvKernelGrad",
            Op::Reduce { kind, .. } => return format!("Reduce{kind:?}"),
            Op::ArgMax { .. } => "ArgMax",
            Op::Pool { kind, .. } => return format!("Pool{kind:?}"),
            Op::PoolGrad { kind, .. } => return format!("Pool{kind:?}Grad"),
            Op::PoolPick { .. } => "PoolPick",
            Op::Reshape { .. } => "Reshape",
            Op::Transpose { .. } => "Transpose",
            Op::Broadcast { .. } => "Broadcast",
            Op::Slice { .. } => "Slice",
            Op::Pad { .. } => "Pad",
            Op::Concat { .. } => "Concat",
            Op::Reverse { .. } => "Reverse",
            Op::Gather { .. } => "Gather",
            Op::ScatterAdd { .. } => "ScatterAdd",
            Op::ArgSort { .. } => "ArgSort",
            Op::Scan(_) => "Scan",
            Op::Project { .. } => "Project",
        };
        name.into()
    }
}
