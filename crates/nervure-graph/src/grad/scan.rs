//! The gradient of a scan: a scan in the other direction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::inline::{copy_into, unused_name};
use crate::{Binary, Builder, DType, Error, Graph, NodeId, Op, Reduction, Scan, Tensor, Type, Unary};

use super::flow::{active_results, live_operands};
use super::kept::{bytes, is_dear};
use super::pullback;

/// Cotangents of the operands that `wants` names, given those of some results, by number.
///
/// Each step of the new scan pulls the cotangents of the new carries and of what was stacked back to the old carries, the slices and the
/// invariants. The first are carried on, the second stacked, the third summed up. What it needs of the old step is made anew from the carries
/// that this began with and from results that are [dear](is_dear) and not [large](Scan::large_bytes): these the old scan is extended to stack.
///
/// Where an invariant's cotangent is a matrix product in each step, its operands are stacked instead, and the sum is one product after
/// the loop, over time as well: as many operations, but in large blocks. Unless they are large: stacked, they would outgrow the scan. So are sums of what
/// is stacked anyway. A body that holds a scan itself has its large products already, and stacking would take the memory that the scan within saves.
pub(super) fn rule<'g>(
    builder: &'g Builder,
    id: NodeId,
    scan: &Scan,
    x: &[Tensor<'g>],
    results: &BTreeMap<usize, Tensor<'g>>,
    wants: &[bool],
) -> Vec<Option<Tensor<'g>>> {
    let (carries, sliced) = (scan.carries, scan.carries + scan.slices);
    let given: Vec<bool> = (0..scan.body.outputs().len()).map(|i| results.contains_key(&i)).collect();
    let (active, live) = (active_results(scan, wants), live_operands(scan, &given));
    let wanted = |range: std::ops::Range<usize>| range.filter(|&i| wants[i]).collect::<Vec<_>>();
    let of = Operands {
        moving: (0..carries).filter(|&i| active[i] && live[i]).collect(),
        slices: wanted(carries..sliced),
        invariants: wanted(sliced..x.len()),
        stacks: results.keys().copied().filter(|&j| j >= carries).collect(),
    };
    let written = Step::new(scan, &of).and_then(|step| step.body(scan, &of).map(|body| (step, body)));
    let (step, body) = match written {
        Ok(written) => written,
        Err(e) => {
            builder.record(e);
            return vec![None; x.len()];
        }
    };
    let inputs = &scan.body.inputs()[..carries];
    let kept = stack(builder, id, scan, inputs.iter().copied().chain(step.saved.values().copied()));
    let kept: Vec<Tensor<'g>> = kept.into_iter().map(|j| builder.tensor(id).project(j)).collect();

    let mut operands: Vec<Tensor<'g>> = Vec::new();
    operands.extend(of.moving.iter().map(|i| results.get(i).copied().unwrap_or_else(|| x[*i].zeros_like())));
    operands.extend(step.carried.iter().map(|&node| {
        let ty = &step.graph.node(node).ty;
        builder.full(ty.dtype, ty.shape.clone(), 0.0)
    }));
    let slices = operands.len();
    operands.extend(&kept[..carries]);
    operands.extend(&x[carries..sliced]);
    operands.extend(of.stacks.iter().map(|j| results[j]));
    operands.extend(&kept[carries..]);
    let invariants = operands.len();
    operands.extend(&x[sliced..]);
    let back = builder.scan(
        Scan {
            body,
            carries: slices,
            slices: invariants - slices,
            length: scan.length.clone(),
            reverse: !scan.reverse,
        },
        &operands,
    );

    let mut dx = vec![None; x.len()];
    for (j, &i) in of.moving.iter().enumerate().filter(|(_, i)| wants[**i]) {
        dx[i] = Some(back.project(j));
    }
    for (j, &i) in of.slices.iter().enumerate() {
        dx[i] = Some(back.project(slices + j));
    }
    // Arrays over time, by the node of a step that they stack: what the new scan is given, and what it gives.
    let given = step.sliced.iter().chain(step.saved.keys()).copied().zip(&operands[slices..]);
    let over_time: BTreeMap<NodeId, Tensor<'g>> = given
        .map(|(node, stack)| (node, *stack))
        .chain(step.stacked.iter().enumerate().map(|(j, &node)| (node, back.project(slices + j))))
        .collect();
    let carried = |k: usize| back.project(of.moving.len() + k);
    for (sum, &i) in step.sums.iter().zip(&of.invariants) {
        dx[i] = Some(sum.write(&carried, &over_time));
    }
    dx
}

