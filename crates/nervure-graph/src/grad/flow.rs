//! Which nodes lie on a differentiable path between two sets of nodes.

use std::collections::BTreeMap;

use crate::{Graph, Node, NodeId, Op, PoolKind, Scan, Unary};

/// The differentiable paths from some nodes (roots) to others (ends).
pub(super) struct Flow {
    nodes: Vec<bool>,
    /// Operands of each scan from which a path leads through it to an end.
    operands: BTreeMap<NodeId, Vec<bool>>,
}

impl Flow {
    pub(super) fn between(graph: &Graph, roots: &[NodeId], ends: &[NodeId]) -> Flow {
        let (live, operands) = live(graph, ends);
        let nodes = active(graph, roots).into_iter().zip(live).map(|(a, l)| a && l).collect();
        Flow { nodes, operands }
    }

    /// Number of nodes of the graph.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a path leads through a node.
    pub(super) fn moves(&self, id: NodeId) -> bool {
        self.nodes[id.index()]
    }

    /// Whether a path leads from operand `input` of a node through the node.
    pub(super) fn wants(&self, id: NodeId, node: &Node, input: usize) -> bool {
        let through = match self.operands.get(&id) {
            Some(operands) => operands[input],
            None => differentiable(&node.op, input),
        };
        through && self.moves(node.inputs[input])
    }
}

/// Whether a result depends differentiably on operand `input`, if both are floats. Scans and projections are looked into instead.
fn differentiable(op: &Op, input: usize) -> bool {
    match op {
        Op::Unary(u) => match u {
            Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Round | Unary::IsFinite | Unary::Not => false,
            Unary::Neg
            | Unary::Abs
            | Unary::Exp
            | Unary::Expm1
            | Unary::Log
            | Unary::Log1p
            | Unary::Sqrt
            | Unary::Rsqrt
            | Unary::Sin
            | Unary::Cos
            | Unary::Tanh
            | Unary::Atan
            | Unary::Sigmoid
            | Unary::Softplus
            | Unary::Erf => true,
        },
        Op::StopGradient | Op::ArgMax { .. } | Op::ArgSort { .. } => false,
        // The operand that only says where is piecewise constant.
        Op::PoolPick { .. } | Op::PoolGrad { kind: PoolKind::Max, .. } => input == 0,
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Size(_)
        | Op::Random { .. } => false,
        Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::MatMul { .. }
        | Op::Conv { .. }
        | Op::ConvInputGrad { .. }
        | Op::ConvKernelGrad { .. }
        | Op::Reduce { .. }
        | Op::Pool { .. }
        | Op::PoolGrad { kind: PoolKind::Sum, .. }
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Broadcast { .. }
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat { .. }
        | Op::Reverse { .. }
        | Op::Gather { .. }
        | Op::ScatterAdd { .. }
        | Op::Scan(_)
        | Op::Project { .. } => true,
    }
}

/// Nodes that depend differentiably on a root, roots included.
pub(super) fn active(graph: &Graph, roots: &[NodeId]) -> Vec<bool> {
    let mut active = vec![false; graph.nodes().len()];
    for root in roots {
        active[root.index()] = graph.is_float(*root);
    }
    let mut results: BTreeMap<NodeId, Vec<bool>> = BTreeMap::new();
    for id in graph.ids() {
        let node = graph.node(id);
        let of = |i: &NodeId| active[i.index()];
        active[id.index()] |= match &node.op {
            Op::Scan(scan) => {
                let operands: Vec<bool> = node.inputs.iter().map(of).collect();
                if operands.contains(&true) {
                    results.insert(id, active_results(scan, &operands));
                }
                false
            }
            Op::Project { index } => results.get(&node.inputs[0]).is_some_and(|r| r[*index]),
            op => {
                graph.is_float(id)
                    && node.inputs.iter().enumerate().any(|(i, x)| differentiable(op, i) && of(x))
            }
        };
    }
    active
}

/// Which results of a scan depend differentiably on the given operands. For a carry: whether it does at any step.
pub(super) fn active_results(scan: &Scan, operands: &[bool]) -> Vec<bool> {
    let body = &scan.body;
    let mut operands = operands.to_vec();
    loop {
        let roots: Vec<NodeId> =
            body.inputs().iter().zip(&operands).filter(|(_, a)| **a).map(|(id, _)| *id).collect();
        let active = active(body, &roots);
        let mut results: Vec<bool> = body.outputs().iter().map(|(_, id)| active[id.index()]).collect();
        // What a step makes of a carry is what the next one begins with.
        let mut grown = false;
        for (operand, result) in operands.iter_mut().zip(&mut results).take(scan.carries) {
            grown |= *result && !*operand;
            *operand |= *result;
            *result = *operand;
        }
        if !grown {
            return results;
        }
    }
}

/// Nodes on which an end depends differentiably, ends included; and for each scan those of its operands.
fn live(graph: &Graph, ends: &[NodeId]) -> (Vec<bool>, BTreeMap<NodeId, Vec<bool>>) {
    let mut live = vec![false; graph.nodes().len()];
    for end in ends {
        live[end.index()] = graph.is_float(*end);
    }
    let mut results: BTreeMap<NodeId, Vec<bool>> = BTreeMap::new();
    let mut operands = BTreeMap::new();
    for id in graph.ids().rev() {
        let node = graph.node(id);
        if let Op::Scan(scan) = &node.op {
            let Some(results) = results.get(&id) else { continue };
            let of = live_operands(scan, results);
            for (input, _) in node.inputs.iter().zip(&of).filter(|(_, l)| **l) {
                live[input.index()] = true;
            }
            operands.insert(id, of);
        } else if !live[id.index()] {
            continue;
        } else if let Op::Project { index } = &node.op {
            let Op::Scan(scan) = &graph.node(node.inputs[0]).op else { continue };
            let of = results.entry(node.inputs[0]);
            of.or_insert_with(|| vec![false; scan.body.outputs().len()])[*index] = true;
        } else {
            for (i, input) in node.inputs.iter().enumerate() {
                if differentiable(&node.op, i) && graph.is_float(*input) {
                    live[input.index()] = true;
                }
            }
        }
    }
    (live, operands)
}

/// On which operands of a scan the given results depend differentiably. For a carry: whether they do at any step.
pub(super) fn live_operands(scan: &Scan, results: &[bool]) -> Vec<bool> {
    let body = &scan.body;
    let mut results = results.to_vec();
    loop {
        let ends: Vec<NodeId> =
            body.outputs().iter().zip(&results).filter(|(_, l)| **l).map(|((_, id), _)| *id).collect();
        let (live, _) = live(body, &ends);
        // The last of the body's inputs is the time.
        let inputs = body.inputs().split_last().map_or(&[][..], |(_, operands)| operands);
        let mut operands: Vec<bool> = inputs.iter().map(|id| live[id.index()]).collect();
        let mut grown = false;
        for (result, operand) in results.iter_mut().zip(&mut operands).take(scan.carries) {
            grown |= *operand && !*result;
            *result |= *operand;
            *operand = *result;
        }
        if !grown {
            return operands;
        }
    }
}
