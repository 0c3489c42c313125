use std::collections::BTreeSet;

use crate::{Error, Graph, NodeId, Op, infer};

/// Checks every rule that a graph keeps: the inputs of a node stand before it; its type is what [`infer`] gives; it lies in a scope of the
/// graph, and each scope but the root in an earlier one; names of inputs, parameters and outputs occur once, and the inputs are listed in
/// order; a scan is read by projections alone, other than for its number of steps; updates fit their parameters. The same of the bodies of scans.
///
/// [`Graph::push`] and the builder keep these rules: this is for what rewrites the list itself, and runs after each pass in debug builds.
///
/// # Errors
/// [`Error::Invalid`]: the first rule that is broken, and the node that breaks it.
pub fn verify(graph: &Graph) -> Result<(), Error> {
    scopes(graph)?;
    let (mut inputs, mut parameters) = (BTreeSet::new(), BTreeSet::new());
    let mut listed = graph.inputs.iter();
    for id in graph.ids() {
        let node = graph.node(id);
        ensure(graph, id, node.scope.index() < graph.scopes.len(), || {
            format!("scope {} is not of this graph", node.scope.0)
        })?;
        for input in &node.inputs {
            ensure(graph, id, input < &id, || format!("its operand {input} does not stand before it"))?;
        }
        match infer(graph, &node.op, &node.inputs) {
            Ok(ty) => ensure(graph, id, ty == node.ty, || format!("its type is {ty}, not {}", node.ty))?,
            Err(m) => {
                ensure(graph, id, false, || format!("expected {}, received {}", m.expected, m.received))?
            }
        }
        if let Op::Input { name, .. } = &node.op {
            ensure(graph, id, inputs.insert(name), || format!("a second input is named `{name}`"))?;
            ensure(graph, id, listed.next() == Some(&id), || "the inputs are not listed in order".into())?;
        } else if let Op::Parameter { name, .. } = &node.op {
            ensure(graph, id, parameters.insert(name), || format!("a second parameter is named `{name}`"))?;
        } else if let Op::Scan(scan) = &node.op {
            verify(&scan.body)?;
        }
    }
    let beyond = |what: &str, id: NodeId| Error::Evaluation(format!("{what} is {id}, which is no node"));
    if let Some(id) = listed.next() {
        return Err(beyond("a listed input", *id));
    }
    let mut outputs = BTreeSet::new();
    for (name, id) in &graph.outputs {
        if id.index() >= graph.nodes.len() {
            return Err(beyond(&format!("output `{name}`"), *id));
        }
        ensure(graph, *id, outputs.insert(name), || format!("a second output is named `{name}`"))?;
    }
    let mut updated = BTreeSet::new();
    for update in &graph.updates {
        for id in [update.parameter, update.value] {
            if id.index() >= graph.nodes.len() {
                return Err(beyond("an updated parameter or its value", id));
            }
        }
        let (p, v) = (graph.node(update.parameter), graph.node(update.value));
        let id = update.parameter;
        ensure(graph, id, matches!(p.op, Op::Parameter { .. }), || "only a parameter is updated".into())?;
        ensure(graph, id, updated.insert(id), || "it is updated twice".into())?;
        ensure(graph, id, p.ty == v.ty, || format!("it is {}, its next value {}", p.ty, v.ty))?;
    }
    Ok(())
}

fn scopes(graph: &Graph) -> Result<(), Error> {
    for (i, scope) in graph.scopes.iter().enumerate() {
        let ok = match scope.parent {
            None => i == 0,
            Some(parent) => parent.index() < i,
        };
        if !ok {
            let reason = format!("scope {i} `{}` does not lie within an earlier one", scope.name);
            return Err(Error::Evaluation(reason));
        }
    }
    if graph.scopes.is_empty() {
        Err(Error::Evaluation("the graph has no root scope".into()))
    } else {
        Ok(())
    }
}

fn ensure(graph: &Graph, id: NodeId, ok: bool, reason: impl FnOnce() -> String) -> Result<(), Error> {
    if ok {
        return Ok(());
    }
    let node = graph.node(id);
    Err(Error::Invalid {
        node: id.index(),
        op: node.op.name(),
        path: graph.path(node.scope),
        reason: reason(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, DType, Scope, ScopeId, Update};

    fn graph() -> Graph {
        let g = Builder::new();
        let _layer = g.scope("dense", "Dense");
        let x = g.input("x", DType::F32, [2.into()]);
        let w = g.parameter("w", DType::F32, [2.into()]);
        let y = x * w;
        g.output("y", y);
        g.update(w, y);
        drop(_layer);
        g.finish().unwrap()
    }

    fn check(alter: impl FnOnce(&mut Graph), expected: &str) {
        let mut graph = graph();
        assert_eq!(verify(&graph), Ok(()));
        alter(&mut graph);
        let received = verify(&graph).map_err(|e| e.to_string());
        assert!(
            received.as_ref().is_err_and(|e| e.contains(expected)),
            "expected {expected}, received {received:?}"
        );
    }

    #[test]
    fn each_broken_rule_is_named() {
        check(
            |g| g.nodes[2].inputs[1] = NodeId(2),
            "node %2 (Mul) in `dense`: its operand %2 does not stand before",
        );
        check(|g| g.nodes[2].inputs[1] = NodeId(9), "does not stand before");
        check(|g| g.nodes[2].ty.dtype = DType::I32, "its type is f32[2], not i32[2]");
        check(|g| g.nodes[2].inputs.truncate(1), "expected 2 operands, received f32[2]");
        check(|g| g.nodes[2].scope = ScopeId(7), "scope 7 is not of this graph");
        check(
            |g| {
                g.push_scope(Scope { parent: Some(ScopeId(2)), ..Scope::default() });
            },
            "scope 2 `` does not lie within an earlier one",
        );
        let again = |g: &mut Graph, id: usize| {
            let node = g.nodes[id].clone();
            g.push(node.op, node.inputs, node.scope).unwrap();
        };
        check(|g| again(g, 0), "a second input is named `x`");
        check(|g| again(g, 1), "a second parameter is named `w`");
        check(|g| g.inputs.clear(), "the inputs are not listed in order");
        check(|g| g.push_output("y", NodeId(0)), "a second output is named `y`");
        check(|g| g.push_output("z", NodeId(3)), "output `z` is %3, which is no node");
        check(
            |g| g.updates.push(Update { parameter: NodeId(0), value: NodeId(0) }),
            "only a parameter is updated",
        );
        check(|g| g.updates.push(g.updates[0]), "it is updated twice");
        check(
            |g| {
                g.push(Op::Reshape { shape: vec![1.into(), 2.into()] }, vec![NodeId(2)], ScopeId(0)).unwrap();
                g.updates[0].value = NodeId(3);
            },
            "it is f32[2], its next value f32[1, 2]",
        );
    }
}
