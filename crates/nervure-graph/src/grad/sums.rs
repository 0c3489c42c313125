//! Sums of cotangents over the axes along which an operand was repeated.

use crate::{Binary, Dim, Graph, Literal, NodeId, Op, Reduction, Tensor, Unary, Values};

/// Sums within sums that are looked into.
const DEPTH: usize = 16;

/// Σ x over `axes`: factors that all terms share are taken out, Σ −x = −Σ x, and what is known to sum to zero is left out. So the gradient by a
/// mean needs no more sums than those by a scale and a shift.
///
/// ```text
/// Σ c · x = c · Σ x        Σ (x − mean x) = 0
/// ```
pub(super) fn sum<'g>(x: Tensor<'g>, axes: &[usize]) -> Tensor<'g> {
    within(x, axes, DEPTH)
}

fn within<'g>(x: Tensor<'g>, axes: &[usize], depth: usize) -> Tensor<'g> {
    let builder = x.builder();
    let node = builder.read(|g| g.node(x.id()).clone());
    let operand = |i: usize| Tensor::new(builder, node.inputs[i]);
    if depth == 0 {
        return plain(x, axes);
    }
    if node.op == Op::Unary(Unary::Neg) {
        return -within(operand(0), axes, depth - 1);
    }
    if node.op == Op::Binary(Binary::Mul) {
        for (i, other) in [(0, 1), (1, 0)] {
            if let Some(factor) = shared(operand(other), axes) {
                return within(operand(i), axes, depth - 1) * factor;
            }
        }
    }
    if node.op == Op::Binary(Binary::Add) {
        for (i, other) in [(0, 1), (1, 0)] {
            if builder.read(|g| is_zero(g, node.inputs[other], axes, depth - 1)) {
                return within(operand(i), axes, depth - 1);
            }
        }
    }
    plain(x, axes)
}

fn plain<'g>(x: Tensor<'g>, axes: &[usize]) -> Tensor<'g> {
    x.sum(&axes.iter().map(|&a| a as isize).collect::<Vec<_>>())
}

/// What is repeated along all of the axes, without these.
fn shared<'g>(x: Tensor<'g>, axes: &[usize]) -> Option<Tensor<'g>> {
    let from = x.builder().read(|g| is_shared(g, x.id(), axes).then(|| g.node(x.id()).inputs[0]))?;
    let from = Tensor::new(x.builder(), from);
    let kept = from.shape().into_iter().enumerate().filter(|(i, _)| !axes.contains(i));
    Some(from.reshape(kept.map(|(_, n)| n).collect::<Vec<_>>()))
}

fn is_shared(g: &Graph, id: NodeId, axes: &[usize]) -> bool {
    let node = g.node(id);
    matches!(node.op, Op::Broadcast { .. }) && axes.iter().all(|&a| g.node(node.inputs[0]).ty.shape[a].is(1))
}

/// Whether the elements sum to zero over the axes, whatever they are.
fn is_zero(g: &Graph, id: NodeId, axes: &[usize], depth: usize) -> bool {
    let node = g.node(id);
    let part = |i: usize| depth > 0 && is_zero(g, node.inputs[i], axes, depth - 1);
    let shared = |i: usize| is_shared(g, node.inputs[i], axes);
    if node.op == Op::Unary(Unary::Neg) {
        part(0)
    } else if node.op == Op::Binary(Binary::Mul) {
        (shared(1) && part(0)) || (shared(0) && part(1))
    } else if node.op == Op::Binary(Binary::Add) {
        part(0) && part(1)
    } else {
        let is_difference = node.op == Op::Binary(Binary::Sub);
        is_difference && is_mean(g, node.inputs[1], node.inputs[0], axes)
    }
}

/// Whether `mean` repeats the mean of `x` over the axes.
fn is_mean(g: &Graph, mean: NodeId, x: NodeId, axes: &[usize]) -> bool {
    let shape = &g.node(x).ty.shape;
    let long = |axes: &[usize]| axes.iter().copied().filter(|&a| !shape[a].is(1)).collect::<Vec<_>>();
    let quotient = g.node(unmoved(g, mean));
    if !is_shared(g, mean, axes) || quotient.op != Op::Binary(Binary::Div) {
        return false;
    }
    let sum = g.node(quotient.inputs[0]);
    let Op::Reduce { kind: Reduction::Sum, axes: summed } = &sum.op else { return false };
    let count = long(axes).into_iter().fold(Dim::from(1), |n, a| n * &shape[a]);
    sum.inputs[0] == x && long(summed) == long(axes) && is_count(g, quotient.inputs[1], &count)
}

/// Whether every element is this number.
fn is_count(g: &Graph, id: NodeId, count: &Dim) -> bool {
    let node = g.node(unmoved(g, id));
    if let Op::Size(dim) = &node.op {
        return dim == count;
    }
    let Op::Constant(Literal { values: Values::Float(values), .. }) = &node.op else { return false };
    count.as_const().is_some_and(|n| values[..] == [n as f64])
}

/// The node whose elements `id` has in another shape, or repeated, or as floats.
fn unmoved(g: &Graph, mut id: NodeId) -> NodeId {
    while let Op::Reshape { .. } | Op::Broadcast { .. } | Op::Cast(_) = g.node(id).op {
        id = g.node(id).inputs[0];
    }
    id
}
