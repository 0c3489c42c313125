use std::collections::BTreeMap;
use std::sync::Arc;

use crate::grad::bytes;
use crate::inline::copy_into;
use crate::{Builder, Graph, Node, NodeId, Op, Scan, ScopeId, Shape, Tensor, Update};

use super::Simplified;

/// Moves out of the bodies of scans what need not be done step by step: what is the same in every step, and the products with it of slices or
/// for stacks, which become one product over all steps, unless it makes them [large](Scan::large_bytes). To the bit, for a product's sums have the same terms in the same order.
pub(super) fn pass(graph: &Graph) -> Simplified {
    let mut new = Graph { scopes: graph.scopes.clone(), ..Graph::default() };
    let mut map: Vec<NodeId> = Vec::with_capacity(graph.nodes.len());
    // Of each scan that changed, by its old number: what its results became.
    let mut results: BTreeMap<NodeId, Vec<Moved>> = BTreeMap::new();
    for (id, node) in graph.ids().zip(&graph.nodes) {
        let inputs: Vec<NodeId> = node.inputs.iter().map(|i| map[i.index()]).collect();
        if let Op::Scan(scan) = &node.op
            && let Some(motion) = Motion::of(scan)
            && let Some((moved, of)) = motion.apply(&mut new, &inputs, node.scope)
        {
            results.insert(id, of);
            map.push(moved);
        } else if let Op::Project { index } = &node.op
            && let Some(of) = results.get(&node.inputs[0])
        {
            match of[*index] {
                Moved::Result => map.push(append(&mut new, Node { inputs, ..node.clone() })),
                Moved::Node(id) => map.push(id),
            }
        } else {
            map.push(append(&mut new, Node { inputs, ..node.clone() }));
        }
    }
    let at = |id: NodeId| map[id.index()];
    new.outputs = graph.outputs.iter().map(|(name, id)| (name.clone(), at(*id))).collect();
    new.updates =
        graph.updates.iter().map(|u| Update { parameter: at(u.parameter), value: at(u.value) }).collect();
    Simplified { graph: new, map: map.into_iter().map(Some).collect() }
}

/// What a result of a scan became.
enum Moved {
    /// The result of the same number.
    Result,
    /// A node after the scan.
    Node(NodeId),
}

/// What moves out of a scan.
struct Motion<'s> {
    scan: &'s Scan,
    /// Nodes that are the same in every step, and are computed before the loop.
    before: Vec<NodeId>,
    /// Products of a slice and what is steady.
    products: Vec<NodeId>,
    /// Stacked outputs that are such products of what the step makes, which nothing else reads.
    after: Vec<usize>,
}

impl Motion<'_> {
    /// If anything moves.
    fn of(scan: &Scan) -> Option<Motion<'_>> {
        let body = &scan.body;
        let sliced = scan.carries + scan.slices;
        let (_time, operands) = body.inputs.split_last()?;
        let invariants = &operands[sliced..];
        let has_steps = scan.length.as_const().is_some_and(|length| length > 0);
        let (mut steady, mut given) = (vec![false; body.nodes.len()], vec![false; body.nodes.len()]);
        let mut readers = vec![0usize; body.nodes.len()];
        body.outputs.iter().for_each(|(_, id)| readers[id.index()] += 1);
        for (id, node) in body.ids().zip(&body.nodes) {
            let is_input = matches!(node.op, Op::Input { .. });
            given[id.index()] = invariants.contains(&id) || node.inputs.iter().any(|i| given[i.index()]);
            steady[id.index()] = if is_input {
                given[id.index()]
            } else {
                // What no step does must not fail.
                (has_steps || !matches!(part(&node.op), Part::MayFail))
                    && node.inputs.iter().all(|i| steady[i.index()])
            };
            node.inputs.iter().for_each(|i| readers[i.index()] += 1);
        }
        let is_work = |id: NodeId| matches!(part(&body.node(id).op), Part::Work);
        let before = body.ids().filter(|id| steady[id.index()] && given[id.index()] && is_work(*id));
        let is_slice = |id: &NodeId| operands[scan.carries..sliced].contains(id);
        let factors = |id: NodeId| {
            let node = body.node(id);
            let is_product = matches!(node.op, Op::MatMul { transpose_a: false, .. }) && node.ty.rank() == 2;
            (is_product && steady[node.inputs[1].index()] && !steady[node.inputs[0].index()])
                .then(|| node.inputs[0])
        };
        let large = scan.large_bytes();
        let is_large = |id: NodeId| bytes(&body.node(id).ty).at_one() > large;
        let products = body.ids().filter(|&id| factors(id).is_some_and(|a| is_slice(&a)) && !is_large(id));
        let after = (scan.carries..body.outputs.len()).filter(|&j| {
            let id = body.outputs[j].1;
            readers[id.index()] == 1 && factors(id).is_some_and(|a| !is_slice(&a) && !is_large(a))
        });
        let (before, products, after): (Vec<_>, Vec<_>, Vec<_>) =
            (before.collect(), products.collect(), after.collect());
        let moves = !before.is_empty() || !products.is_empty() || !after.is_empty();
        moves.then_some(Motion { scan, before, products, after })
    }

    /// Writes the scan, and what moves around it; what its results become.
    fn apply(&self, new: &mut Graph, x: &[NodeId], scope: ScopeId) -> Option<(NodeId, Vec<Moved>)> {
        let (scan, body) = (self.scan, &self.scan.body);
        let sliced = scan.carries + scan.slices;
        let mut outer = Outer { new, scope, copies: BTreeMap::new() };
        outer.copies.extend(body.inputs.iter().copied().zip(x.iter().copied()).skip(sliced));
        let before: Vec<NodeId> =
            self.before.iter().map(|&id| outer.steady(body, id)).collect::<Option<_>>()?;
        let mut products = Vec::new();
        for &id in &self.products {
            let slice = body.inputs.iter().position(|&i| i == body.node(id).inputs[0])?;
            products.push(outer.product(scan, id, x[slice])?);
        }

        let outputs: Vec<NodeId> = (body.outputs.iter().enumerate())
            .map(|(j, (_, id))| if self.after.contains(&j) { body.node(*id).inputs[0] } else { *id })
            .collect();
        let scan_op = Op::Scan(Arc::new(Scan {
            body: self.body(&outputs)?,
            slices: scan.slices + products.len(),
            length: scan.length.clone(),
            ..*scan
        }));
        let operands = [&x[..sliced], &products, &x[sliced..], &before].concat();
        let moved = outer.new.push(scan_op, operands, scope).ok()?;
        let results = (0..outputs.len())
            .map(|j| {
                if !self.after.contains(&j) {
                    return Some(Moved::Result);
                }
                let stack = outer.new.push(Op::Project { index: j }, vec![moved], scope).ok()?;
                outer.product(scan, body.outputs[j].1, stack).map(Moved::Node)
            })
            .collect::<Option<_>>()?;
        Some((moved, results))
    }

    /// The body that takes what moved before the loop as operands, and gives these outputs.
    fn body(&self, outputs: &[NodeId]) -> Option<Graph> {
        let (old, g) = (&self.scan.body, &Builder::new());
        let sliced = self.scan.carries + self.scan.slices;
        let (time, operands) = old.inputs.split_last()?;
        let mut known: BTreeMap<NodeId, Tensor> = BTreeMap::new();
        let order = operands[..sliced].iter().chain(&self.products);
        for (i, &id) in order.chain(&operands[sliced..]).chain(&self.before).chain([time]).enumerate() {
            let ty = &old.node(id).ty;
            known.insert(id, g.input(&format!("operand {i}"), ty.dtype, ty.shape.clone()));
        }
        let mut wanted = old.clone();
        wanted.outputs = outputs.iter().enumerate().map(|(j, id)| (format!("result {j}"), *id)).collect();
        let copies = copy_into(g, &wanted, known);
        for (name, id) in &wanted.outputs {
            g.output(name, copies[id.index()]?);
        }
        g.take().ok()
    }
}

