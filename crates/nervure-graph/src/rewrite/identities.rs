use crate::{Binary, DType, Graph, Literal, NodeId, Op, Shape, Unary, Values};

use super::{Simplified, Step, rewrite};

/// Resolves compositions that are the same to the bit. `x + 0` is none (−0 + 0 = 0), `x − 0`, `1·x` and `x / 1` are.
pub(super) fn pass(graph: &Graph) -> Simplified {
    rewrite(graph, |new, op, x| identity(new, op, x).unwrap_or(Step::Keep))
}

fn identity(g: &Graph, op: &Op, x: &[NodeId]) -> Option<Step> {
    // The first operand, which most of these look into.
    let first = x.first().map(|&id| g.node(id));
    let same_shape = |shape: &Shape| first.is_some_and(|n| n.ty.shape == *shape);
    match op {
        Op::StopGradient => Some(Step::Same(x[0])),
        Op::Unary(u @ (Unary::Neg | Unary::Not)) => {
            let twice = first.filter(|n| matches!(&n.op, Op::Unary(inner) if inner == u));
            twice.map(|n| Step::Same(n.inputs[0]))
        }
        Op::Binary(b) => binary(g, *b, x).map(Step::Same),
        Op::Select => match uniform(g, x[0]) {
            Some(Scalar::Whole(c)) => Some(Step::Same(x[if c != 0 { 1 } else { 2 }])),
            Some(Scalar::Float(_)) | None => (x[1] == x[2]).then_some(Step::Same(x[1])),
        },
        Op::Cast(dtype) => first.filter(|n| n.ty.dtype == *dtype).map(|_| Step::Same(x[0])),
        Op::MatMul { transpose_a, transpose_b } => {
            let (a, ta) = untransposed(g, x[0], *transpose_a);
            let (b, tb) = untransposed(g, x[1], *transpose_b);
            let changed = a != x[0] || b != x[1];
            changed.then(|| Step::New(Op::MatMul { transpose_a: ta, transpose_b: tb }, vec![a, b]))
        }
        Op::Reshape { shape } | Op::Broadcast { shape } if same_shape(shape) => Some(Step::Same(x[0])),
        Op::Reshape { .. } => {
            let twice = first.filter(|n| matches!(n.op, Op::Reshape { .. }));
            twice.map(|n| Step::New(op.clone(), n.inputs.clone()))
        }
        Op::Broadcast { .. } => {
            let twice = first.filter(|n| matches!(n.op, Op::Broadcast { .. }));
            twice.map(|n| Step::New(op.clone(), n.inputs.clone()))
        }
        Op::Transpose { permutation } if permutation.iter().copied().eq(0..permutation.len()) => {
            Some(Step::Same(x[0]))
        }
        Op::Transpose { permutation } => {
            let Op::Transpose { permutation: inner } = &first?.op else { return None };
            let permutation = permutation.iter().map(|&i| inner[i]).collect();
            Some(Step::New(Op::Transpose { permutation }, first?.inputs.clone()))
        }
        Op::Slice { starts, sizes, steps } => {
            let all = starts.iter().all(|s| s.is(0)) && same_shape(sizes) && steps.iter().all(|&s| s == 1);
            all.then_some(Step::Same(x[0]))
        }
        Op::Pad { low, high, interior, .. } => {
            let none = low.iter().chain(high).all(|n| n.is(0)) && interior.iter().all(|&n| n == 0);
            none.then_some(Step::Same(x[0]))
        }
        Op::Concat { .. } => (x.len() == 1).then(|| Step::Same(x[0])),
        Op::Reverse { axes } if axes.is_empty() => Some(Step::Same(x[0])),
        Op::Reverse { axes } => {
            let twice = first.filter(|n| matches!(&n.op, Op::Reverse { axes: inner } if inner == axes));
            twice.map(|n| Step::Same(n.inputs[0]))
        }
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Size(_)
        | Op::Random { .. }
        | Op::Unary(_)
        | Op::Conv { .. }
        | Op::ConvInputGrad { .. }
        | Op::ConvKernelGrad { .. }
        | Op::Reduce { .. }
        | Op::ArgMax { .. }
        | Op::Pool { .. }
        | Op::PoolGrad { .. }
        | Op::PoolPick { .. }
        | Op::Gather { .. }
        | Op::ScatterAdd { .. }
        | Op::ArgSort { .. }
        | Op::Scan(_)
        | Op::Project { .. } => None,
    }
}

fn binary(g: &Graph, b: Binary, x: &[NodeId]) -> Option<NodeId> {
    let is = |i: usize, value: f64| match uniform(g, x[i]) {
        Some(Scalar::Float(v)) => v.to_bits() == value.to_bits(),
        Some(Scalar::Whole(v)) => v as f64 == value && g.node(x[i]).ty.dtype != DType::Bool,
        None => false,
    };
    match b {
        Binary::Mul if is(1, 1.0) => Some(x[0]),
        Binary::Mul if is(0, 1.0) => Some(x[1]),
        Binary::Div if is(1, 1.0) => Some(x[0]),
        Binary::Sub if is(1, 0.0) => Some(x[0]),
        Binary::Add if is(1, -0.0) && g.is_float(x[1]) => Some(x[0]),
        Binary::Add if is(0, -0.0) && g.is_float(x[0]) => Some(x[1]),
        Binary::Add
        | Binary::Sub
        | Binary::Mul
        | Binary::Div
        | Binary::Pow
        | Binary::Max
        | Binary::Min
        | Binary::Eq
        | Binary::Ne
        | Binary::Lt
        | Binary::Le
        | Binary::Gt
        | Binary::Ge
        | Binary::And
        | Binary::Or => None,
    }
}

/// The operand of a transposition of the last two axes, and whether the product then is to transpose it.
fn untransposed(g: &Graph, id: NodeId, transposed: bool) -> (NodeId, bool) {
    if let Op::Transpose { permutation: p } = &g.node(id).op {
        let n = p.len();
        if n >= 2 && p[n - 2] == n - 1 && p[n - 1] == n - 2 && p[..n - 2].iter().copied().eq(0..n - 2) {
            return (g.node(id).inputs[0], !transposed);
        }
    }
    (id, transposed)
}

enum Scalar {
    Float(f64),
    Whole(i64),
}

/// The value that every element has, if it is a constant of one element, reshaped or repeated.
fn uniform(g: &Graph, id: NodeId) -> Option<Scalar> {
    let mut id = id;
    loop {
        let node = g.node(id);
        if let Op::Constant(Literal { values, .. }) = &node.op {
            return match values {
                Values::Float(v) if v.len() == 1 => Some(Scalar::Float(v[0])),
                Values::Whole(v) if v.len() == 1 => Some(Scalar::Whole(v[0])),
                Values::Float(_) | Values::Whole(_) => None,
            };
        } else if let Op::Reshape { .. } | Op::Broadcast { .. } = &node.op {
            id = node.inputs[0];
        } else {
            return None;
        }
    }
}