/// Numbers of the operands and results of a scan of which cotangents are wanted or given.
struct Operands {
    /// Carries through which a path leads.
    moving: Vec<usize>,
    slices: Vec<usize>,
    invariants: Vec<usize>,
    /// Stacked results.
    stacks: Vec<usize>,
}

/// A step of the gradient before it becomes a body: the old step, and the cotangents that it pulls back.
struct Step {
    graph: Graph,
    /// Inputs that are slices: old carries, old slices, cotangents of what was stacked.
    sliced: Vec<NodeId>,
    /// Cotangents of the moving carries.
    moving: Vec<NodeId>,
    /// What is summed up by a carry.
    carried: Vec<NodeId>,
    /// What is stacked: the cotangents of the slices first, then operands of products.
    stacked: Vec<NodeId>,
    /// How the cotangent of each invariant follows.
    sums: Vec<Sum>,
    /// Nodes that are copies of dear results of the old body, and these.
    saved: BTreeMap<NodeId, NodeId>,
    /// Bytes beyond which nothing is stacked that was not.
    large: usize,
}

/// A sum over time.
enum Sum {
    /// Of the carry of this number.
    Carried(usize),
    /// Of the products of two nodes: an [`Op::MatMul`] with its transpositions.
    Product([NodeId; 2], [bool; 2]),
    /// Of the sums of a node over these of its axes.
    Reduced(NodeId, Vec<usize>),
    /// The sum of two.
    Both(Box<[Sum; 2]>),
    /// A linear operation that commutes with sums.
    Of(Op, Box<Sum>),
}

impl Step {
    /// Inputs of its graph: cotangents of the moving carries, old carries, old slices, cotangents of what was stacked, old invariants, time.
    fn new(scan: &Scan, of: &Operands) -> Result<Step, Error> {
        let (old, g) = (&scan.body, &Builder::new());
        let sliced = scan.carries + scan.slices;
        let operand = |i: usize| &old.node(old.inputs()[i]).ty;
        let declare = |name: String, ty: &Type| g.input(&name, ty.dtype, ty.shape.clone());
        let declare_operand = |i: usize| declare(format!("operand {i}"), operand(i));
        let of_carries: Vec<Tensor> =
            of.moving.iter().map(|&i| declare(format!("carry {i} cotangent"), operand(i))).collect();
        let mut x: Vec<Tensor> = (0..sliced).map(declare_operand).collect();
        let of_stacks: Vec<Tensor> = (of.stacks.iter())
            .map(|&j| declare(format!("result {j} cotangent"), &old.node(old.outputs()[j].1).ty))
            .collect();
        let slices = x.iter().chain(&of_stacks).map(|t| t.id()).collect();
        x.extend((sliced..old.inputs().len() - 1).map(declare_operand));
        x.push(g.input("time", DType::I32, []));

        let copies = copy_into(g, old, old.inputs().iter().copied().zip(x.iter().copied()));
        let y = |j: usize| copies[old.outputs()[j].1.index()].expect("what an output is was copied");
        let seeds: Vec<(Tensor, Tensor)> = (of.moving.iter().map(|&i| y(i)).zip(of_carries))
            .chain(of.stacks.iter().map(|&j| y(j)).zip(of_stacks))
            .collect();
        let wrt: Vec<Tensor> =
            (of.moving.iter().chain(&of.slices).chain(&of.invariants)).map(|&i| x[i]).collect();
        let pulled: Vec<NodeId> = (pullback(g, &seeds, &wrt).into_iter().zip(&wrt))
            .map(|(pulled, x)| pulled.unwrap_or_else(|| x.zeros_like()).id())
            .collect();
        let originals: BTreeMap<NodeId, NodeId> =
            old.ids().filter_map(|id| Some((copies[id.index()]?.id(), id))).collect();
        let (moving, rest) = pulled.split_at(of.moving.len());
        let (of_slices, of_invariants) = rest.split_at(of.slices.len());
        let mut step = Step {
            graph: g.take()?,
            sliced: slices,
            moving: moving.into(),
            carried: Vec::new(),
            stacked: of_slices.into(),
            sums: Vec::new(),
            saved: BTreeMap::new(),
            large: scan.large_bytes(),
        };
        step.sums = step.sums_of(of_invariants);
        step.saved = step.dear(&originals);
        // What comes in over time already need not go out.
        let of_slices = of.slices.len();
        let operands =
            step.stacked.split_off(of_slices).into_iter().filter(|id| !step.saved.contains_key(id));
        step.stacked.extend(operands.collect::<Vec<_>>());
        Ok(step)
    }