/// The graph around a scan while it is written.
struct Outer<'n> {
    new: &'n mut Graph,
    scope: ScopeId,
    /// Steady nodes of the body outside.
    copies: BTreeMap<NodeId, NodeId>,
}

impl Outer<'_> {
    /// The copy of a steady node of a body.
    fn steady(&mut self, body: &Graph, id: NodeId) -> Option<NodeId> {
        // In order, for a node stands behind its operands: without recursion.
        let needed = body.needed_by([id]);
        for at in body.ids().filter(|at| needed[at.index()]) {
            if !self.copies.contains_key(&at) {
                let node = body.node(at);
                let inputs =
                    node.inputs.iter().map(|i| self.copies.get(i).copied()).collect::<Option<_>>()?;
                let copy = self.new.push(node.op.clone(), inputs, self.scope).ok()?;
                self.copies.insert(at, copy);
            }
        }
        self.copies.get(&id).copied()
    }

    /// A product `[m, k] · [k, n]` of a body over all steps at once, whose left operand is stacked: `[length, m, n]`.
    fn product(&mut self, scan: &Scan, id: NodeId, stack: NodeId) -> Option<NodeId> {
        let node = scan.body.node(id);
        let right = self.steady(&scan.body, node.inputs[1])?;
        let shape = &scan.body.node(node.inputs[0]).ty.shape;
        let rows = Op::Reshape { shape: vec![&scan.length * &shape[0], shape[1].clone()] };
        let rows = self.new.push(rows, vec![stack], self.scope).ok()?;
        let product = self.new.push(node.op.clone(), vec![rows, right], self.scope).ok()?;
        let shape: Shape = [&[scan.length.clone()][..], &node.ty.shape].concat();
        self.new.push(Op::Reshape { shape }, vec![product], self.scope).ok()
    }
}

fn append(new: &mut Graph, node: Node) -> NodeId {
    let id = NodeId(new.nodes.len() as u32);
    if let Op::Input { .. } = node.op {
        new.inputs.push(id);
    }
    new.nodes.push(node);
    id
}

/// What an operation is to the step that it is done in.
enum Part {
    /// Costs something at each step: worth doing once.
    Work,
    /// Costs next to nothing: leaves with what needs it.
    Form,
    /// An index may be out of range: leaves with what needs it, if there is a step that would have failed.
    MayFail,
}

fn part(op: &Op) -> Part {
    match op {
        Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::Random { .. }
        | Op::MatMul { .. }
        | Op::Conv { .. }
        | Op::ConvInputGrad { .. }
        | Op::ConvKernelGrad { .. }
        | Op::Reduce { .. }
        | Op::ArgMax { .. }
        | Op::Pool { .. }
        | Op::PoolGrad { .. }
        | Op::PoolPick { .. }
        | Op::Pad { .. }
        | Op::Concat { .. }
        | Op::ArgSort { .. }
        | Op::Project { .. } => Part::Work,
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Size(_)
        | Op::StopGradient
        | Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Broadcast { .. }
        | Op::Slice { .. }
        | Op::Reverse { .. } => Part::Form,
        Op::Gather { .. } | Op::ScatterAdd { .. } => Part::MayFail,
        // Leaves with its projections.
        Op::Scan(scan) => {
            let may_fail = scan.body.nodes.iter().any(|node| matches!(part(&node.op), Part::MayFail));
            if may_fail { Part::MayFail } else { Part::Form }
        }
    }
}
