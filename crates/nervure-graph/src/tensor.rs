use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

use crate::{Binary, Builder, DType, Dim, NodeId, Op, PoolKind, Reduction, Shape, Type, Unary, Window};

/// A node of a graph that is being written: what formulas are made of.
///
/// Binary operations broadcast as NumPy does: shapes are aligned at their ends, and axes of size 1 are repeated. An axis may be given from the
/// end, as a negative number.
#[derive(Debug, Clone, Copy)]
pub struct Tensor<'g> {
    builder: &'g Builder,
    id: NodeId,
}

impl<'g> Tensor<'g> {
    pub(crate) fn new(builder: &'g Builder, id: NodeId) -> Tensor<'g> {
        Tensor { builder, id }
    }

    /// The node.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The builder of its graph.
    pub fn builder(self) -> &'g Builder {
        self.builder
    }

    /// Its type.
    pub fn ty(self) -> Type {
        self.builder.read(|g| g.node(self.id).ty.clone())
    }

    /// Its element type.
    pub fn dtype(self) -> DType {
        self.builder.read(|g| g.node(self.id).ty.dtype)
    }

    /// Its shape.
    pub fn shape(self) -> Shape {
        self.ty().shape
    }

    /// Number of its axes.
    pub fn rank(self) -> usize {
        self.builder.read(|g| g.node(self.id).ty.rank())
    }

    /// Size of an axis; an axis that is not there fails and counts as 1.
    pub fn dim(self, axis: isize) -> Dim {
        let axis = self.axis(axis);
        self.shape().get(axis).cloned().unwrap_or_else(|| 1.into())
    }

    /// An axis counted from the front; one that is not there fails and counts as 0.
    pub fn axis(self, axis: isize) -> usize {
        let rank = self.rank() as isize;
        let from_front = if axis < 0 { axis + rank } else { axis };
        if (0..rank).contains(&from_front) {
            return from_front as usize;
        }
        self.builder.fail(&format!("axis {axis}"), format!("an axis of {rank}"), self.ty());
        0
    }

    fn axes(self, axes: &[isize]) -> Vec<usize> {
        let mut axes: Vec<usize> = axes.iter().map(|&a| self.axis(a)).collect();
        axes.sort_unstable();
        axes.dedup();
        axes
    }