    /// The body: its carries are the cotangents of the moving carries and the sums; its slices those of the step, then what was saved; its
    /// invariants the old ones.
    fn body(&self, scan: &Scan, of: &Operands) -> Result<Graph, Error> {
        let (old, g) = (&self.graph, &Builder::new());
        let declare = |id: NodeId, name: String| {
            let ty = &old.node(id).ty;
            (id, g.input(&name, ty.dtype, ty.shape.clone()))
        };
        let named = |id: &NodeId| match &old.node(*id).op {
            Op::Input { name, .. } => declare(*id, name.clone()),
            _ => declare(*id, format!("saved {}", id.index())),
        };
        let inputs = old.inputs();
        let mut known: BTreeMap<NodeId, Tensor> = inputs[..of.moving.len()].iter().map(named).collect();
        let sums: Vec<Tensor> =
            (self.carried.iter().enumerate()).map(|(k, &id)| declare(id, format!("sum {k}")).1).collect();
        known.extend(self.sliced.iter().chain(self.saved.keys()).map(named));
        let invariants = of.moving.len() + self.sliced.len();
        debug_assert_eq!(inputs.len() - invariants, scan.body.inputs().len() - scan.carries - scan.slices);
        known.extend(inputs[invariants..].iter().map(named));
        let mut with_outputs = old.clone();
        for id in self.moving.iter().chain(&self.carried).chain(&self.stacked) {
            with_outputs.push_output(format!("%{}", id.index()), *id);
        }
        let copies = copy_into(g, &with_outputs, known);
        let copy = |id: &NodeId| copies[id.index()].expect("what an output is was copied");
        self.moving.iter().enumerate().for_each(|(k, id)| g.output(&format!("carry {k}"), copy(id)));
        for (k, (id, sum)) in self.carried.iter().zip(sums).enumerate() {
            g.output(&format!("sum {k}"), sum + copy(id));
        }
        self.stacked.iter().enumerate().for_each(|(k, id)| g.output(&format!("stack {k}"), copy(id)));
        g.take()
    }

    /// How the sums over time of some nodes are made: those with products first, so that the others find what these stack.
    fn sums_of(&mut self, nodes: &[NodeId]) -> Vec<Sum> {
        let g = &self.graph;
        if g.ids().any(|id| matches!(g.node(id).op, Op::Scan(_))) {
            return nodes.iter().map(|&id| self.carry(id)).collect();
        }
        let mut order: Vec<usize> = (0..nodes.len()).collect();
        order.sort_by_key(|&i| matches!(g.node(nodes[i]).op, Op::Reduce { .. }));
        let mut sums: Vec<(usize, Sum)> = order.into_iter().map(|i| (i, self.sum(nodes[i]))).collect();
        sums.sort_by_key(|(i, _)| *i);
        sums.into_iter().map(|(_, sum)| sum).collect()
    }

