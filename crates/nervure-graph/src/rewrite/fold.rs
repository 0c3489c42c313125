use std::sync::Arc;

use crate::reference::apply;
use crate::{Array, DType, Data, Graph, Literal, NodeId, Op, Values};

use super::{Simplified, Step, rewrite};

/// Computes what depends on constants of one element alone and has one element, and known sizes.
pub(super) fn pass(graph: &Graph) -> Simplified {
    rewrite(graph, |new, op, x| {
        fold(new, op, x).map_or(Step::Keep, |literal| Step::New(Op::Constant(literal), Vec::new()))
    })
}

fn fold(g: &Graph, op: &Op, x: &[NodeId]) -> Option<Literal> {
    let shape: Vec<usize> = match op {
        Op::Size(dim) => {
            let n = i64::try_from(dim.as_const()?).ok()?;
            let values = Values::Whole([n].into());
            return Some(Literal { dtype: DType::I64, shape: Vec::new(), values });
        }
        Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) => {
            g.node(x[0]).ty.shape.iter().map(|d| d.as_const()).collect::<Option<_>>()?
        }
        Op::Reshape { shape } | Op::Broadcast { shape } => {
            shape.iter().map(|d| d.as_const()).collect::<Option<_>>()?
        }
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Random { .. }
        | Op::StopGradient
        | Op::MatMul { .. }
        | Op::Conv { .. }
        | Op::ConvInputGrad { .. }
        | Op::ConvKernelGrad { .. }
        | Op::Reduce { .. }
        | Op::ArgMax { .. }
        | Op::Pool { .. }
        | Op::PoolGrad { .. }
        | Op::PoolPick { .. }
        | Op::Transpose { .. }
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat { .. }
        | Op::Reverse { .. }
        | Op::Gather { .. }
        | Op::ScatterAdd { .. }
        | Op::ArgSort { .. }
        | Op::Scan(_)
        | Op::Project { .. } => return None,
    };
    if shape.iter().any(|&n| n != 1) {
        return None;
    }
    let operands: Vec<Array<f64>> = x
        .iter()
        .map(|&id| {
            let Op::Constant(literal) = &g.node(id).op else { return None };
            if literal.len() == 1 { Array::from_literal(literal).ok() } else { None }
        })
        .collect::<Option<_>>()?;
    let value = apply(op, &operands.iter().collect::<Vec<_>>(), &shape)?;
    Some(literal(&value))
}

fn literal(array: &Array<f64>) -> Literal {
    let values = match array.data() {
        Data::F32(v) => Values::Float(Arc::from(v.as_slice())),
        Data::I32(v) => Values::Whole(v.iter().map(|&v| i64::from(v)).collect()),
        Data::I64(v) => Values::Whole(Arc::from(v.as_slice())),
        Data::U8(v) => Values::Whole(v.iter().map(|&v| i64::from(v)).collect()),
        Data::Bool(v) => Values::Whole(v.iter().map(|&v| i64::from(v)).collect()),
    };
    Literal { dtype: array.dtype(), shape: array.shape().to_vec(), values }
}
