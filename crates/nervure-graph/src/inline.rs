use crate::{Builder, Graph, NodeId, Op, Scope, ScopeId, Tensor};

/// Writes what the outputs of `graph` need into `builder`, with `inputs` in the place of its inputs, in their order; the values of its outputs,
/// in their order.
///
/// Its scopes come to lie within the present one. Its parameters are declared again by name, and are the builder's own where that knows
/// the name already. Its updates are left out. Inputs of another number or type are a failure of the builder.
pub fn inline<'g>(builder: &'g Builder, graph: &Graph, inputs: &[Tensor<'g>]) -> Vec<Tensor<'g>> {
    let expected = graph.inputs();
    if expected.len() != inputs.len() {
        builder.fail("inline", format!("{} inputs", expected.len()), inputs.len());
    }
    for (id, t) in expected.iter().zip(inputs) {
        let ty = &graph.node(*id).ty;
        if *ty != t.ty() {
            builder.fail("inline", ty, t.ty());
        }
    }
    let known = expected.iter().copied().zip(inputs.iter().copied());
    let copies = copy_into(builder, graph, known);
    let missing = || builder.scalar(crate::DType::F32, 0.0);
    graph
        .outputs()
        .iter()
        .map(|(_, id): &(String, NodeId)| copies[id.index()].unwrap_or_else(missing))
        .collect()
}

/// A name that is not taken: this one, with primes behind it if need be.
pub(crate) fn unused_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = name.to_string();
    while is_taken(&name) {
        name.push('\'');
    }
    name
}

/// The copies in `builder` of the nodes that the outputs of `graph` need, where some nodes are `known` there: what only these need is left out.
pub(crate) fn copy_into<'g>(
    builder: &'g Builder,
    graph: &Graph,
    known: impl IntoIterator<Item = (NodeId, Tensor<'g>)>,
) -> Vec<Option<Tensor<'g>>> {
    let mut scopes: Vec<Option<ScopeId>> = vec![None; graph.scopes().len()];
    scopes[0] = Some(builder.present_scope());
    let mut copies: Vec<Option<Tensor<'g>>> = vec![None; graph.nodes().len()];
    for (id, t) in known {
        copies[id.index()] = Some(t);
    }
    let mut needed = vec![false; graph.nodes().len()];
    graph.outputs().iter().for_each(|(_, id)| needed[id.index()] = true);
    for id in graph.ids().rev().filter(|id| copies[id.index()].is_none()) {
        if needed[id.index()] {
            graph.node(id).inputs.iter().for_each(|i| needed[i.index()] = true);
        }
    }
    for id in graph.ids().filter(|id| needed[id.index()]) {
        let node = graph.node(id);
        if copies[id.index()].is_some() {
            continue;
        }
        let scope = copy_scope(builder, graph, node.scope, &mut scopes);
        let copy = if let Op::Parameter { name, ty } = &node.op {
            let _scope = builder.enter(scope);
            builder.parameter(name, ty.dtype, ty.shape.clone())
        } else {
            let operands: Option<Vec<Tensor<'g>>> = node.inputs.iter().map(|i| copies[i.index()]).collect();
            // Without an operand an input is missing, which the caller has reported.
            let Some(operands) = operands else { continue };
            builder.apply_in(scope, node.op.clone(), &operands)
        };
        copies[id.index()] = Some(copy);
    }
    copies
}

/// The copy of a scope and of those around it.
fn copy_scope(builder: &Builder, graph: &Graph, scope: ScopeId, copies: &mut [Option<ScopeId>]) -> ScopeId {
    if let Some(copy) = copies[scope.index()] {
        return copy;
    }
    let original = &graph.scopes()[scope.index()];
    let parent = copy_scope(builder, graph, original.parent.unwrap_or_default(), copies);
    let copy = builder.push_scope(Scope { parent: Some(parent), ..original.clone() });
    copies[scope.index()] = Some(copy);
    copy
}
