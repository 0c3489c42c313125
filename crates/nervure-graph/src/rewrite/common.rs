use std::collections::HashMap;
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

use crate::{Graph, NodeId, Op, Values};

use super::{Simplified, Step, rewrite};

/// Computes once what is the same primitive of the same operands. Random numbers depend on their key alone, so these too.
pub(super) fn pass(graph: &Graph) -> Simplified {
    // Nodes of the new graph by kind, operands, and for constants the first element: few of one key differ.
    let mut known: HashMap<(Discriminant<Op>, Vec<NodeId>, u64), Vec<NodeId>> = HashMap::new();
    rewrite(graph, |new, op, x| {
        let alike = known.entry((discriminant(op), x.to_vec(), first_bits(op))).or_default();
        match alike.iter().find(|&&id| same(&new.node(id).op, op)) {
            Some(&id) => Step::Same(id),
            None => {
                alike.push(NodeId(new.nodes.len() as u32));
                Step::Keep
            }
        }
    })
}

fn first_bits(op: &Op) -> u64 {
    let Op::Constant(literal) = op else { return 0 };
    match &literal.values {
        Values::Float(v) => v.first().map_or(0, |v| v.to_bits()),
        Values::Whole(v) => v.first().map_or(0, |&v| v as u64),
    }
}

/// Whether two primitives are equal, with floats compared as those of literals are: 0 and −0 differ.
fn same(a: &Op, b: &Op) -> bool {
    if let (
        Op::Pad { low, high, interior, value },
        Op::Pad { low: low_b, high: high_b, interior: interior_b, value: value_b },
    ) = (a, b)
    {
        (low, high, interior, value.to_bits()) == (low_b, high_b, interior_b, value_b.to_bits())
    } else if let (Op::Scan(a), Op::Scan(b)) = (a, b) {
        let outside =
            (a.carries, a.slices, &a.length, a.reverse) == (b.carries, b.slices, &b.length, b.reverse);
        Arc::ptr_eq(a, b) || (outside && same_graph(&a.body, &b.body))
    } else {
        a == b
    }
}

fn same_graph(a: &Graph, b: &Graph) -> bool {
    let outputs = |g: &Graph| g.outputs.iter().map(|(_, id)| *id).collect::<Vec<_>>();
    a.nodes.len() == b.nodes.len()
        && outputs(a) == outputs(b)
        && a.nodes.iter().zip(&b.nodes).all(|(m, n)| {
            m.ty == n.ty && m.inputs == n.inputs && (same(&m.op, &n.op) || both_inputs(&m.op, &n.op))
        })
}

/// Inputs of bodies are told apart by their order; names do not matter.
fn both_inputs(a: &Op, b: &Op) -> bool {
    matches!((a, b), (Op::Input { .. }, Op::Input { .. }))
}
