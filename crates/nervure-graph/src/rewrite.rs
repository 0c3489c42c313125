//! Rewrites that leave every value as it is, to the bit.

mod common;
mod dead;
mod fold;
mod identities;
mod motion;
mod scan;

use crate::{Graph, NodeId, Op, verify};

/// A graph that computes the same in fewer nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Simplified {
    /// The graph.
    pub graph: Graph,
    /// For each node of the original the node that has its value; none for those that no output or update needs.
    pub map: Vec<Option<NodeId>>,
}

/// Removes what no output or update needs and what is computed twice, folds scalars, and resolves identities that keep the bits, in bodies of
/// scans as well, and moves out of these what need not be done step by step. To be applied after differentiation: [`Op::StopGradient`] leaves.
///
/// Inputs stay in number and order, as do the names and order of outputs and updates. Parameters that nothing reads or updates leave. What
/// is folded is computed in `f64`.
pub fn simplify(graph: &Graph) -> Simplified {
    let mut now = Simplified { graph: graph.clone(), map: graph.ids().map(Some).collect() };
    for _ in 0..ROUNDS {
        let before = now.graph.clone();
        for (name, pass) in PASSES {
            let next = pass(&now.graph);
            now = now.then(next);
            if cfg!(debug_assertions)
                && let Err(e) = verify(&now.graph)
            {
                panic!("the rewrite `{name}` broke the graph: {e}");
            }
        }
        if now.graph == before {
            break;
        }
    }
    now
}

/// Each round gives the next one new chances, which are few.
const ROUNDS: usize = 4;

type Pass = fn(&Graph) -> Simplified;

const PASSES: [(&str, Pass); 6] = [
    ("identities", identities::pass),
    ("folding", fold::pass),
    ("common sub-expressions", common::pass),
    ("motion out of loops", motion::pass),
    ("scans", scan::pass),
    ("dead code", dead::pass),
];

impl Simplified {
    fn then(self, next: Simplified) -> Simplified {
        let map = self.map.iter().map(|id| id.and_then(|id| next.map[id.index()])).collect();
        Simplified { graph: next.graph, map }
    }
}

/// What becomes of a node.
enum Step {
    /// The same primitive of the rewritten operands.
    Keep,
    /// A node of the new graph that has the value already.
    Same(NodeId),
    /// Another primitive of nodes of the new graph.
    New(Op, Vec<NodeId>),
}

/// Copies a graph node by node; `rule` sees the new graph so far, and each node's primitive with its operands there. What it gives must be of the
/// node's type.
fn rewrite(graph: &Graph, mut rule: impl FnMut(&Graph, &Op, &[NodeId]) -> Step) -> Simplified {
    let mut new = Graph { scopes: graph.scopes.clone(), ..Graph::default() };
    let mut map: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    for node in &graph.nodes {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|i| map[i.index()]).collect();
        let (op, inputs) = match rule(&new, &node.op, &inputs) {
            Step::Same(id) => {
                debug_assert_eq!(new.node(id).ty, node.ty, "a rewrite of {} keeps the type", node.op.name());
                map.push(id);
                continue;
            }
            Step::Keep => (node.op.clone(), inputs),
            Step::New(op, inputs) => (op, inputs),
        };
        let id = NodeId(new.nodes.len() as u32);
        if let Op::Input { .. } = op {
            new.inputs.push(id);
        }
        new.nodes.push(crate::Node { op, inputs, ty: node.ty.clone(), scope: node.scope });
        map.push(id);
    }
    new.outputs = graph.outputs.iter().map(|(name, id)| (name.clone(), map[id.index()])).collect();
    new.updates = graph
        .updates
        .iter()
        .map(|u| crate::Update { parameter: map[u.parameter.index()], value: map[u.value.index()] })
        .collect();
    Simplified { graph: new, map: map.into_iter().map(Some).collect() }
}