    /// An elementwise function.
    pub fn unary(self, op: Unary) -> Tensor<'g> {
        self.builder.apply(Op::Unary(op), &[self])
    }

    /// An elementwise function of two operands, broadcast to one shape.
    pub fn binary(self, op: Binary, other: Tensor<'g>) -> Tensor<'g> {
        let (a, b) = broadcast(self, other);
        self.builder.apply(Op::Binary(op), &[a, b])
    }

    /// A constant of this element type.
    pub fn constant(self, value: f64) -> Tensor<'g> {
        self.builder.scalar(self.dtype(), value)
    }

    /// Zeros of this type.
    pub fn zeros_like(self) -> Tensor<'g> {
        self.constant(0.0).broadcast_to(self.shape())
    }

    /// Ones of this type.
    pub fn ones_like(self) -> Tensor<'g> {
        self.constant(1.0).broadcast_to(self.shape())
    }

    /// Another element type.
    pub fn cast(self, dtype: DType) -> Tensor<'g> {
        if self.dtype() == dtype { self } else { self.builder.apply(Op::Cast(dtype), &[self]) }
    }

    /// The same value, through which no gradient passes.
    pub fn stop_gradient(self) -> Tensor<'g> {
        self.builder.apply(Op::StopGradient, &[self])
    }

    /// aᵇ.
    pub fn pow(self, exponent: Tensor<'g>) -> Tensor<'g> {
        self.binary(Binary::Pow, exponent)
    }

    /// x².
    pub fn square(self) -> Tensor<'g> {
        self * self
    }

    /// The greater.
    pub fn max(self, other: Tensor<'g>) -> Tensor<'g> {
        self.binary(Binary::Max, other)
    }

    /// The lesser.
    pub fn min(self, other: Tensor<'g>) -> Tensor<'g> {
        self.binary(Binary::Min, other)
    }

    /// max(min(x, high), low).
    pub fn clamp(self, low: f64, high: f64) -> Tensor<'g> {
        self.min(self.constant(high)).max(self.constant(low))
    }

    /// Where this (`bool`) holds `a`, else `b`.
    pub fn select(self, a: Tensor<'g>, b: Tensor<'g>) -> Tensor<'g> {
        let (a, b) = broadcast(a, b);
        let (c, a) = broadcast(self, a);
        let (c, b) = broadcast(c, b);
        self.builder.apply(Op::Select, &[c, a, b])
    }

    /// Matrix product over the last two axes; the axes before these broadcast. A left operand of more axes than the right one is folded into
    /// rows: `[…, m, k] · [k, n]`.
    pub fn matmul(self, other: Tensor<'g>) -> Tensor<'g> {
        let (r, s) = (self.rank(), other.rank());
        if r > 2 && s == 2 {
            let shape = self.shape();
            let rows = shape[..r - 1].iter().fold(Dim::from(1), |n, d| n * d);
            let folded = self.reshape([rows, shape[r - 1].clone()]).matmul(other);
            return folded.reshape([&shape[..r - 1], &[other.dim(1)]].concat());
        }
        let (mut a, mut b) = (self, other);
        if r >= 2 && s >= 2 && self.shape()[..r - 2] != other.shape()[..s - 2] {
            let (sa, sb) = (self.shape(), other.shape());
            if let Some(batch) = broadcast_shape(&sa[..r - 2], &sb[..s - 2]) {
                a = self.broadcast_to([&batch, &sa[r - 2..]].concat());
                b = other.broadcast_to([&batch, &sb[s - 2..]].concat());
            }
        }
        a.matmul_with(b, false, false)
    }

    /// [`Op::MatMul`] as it is.
    pub fn matmul_with(self, other: Tensor<'g>, transpose_a: bool, transpose_b: bool) -> Tensor<'g> {
        self.builder.apply(Op::MatMul { transpose_a, transpose_b }, &[self, other])
    }

    /// [`Op::Conv`].
    pub fn conv(self, kernel: Tensor<'g>, window: Window, groups: usize) -> Tensor<'g> {
        self.builder.apply(Op::Conv { window, groups }, &[self, kernel])
    }

    /// [`Op::ConvInputGrad`], with this as the gradient of the convolution.
    pub fn conv_input_grad(
        self,
        kernel: Tensor<'g>,
        window: Window,
        groups: usize,
        spatial: impl Into<Shape>,
    ) -> Tensor<'g> {
        self.builder.apply(Op::ConvInputGrad { window, groups, spatial: spatial.into() }, &[self, kernel])
    }

    /// [`Op::ConvKernelGrad`], with this as the input of the convolution.
    pub fn conv_kernel_grad(self, dy: Tensor<'g>, window: Window, groups: usize) -> Tensor<'g> {
        self.builder.apply(Op::ConvKernelGrad { window, groups }, &[self, dy])
    }

    /// [`Op::Pool`].
    pub fn pool(self, kind: PoolKind, window: Window) -> Tensor<'g> {
        self.builder.apply(Op::Pool { kind, window }, &[self])
    }

    /// A reduction over axes, which leave the shape; over no axes the value itself.
    pub fn reduce(self, kind: Reduction, axes: &[isize]) -> Tensor<'g> {
        let axes = self.axes(axes);
        if axes.is_empty() {
            return self;
        }
        self.builder.apply(Op::Reduce { kind, axes }, &[self])
    }

    /// Σ over axes.
    pub fn sum(self, axes: &[isize]) -> Tensor<'g> {
        self.reduce(Reduction::Sum, axes)
    }

    /// Σ over every axis.
    pub fn sum_all(self) -> Tensor<'g> {
        self.sum(&(0..self.rank() as isize).collect::<Vec<_>>())
    }

    /// The mean over axes.
    pub fn mean(self, axes: &[isize]) -> Tensor<'g> {
        let count = self.axes(axes).iter().fold(Dim::from(1), |n, &a| n * self.dim(a as isize));
        self.sum(axes) / self.builder.size(&count)
    }

    /// The mean over every axis.
    pub fn mean_all(self) -> Tensor<'g> {
        self.mean(&(0..self.rank() as isize).collect::<Vec<_>>())
    }

    /// Puts axes of size 1 where a reduction over `axes` of `like` took them away.
    pub fn keep_axes(self, like: Tensor<'g>, axes: &[isize]) -> Tensor<'g> {
        let mut shape = like.shape();
        for a in like.axes(axes) {
            shape[a] = 1.into();
        }
        self.reshape(shape)
    }

    /// Place of the greatest along `axis`.
    pub fn argmax(self, axis: isize) -> Tensor<'g> {
        self.builder.apply(Op::ArgMax { axis: self.axis(axis) }, &[self])
    }

    /// Places in sorted order along the last axis.
    pub fn argsort(self, descending: bool) -> Tensor<'g> {
        self.builder.apply(Op::ArgSort { descending }, &[self])
    }

    /// The same elements in another shape.
    pub fn reshape(self, shape: impl Into<Shape>) -> Tensor<'g> {
        let shape = shape.into();
        if self.shape() == shape { self } else { self.builder.apply(Op::Reshape { shape }, &[self]) }
    }

    /// Axis `i` of the result is axis `permutation[i]`.
    pub fn transpose(self, permutation: &[usize]) -> Tensor<'g> {
        if permutation.iter().copied().eq(0..self.rank()) {
            return self;
        }
        self.builder.apply(Op::Transpose { permutation: permutation.to_vec() }, &[self])
    }

    /// Repeats along axes of size 1 and along new leading axes.
    pub fn broadcast_to(self, shape: impl Into<Shape>) -> Tensor<'g> {
        let shape: Shape = shape.into();
        if self.shape() == shape {
            return self;
        }
        let missing = shape.len().saturating_sub(self.rank());
        let aligned = self.reshape([&vec![Dim::from(1); missing][..], &self.shape()].concat());
        if aligned.shape() == shape {
            aligned
        } else {
            self.builder.apply(Op::Broadcast { shape }, &[aligned])
        }
    }

    /// Puts an axis of size 1 before `axis`; −1 puts it last.
    pub fn expand(self, axis: isize) -> Tensor<'g> {
        let mut shape = self.shape();
        let at = if axis < 0 { shape.len() as isize + 1 + axis } else { axis };
        shape.insert((at.max(0) as usize).min(shape.len()), 1.into());
        self.reshape(shape)
    }

    /// Elements `start .. start + size` along `axis`.
    pub fn narrow(self, axis: isize, start: impl Into<Dim>, size: impl Into<Dim>) -> Tensor<'g> {
        let (axis, rank) = (self.axis(axis), self.rank());
        let (mut starts, mut sizes) = (vec![Dim::from(0); rank], self.shape());
        if rank > 0 {
            (starts[axis], sizes[axis]) = (start.into(), size.into());
        }
        self.builder.apply(Op::Slice { starts, sizes, steps: vec![1; rank] }, &[self])
    }

    /// `value` before and after, along each axis.
    pub fn pad(self, around: &[(usize, usize)], value: f64) -> Tensor<'g> {
        let op = Op::Pad {
            low: around.iter().map(|p| p.0.into()).collect(),
            high: around.iter().map(|p| p.1.into()).collect(),
            interior: vec![0; around.len()],
            value,
        };
        self.builder.apply(op, &[self])
    }

    /// Backwards along axes.
    pub fn reverse(self, axes: &[isize]) -> Tensor<'g> {
        self.builder.apply(Op::Reverse { axes: self.axes(axes) }, &[self])
    }

    /// [`Op::Gather`].
    pub fn gather(self, indices: Tensor<'g>, batch: usize) -> Tensor<'g> {
        self.builder.apply(Op::Gather { batch }, &[self, indices])
    }

    /// [`Op::ScatterAdd`] of `updates`, with this as the indices.
    pub fn scatter_add(self, updates: Tensor<'g>, batch: usize, size: impl Into<Dim>) -> Tensor<'g> {
        self.builder.apply(Op::ScatterAdd { batch, size: size.into() }, &[self, updates])
    }

    /// 1 at each index along a new last axis of `depth`, 0 elsewhere; all 0 for an index out of range.
    pub fn one_hot(self, depth: impl Into<Dim>) -> Tensor<'g> {
        let mut shape = self.shape();
        shape.push(depth.into());
        let places = self.builder.iota(self.dtype(), shape.clone(), shape.len() - 1);
        self.expand(-1).binary(Binary::Eq, places).cast(DType::F32)
    }

    /// Result `index` of this scan.
    pub fn project(self, index: usize) -> Tensor<'g> {
        self.builder.apply(Op::Project { index }, &[self])
    }
}