    /// How the sum over time of a node is made.
    fn sum(&mut self, id: NodeId) -> Sum {
        let (carried, stacked) = (self.carried.len(), self.stacked.len());
        let mut left = SUMMANDS;
        let sum = self.taken_apart(id, &mut left);
        if sum.is_after_loop() {
            return sum;
        }
        self.carried.truncate(carried);
        self.stacked.truncate(stacked);
        self.carry(id)
    }

    fn taken_apart(&mut self, id: NodeId, left: &mut usize) -> Sum {
        let node = self.graph.node(id).clone();
        *left = left.saturating_sub(1);
        if *left == 0 {
            return self.carry(id);
        }
        let x = &node.inputs;
        let can_stack = |&id: &NodeId| self.is_over_time(id) || !self.is_large(id);
        match node.op {
            Op::MatMul { transpose_a, transpose_b } if x.iter().all(can_stack) => {
                for &operand in x {
                    if !self.is_over_time(operand) {
                        self.stacked.push(operand);
                    }
                }
                Sum::Product([x[0], x[1]], [transpose_a, transpose_b])
            }
            Op::Reduce { kind: Reduction::Sum, ref axes } if self.is_over_time(x[0]) => {
                Sum::Reduced(x[0], axes.clone())
            }
            Op::Binary(Binary::Add) => {
                Sum::Both(Box::new([self.taken_apart(x[0], left), self.taken_apart(x[1], left)]))
            }
            ref op if is_linear(op) => Sum::Of(op.clone(), Box::new(self.taken_apart(x[0], left))),
            _ => self.carry(id),
        }
    }

    fn is_large(&self, id: NodeId) -> bool {
        bytes(&self.graph.node(id).ty).at_one() > self.large
    }

    /// Whether the values of a node at all steps are there after the loop.
    fn is_over_time(&self, id: NodeId) -> bool {
        self.sliced.contains(&id) || self.stacked.contains(&id)
    }

    fn carry(&mut self, id: NodeId) -> Sum {
        self.carried.push(id);
        Sum::Carried(self.carried.len() - 1)
    }

    /// The nodes that what the step gives needs, of those whose originals are dear, not large, and differ from step to step.
    fn dear(&self, originals: &BTreeMap<NodeId, NodeId>) -> BTreeMap<NodeId, NodeId> {
        let g = &self.graph;
        let steady = g.inputs().len() - 1 - self.sliced.len() - self.moving.len();
        let steady: BTreeSet<NodeId> = g.inputs().iter().rev().skip(1).take(steady).copied().collect();
        let mut varies = vec![false; g.nodes().len()];
        for id in g.ids() {
            let node = g.node(id);
            varies[id.index()] = match node.op {
                Op::Input { .. } => !steady.contains(&id),
                _ => node.inputs.iter().any(|i| varies[i.index()]),
            };
        }
        let mut needed = vec![false; g.nodes().len()];
        for id in self.moving.iter().chain(&self.carried).chain(&self.stacked) {
            needed[id.index()] = true;
        }
        let mut dear = BTreeMap::new();
        for id in g.ids().rev().filter(|&id| g.node(id).ty.rank() > 0) {
            if !needed[id.index()] {
                continue;
            }
            let node = g.node(id);
            let is_kept = varies[id.index()] && is_dear(&node.op) && !self.is_large(id);
            match originals.get(&id) {
                Some(&original) if is_kept => {
                    dear.insert(id, original);
                }
                _ => node.inputs.iter().for_each(|i| needed[i.index()] = true),
            }
        }
        dear
    }
}

impl Sum {
    /// Whether some of it is done over time as well.
    fn is_after_loop(&self) -> bool {
        match self {
            Sum::Carried(_) => false,
            Sum::Product(..) | Sum::Reduced(..) => true,
            Sum::Both(both) => both.iter().any(Sum::is_after_loop),
            Sum::Of(_, inner) => inner.is_after_loop(),
        }
    }

