use crate::{Graph, Node, NodeId, Op, Update};

use super::Simplified;

/// Removes the nodes that no output or update needs, but for inputs.
pub(super) fn pass(graph: &Graph) -> Simplified {
    without(graph, |_| true)
}

/// Removes the nodes that no output or update needs, but for the inputs that `keep` names.
pub(super) fn without(graph: &Graph, keep: impl Fn(NodeId) -> bool) -> Simplified {
    let updates = graph.updates.iter().flat_map(|u| [u.parameter, u.value]);
    let mut needed = graph.needed_by(graph.outputs.iter().map(|(_, id)| *id).chain(updates));
    for &id in &graph.inputs {
        needed[id.index()] |= keep(id);
    }
    let mut new = Graph { scopes: graph.scopes.clone(), ..Graph::default() };
    let mut map: Vec<Option<NodeId>> = vec![None; graph.nodes.len()];
    for id in graph.ids().filter(|id| needed[id.index()]) {
        let node = graph.node(id);
        let to = NodeId(new.nodes.len() as u32);
        if let Op::Input { .. } = node.op {
            new.inputs.push(to);
        }
        let inputs =
            node.inputs.iter().map(|i| map[i.index()].expect("operands of what is needed are needed"));
        new.nodes.push(Node { inputs: inputs.collect(), ..node.clone() });
        map[id.index()] = Some(to);
    }
    let at = |id: NodeId| map[id.index()].expect("outputs and updates are needed");
    new.outputs = graph.outputs.iter().map(|(name, id)| (name.clone(), at(*id))).collect();
    new.updates =
        graph.updates.iter().map(|u| Update { parameter: at(u.parameter), value: at(u.value) }).collect();
    Simplified { graph: new, map }
}