macro_rules! unary_methods {
    ($($(#[$doc:meta])* $method:ident $op:ident),* $(,)?) => {
        impl<'g> Tensor<'g> {
            $($(#[$doc])* pub fn $method(self) -> Tensor<'g> { self.unary(Unary::$op) })*
        }
    };
}
unary_methods! {
    /// |x|.
    abs Abs,
    /// −1, 0 or 1.
    sign Sign,
    /// eˣ.
    exp Exp,
    /// eˣ − 1.
    expm1 Expm1,
    /// ln x.
    log Log,
    /// ln(1 + x).
    log1p Log1p,
    /// √x.
    sqrt Sqrt,
    /// 1/√x.
    rsqrt Rsqrt,
    /// sin x.
    sin Sin,
    /// cos x.
    cos Cos,
    /// tanh x.
    tanh Tanh,
    /// arctan x.
    atan Atan,
    /// 1 / (1 + e⁻ˣ).
    sigmoid Sigmoid,
    /// ln(1 + eˣ).
    softplus Softplus,
    /// Gauss's error function.
    erf Erf,
    /// ⌊x⌋.
    floor Floor,
    /// ⌈x⌉.
    ceil Ceil,
    /// Nearest whole number, halves to even.
    round Round,
    /// Neither NaN nor infinite.
    is_finite IsFinite,
}

macro_rules! compare_methods {
    ($($(#[$doc:meta])* $method:ident $op:ident),* $(,)?) => {
        impl<'g> Tensor<'g> {
            $($(#[$doc])* pub fn $method(self, other: Tensor<'g>) -> Tensor<'g> { self.binary(Binary::$op, other) })*
        }
    };
}
compare_methods! {
    /// a = b.
    equal Eq,
    /// a ≠ b.
    not_equal Ne,
    /// a < b.
    less Lt,
    /// a ≤ b.
    less_equal Le,
    /// a > b.
    greater Gt,
    /// a ≥ b.
    greater_equal Ge,
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident),*) => {$(
        impl<'g> $trait for Tensor<'g> {
            type Output = Tensor<'g>;
            fn $method(self, other: Tensor<'g>) -> Tensor<'g> { self.binary(Binary::$op, other) }
        }
        impl<'g> $trait<f64> for Tensor<'g> {
            type Output = Tensor<'g>;
            fn $method(self, other: f64) -> Tensor<'g> { self.binary(Binary::$op, self.constant(other)) }
        }
        impl<'g> $trait<Tensor<'g>> for f64 {
            type Output = Tensor<'g>;
            fn $method(self, other: Tensor<'g>) -> Tensor<'g> { other.constant(self).binary(Binary::$op, other) }
        }
    )*};
}
operators!(Add add Add, Sub sub Sub, Mul mul Mul, Div div Div);

impl<'g> BitAnd for Tensor<'g> {
    type Output = Tensor<'g>;
    fn bitand(self, other: Tensor<'g>) -> Tensor<'g> {
        self.binary(Binary::And, other)
    }
}

impl<'g> BitOr for Tensor<'g> {
    type Output = Tensor<'g>;
    fn bitor(self, other: Tensor<'g>) -> Tensor<'g> {
        self.binary(Binary::Or, other)
    }
}

impl<'g> Not for Tensor<'g> {
    type Output = Tensor<'g>;
    fn not(self) -> Tensor<'g> {
        self.unary(Unary::Not)
    }
}

impl<'g> Neg for Tensor<'g> {
    type Output = Tensor<'g>;
    fn neg(self) -> Tensor<'g> {
        self.unary(Unary::Neg)
    }
}

fn broadcast<'g>(a: Tensor<'g>, b: Tensor<'g>) -> (Tensor<'g>, Tensor<'g>) {
    let (sa, sb) = (a.shape(), b.shape());
    if sa == sb {
        return (a, b);
    }
    match broadcast_shape(&sa, &sb) {
        Some(shape) => (a.broadcast_to(shape.clone()), b.broadcast_to(shape)),
        // The operation itself reports the difference.
        None => (a, b),
    }
}

/// The shape to which both broadcast, aligned at their ends.
fn broadcast_shape(a: &[Dim], b: &[Dim]) -> Option<Shape> {
    let rank = a.len().max(b.len());
    let at =
        |s: &[Dim], i: usize| (i + s.len()).checked_sub(rank).map_or_else(|| Dim::from(1), |i| s[i].clone());
    (0..rank)
        .map(|i| {
            let (x, y) = (at(a, i), at(b, i));
            if x == y || y.is(1) {
                Some(x)
            } else if x.is(1) {
                Some(y)
            } else {
                None
            }
        })
        .collect()
}