    /// The sum, after the loop.
    fn write<'g>(
        &self,
        carried: &impl Fn(usize) -> Tensor<'g>,
        over_time: &BTreeMap<NodeId, Tensor<'g>>,
    ) -> Tensor<'g> {
        match self {
            Sum::Carried(k) => carried(*k),
            Sum::Product([a, b], [transpose_a, transpose_b]) => {
                let (a, b) =
                    (terms_first(over_time[a], *transpose_a), terms_first(over_time[b], !transpose_b));
                a.matmul_with(b, true, false)
            }
            Sum::Reduced(x, axes) => {
                let axes = axes.iter().map(|&a| a as isize + 1);
                over_time[x].sum(&[0].into_iter().chain(axes).collect::<Vec<_>>())
            }
            Sum::Both(both) => both[0].write(carried, over_time) + both[1].write(carried, over_time),
            Sum::Of(op, inner) => {
                let inner = inner.write(carried, over_time);
                inner.builder().apply(op.clone(), &[inner])
            }
        }
    }
}

/// `[time, batch…, k, n]` (or `[time, batch…, n, k]`, unless `are_rows`) → `[batch…, time · k, n]`.
fn terms_first(x: Tensor<'_>, are_rows: bool) -> Tensor<'_> {
    let rank = x.rank();
    let (k, n) = if are_rows { (rank - 2, rank - 1) } else { (rank - 1, rank - 2) };
    let permutation: Vec<usize> = (1..rank - 2).chain([0, k, n]).collect();
    let shape = x.shape();
    let batch = shape[1..rank - 2].iter().cloned();
    let merged = batch.chain([&shape[0] * &shape[k], shape[n].clone()]).collect::<Vec<_>>();
    x.transpose(&permutation).reshape(merged)
}

/// Operations into which the cotangent of one invariant is taken apart at most.
const SUMMANDS: usize = 256;

/// Whether an operation on one operand commutes with sums.
fn is_linear(op: &Op) -> bool {
    match op {
        Op::Reshape { .. }
        | Op::Transpose { .. }
        | Op::Broadcast { .. }
        | Op::Slice { .. }
        | Op::Reverse { .. }
        | Op::Unary(Unary::Neg) => true,
        Op::Pad { value, .. } => *value == 0.0,
        Op::Reduce { kind, .. } => matches!(kind, Reduction::Sum),
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Iota { .. }
        | Op::Size(_)
        | Op::Random { .. }
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::Cast(_)
        | Op::StopGradient
        | Op::MatMul { .. }
        | Op::Conv { .. }
        | Op::ConvInputGrad { .. }
        | Op::ConvKernelGrad { .. }
        | Op::ArgMax { .. }
        | Op::Pool { .. }
        | Op::PoolGrad { .. }
        | Op::PoolPick { .. }
        | Op::Concat { .. }
        | Op::Gather { .. }
        | Op::ScatterAdd { .. }
        | Op::ArgSort { .. }
        | Op::Scan(_)
        | Op::Project { .. } => false,
    }
}

/// Extends the scan to stack nodes of its body; the numbers of those results.
fn stack(builder: &Builder, id: NodeId, scan: &Scan, nodes: impl Iterator<Item = NodeId>) -> Vec<usize> {
    let mut extended = scan.clone();
    let body = &mut extended.body;
    let numbers = nodes
        .map(|node| {
            let known = body.outputs().iter().skip(scan.carries).position(|(_, id)| *id == node);
            if let Some(j) = known {
                return scan.carries + j;
            }
            let name = format!("%{} of each step", node.index());
            let name = unused_name(&name, |name| body.outputs().iter().any(|(other, _)| other == name));
            body.push_output(name, node);
            body.outputs().len() - 1
        })
        .collect();
    if extended.body.outputs().len() > scan.body.outputs().len() {
        builder.extend_scan(id, Arc::new(extended));
    }
    numbers
}
