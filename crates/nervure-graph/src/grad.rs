//! Reverse differentiation, as a rewrite that appends to the graph it differentiates.

mod cotangents;
mod flow;
mod kept;
mod rules;
mod scan;
mod sums;

use std::collections::BTreeMap;

use crate::{Builder, DType, NodeId, Op, Scope, ScopeId, Tensor, Type};

use cotangents::Cotangents;
use flow::Flow;
pub(crate) use kept::bytes;

/// The gradient of `loss`, a scalar, to each of `wrt`; `None` where no differentiable path leads from it to the loss.
///
/// The nodes are appended to the same graph, each in a scope `gradient` within the scope of the node that it differentiates, so
/// that its path still names the layer. Only what lies on a path from `wrt` to `loss` is differentiated. The result consists of
/// primitives and can be differentiated again. A `wrt` may be any node: paths go through it all the same.
///
/// A [`Scan`](crate::Scan) on the path is extended in place: it also stacks the carries that each step began with, after its other results.
///
/// A loss that is no `f32[]` is a failure of the builder.
///
/// ```
/// use nervure_graph::{Builder, DType, gradient};
///
/// let g = Builder::new();
/// let x = g.input("x", DType::F32, [3.into()]);
/// let steps = x.stop_gradient();
/// let loss = (x.square() * steps).sum_all();
/// let [dx, none] = gradient(&g, loss, &[x, g.scalar(DType::F32, 1.0)])[..] else { unreachable!() };
/// g.output("dx", dx.expect("the loss depends on x"));
/// assert!(none.is_none());
/// ```
pub fn gradient<'g>(builder: &'g Builder, loss: Tensor<'g>, wrt: &[Tensor<'g>]) -> Vec<Option<Tensor<'g>>> {
    let expected = Type::scalar(DType::F32);
    if loss.ty() != expected {
        builder.fail("gradient", format!("a loss of {expected}"), loss.ty());
        return vec![None; wrt.len()];
    }
    let one = {
        let _scope = builder.enter(gradient_scope(builder, &mut BTreeMap::new(), loss.id()));
        loss.constant(1.0)
    };
    pullback(builder, &[(loss, one)], wrt)
}

/// The sum over `seeds` (value, cotangent of its type) of the cotangents that they pull back to each of `wrt`: a vector-Jacobian
/// product. [`gradient`] is that of a scalar with cotangent 1.
pub fn pullback<'g>(
    builder: &'g Builder,
    seeds: &[(Tensor<'g>, Tensor<'g>)],
    wrt: &[Tensor<'g>],
) -> Vec<Option<Tensor<'g>>> {
    for (value, cotangent) in seeds {
        if value.ty() != cotangent.ty() {
            builder.fail("pullback", value.ty(), cotangent.ty());
            return vec![None; wrt.len()];
        }
    }
    let ids = |tensors: &mut dyn Iterator<Item = &Tensor<'g>>| tensors.map(|t| t.id()).collect::<Vec<_>>();
    let (roots, ends) = (ids(&mut wrt.iter()), ids(&mut seeds.iter().map(|(value, _)| value)));
    let flow = builder.read(|g| Flow::between(g, &roots, &ends));
    let mut found = Cotangents::new(builder, flow.len());
    for (value, cotangent) in seeds {
        if flow.moves(value.id()) {
            found.add(value.id(), *cotangent);
        }
    }
    let mut scopes = BTreeMap::new();
    // Every user of a node stands behind it, so that its cotangent is complete when its turn comes.
    for id in (0..flow.len() as u32).rev().map(NodeId) {
        if !found.has(id) {
            continue;
        }
        let node = builder.read(|g| g.node(id).clone());
        let wants: Vec<bool> = (0..node.inputs.len()).map(|i| flow.wants(id, &node, i)).collect();
        let x: Vec<Tensor<'g>> = node.inputs.iter().map(|&i| builder.tensor(i)).collect();
        let _scope = builder.enter(gradient_scope(builder, &mut scopes, id));
        let (scan_results, dy) = (found.take_results(id), found.sum(id));
        let dx = if let (Op::Scan(scan), Some(results)) = (&node.op, &scan_results) {
            scan::rule(builder, id, scan, &x, results, &wants)
        } else if let (Op::Project { index }, Some(dy)) = (&node.op, dy) {
            found.add_result(node.inputs[0], *index, dy);
            continue;
        } else if let Some(dy) = dy {
            rules::rule(&node.op, &x, builder.tensor(id), dy, &wants)
        } else {
            continue;
        };
        for (input, dx) in node.inputs.iter().zip(dx) {
            if let Some(dx) = dx {
                found.add(*input, dx);
            }
        }
    }
    wrt.iter().map(|t| found.sum(t.id())).collect()
}

/// The scope `gradient` within that of a node.
fn gradient_scope(builder: &Builder, known: &mut BTreeMap<ScopeId, ScopeId>, of: NodeId) -> ScopeId {
    let parent = builder.read(|g| g.node(of).scope);
    *known.entry(parent).or_insert_with(|| {
        builder.push_scope(Scope {
            parent: Some(parent),
            name: "gradient".into(),
            kind: "gradient".into(),
            attributes: Vec::new(),
        })
    })
}
