//! What the gradient of a scan keeps of each step, and what it makes anew.

use crate::{Binary, Dim, NodeId, Op, Scan, Type, Unary};

impl Scan {
    /// Bytes that the gradient of this scan keeps from one direction to the other at most: for each step, the carries that it began with, and those of
    /// its results that take longer to compute than to read and are not large: larger than four times what a step is given and gives.
    pub fn kept_bytes(&self) -> Dim {
        let (body, large) = (&self.body, self.large_bytes());
        let is_kept =
            |id: &NodeId| is_dear(&body.node(*id).op) && bytes(&body.node(*id).ty).at_one() <= large;
        let kept = body.inputs()[..self.carries].iter().copied().chain(body.ids().filter(is_kept));
        kept.map(|id| bytes(&body.node(id).ty)).fold(Dim::from(0), |sum, bytes| &sum + &bytes) * &self.length
    }

    /// Bytes, where symbols are 1, beyond which a value of the body outgrows what the scan reads and writes, if it is stacked over all steps: scores of
    /// attention do, of a block of queries with all keys; what the gates of a recurrent cell add up does not.
    pub(crate) fn large_bytes(&self) -> usize {
        let body = &self.body;
        let (carries, slices) = body.inputs()[..self.carries + self.slices].split_at(self.carries);
        let (new, stacks) = body.outputs().split_at(self.carries);
        // A running sum is not kept, whatever its size.
        let sums = carries.iter().zip(new).filter(|(carry, (_, new))| {
            let mut readers = body.ids().filter(|&id| body.node(id).inputs.contains(carry));
            body.node(*new).op == Op::Binary(Binary::Add) && readers.all(|reader| reader == *new)
        });
        let sum = |ids: &mut dyn Iterator<Item = NodeId>| {
            ids.map(|id| bytes(&body.node(id).ty).at_one()).fold(0, usize::saturating_add)
        };
        let moved = sum(&mut carries.iter().chain(slices).copied().chain(stacks.iter().map(|(_, id)| *id)));
        moved.saturating_sub(sum(&mut sums.map(|(carry, _)| *carry))).saturating_mul(LARGE)
    }
}

/// Times what a step is given and gives: so much may be stacked for each value that need not be made anew.
const LARGE: usize = 4;

/// Bytes of an array.
pub(crate) fn bytes(ty: &Type) -> Dim {
    ty.shape.iter().fold(Dim::from(ty.dtype.size()), |bytes, dim| &bytes * dim)
}

/// Whether a result is kept from one direction to the other: products, sums and functions that take longer than a walk through memory. Random
/// numbers are drawn anew, and scans within the body run anew.
pub(super) fn is_dear(op: &Op) -> bool {
    match op {
        Op::Unary(u) => match u {
            Unary::Exp
            | Unary::Expm1
            | Unary::Log
            | Unary::Log1p
            | Unary::Sin
            | Unary::Cos
            | Unary::Tanh
            | Unary::Atan
            | Unary::Sigmoid
            | Unary::Softplus
            | Unary::Erf => true,
            Unary::Neg
            | Unary::Abs
            | Unary::Sign
            | Unary::Sqrt
            | Unary::Rsqrt
            | Unary::Floor
            | Unary::Ceil
            | Unary::Round
            | Unary::IsFinite
            | Unary::Not => false,
        },
        Op::MatMul { .. }
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
        | Op::ArgSort { .. } => true,
        Op::Binary(b) => matches!(b, Binary::Pow),
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Size(_)
        | Op::Random { .. }
        | Op::Select
        | Op::Cast(_)
        | Op::StopGradient
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Broadcast { .. }
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat { .. }
        | Op::Reverse { .. }
        | Op::Scan(_)
        | Op::Project { .. } => false,
    }
}
