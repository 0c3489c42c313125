use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Graph, NodeId, Op, Scan};

use super::{Simplified, Step, dead, rewrite, simplify};

/// Simplifies the bodies of scans, and takes from each scan the results that nothing reads, and the operands that the other results do not need.
pub(super) fn pass(graph: &Graph) -> Simplified {
    // Without dead projections, so that every one that is left is of a result that is kept.
    let alive = dead::pass(graph);
    let graph = &alive.graph;
    let mut read: BTreeMap<NodeId, BTreeSet<usize>> = BTreeMap::new();
    for node in &graph.nodes {
        if let Op::Project { index } = &node.op {
            read.entry(node.inputs[0]).or_default().insert(*index);
        }
    }
    // Of each scan of the new graph: what the numbers of its results became.
    let mut renumbered: BTreeMap<NodeId, BTreeMap<usize, usize>> = BTreeMap::new();
    let mut old = graph.ids();
    let pruned = rewrite(graph, |new, op, x| {
        let id = old.next().expect("the rule is applied to each node once, in order");
        if let Op::Scan(scan) = op {
            let body = simplify(&scan.body).graph;
            let scan = Scan { body, ..(**scan).clone() };
            let none = BTreeSet::new();
            let (scan, operands, results) = pruned(scan, x, read.get(&id).unwrap_or(&none));
            renumbered.insert(NodeId(new.nodes.len() as u32), results);
            Step::New(Op::Scan(Arc::new(scan)), operands)
        } else if let Op::Project { index } = op {
            Step::New(Op::Project { index: renumbered[&x[0]][index] }, x.to_vec())
        } else {
            Step::Keep
        }
    });
    alive.then(pruned)
}

/// The scan with the results `read` and what they need; its operands; and the new number of each result that is left.
fn pruned(
    mut scan: Scan,
    x: &[NodeId],
    read: &BTreeSet<usize>,
) -> (Scan, Vec<NodeId>, BTreeMap<usize, usize>) {
    let (body, carries, sliced) = (&scan.body, scan.carries, scan.carries + scan.slices);
    // A carry is kept for what it is needed for at the next step as well.
    let mut kept = read.clone();
    let needed = loop {
        let needed = body.needed_by(kept.iter().map(|&i| body.outputs[i].1));
        let before = kept.len();
        kept.extend((0..carries).filter(|&i| needed[body.inputs[i].index()]));
        if kept.len() == before {
            break needed;
        }
    };
    let operands: Vec<usize> = (0..x.len())
        .filter(|&i| if i < carries { kept.contains(&i) } else { needed[body.inputs[i].index()] })
        .collect();
    let inputs: BTreeSet<NodeId> =
        operands.iter().map(|&i| body.inputs[i]).chain(body.inputs.last().copied()).collect();
    // What is stacked twice is stacked once.
    let node = |i: usize| scan.body.outputs[i].1;
    let first =
        |i: usize| kept.range(carries..).copied().find(|&j| i >= carries && node(j) == node(i)).unwrap_or(i);
    let of: BTreeMap<usize, usize> = kept.iter().map(|&i| (i, first(i))).collect();
    let kept: BTreeSet<usize> = of.values().copied().collect();
    let mut body = body.clone();
    body.outputs = kept.iter().map(|&i| scan.body.outputs[i].clone()).collect();
    scan.body = dead::without(&body, |id| inputs.contains(&id)).graph;
    scan.carries = operands.iter().filter(|&&i| i < carries).count();
    scan.slices = operands.iter().filter(|&&i| (carries..sliced).contains(&i)).count();
    let numbers: BTreeMap<usize, usize> = kept.into_iter().enumerate().map(|(new, old)| (old, new)).collect();
    let results = of.into_iter().map(|(old, first)| (old, numbers[&first])).collect();
    (scan, operands.into_iter().map(|i| x[i]).collect(), results)
}
