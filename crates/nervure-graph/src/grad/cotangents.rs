//! The cotangents that users of a node pull back to it, and their sum.

use std::collections::BTreeMap;

use crate::{Builder, Dim, NodeId, Op, Tensor};

/// What is known of the cotangents so far.
pub(super) struct Cotangents<'g> {
    builder: &'g Builder,
    /// What the users of each node gave.
    of: Vec<Vec<Tensor<'g>>>,
    /// Of the results of scans, by number.
    results: BTreeMap<NodeId, BTreeMap<usize, Tensor<'g>>>,
}

impl<'g> Cotangents<'g> {
    pub(super) fn new(builder: &'g Builder, nodes: usize) -> Cotangents<'g> {
        Cotangents { builder, of: vec![Vec::new(); nodes], results: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, id: NodeId, cotangent: Tensor<'g>) {
        self.of[id.index()].push(cotangent);
    }

    pub(super) fn add_result(&mut self, scan: NodeId, index: usize, cotangent: Tensor<'g>) {
        let known = self.results.entry(scan).or_default();
        let sum = known.get(&index).map_or(cotangent, |&k| k + cotangent);
        known.insert(index, sum);
    }

    /// Whether anything is known of a node, or of the results of a scan.
    pub(super) fn has(&self, id: NodeId) -> bool {
        !self.of[id.index()].is_empty() || self.results.contains_key(&id)
    }

    /// Cotangents of the results of a scan, by number.
    pub(super) fn take_results(&mut self, scan: NodeId) -> Option<BTreeMap<usize, Tensor<'g>>> {
        self.results.remove(&scan)
    }

    /// The sum of what is known of a node, in the order in which it came.
    pub(super) fn sum(&mut self, id: NodeId) -> Option<Tensor<'g>> {
        let parts = &mut self.of[id.index()];
        if parts.len() > 1 {
            let sum = match side_by_side(self.builder, parts) {
                Some(whole) => whole,
                None => parts.iter().copied().reduce(|a, b| a + b)?,
            };
            *parts = vec![sum];
        }
        parts.first().copied()
    }
}

/// If each part is another stretch of one axis with zeros around, and they cover it: the stretches in order. So the gradients of slices
/// that share a value out, such as the gates of a recurrent layer, are put down rather than added up.
fn side_by_side<'g>(builder: &'g Builder, parts: &[Tensor<'g>]) -> Option<Tensor<'g>> {
    let mut along = None;
    let mut stretches: Vec<(Dim, NodeId)> = Vec::new();
    for part in parts {
        let node = builder.read(|g| g.node(part.id()).clone());
        let Op::Pad { low, high, interior, value } = &node.op else { return None };
        let padded: Vec<usize> = (0..low.len()).filter(|&i| !low[i].is(0) || !high[i].is(0)).collect();
        let ([axis], true, true) =
            (&padded[..], value.to_bits() == 0, interior.iter().all(|&between| between == 0))
        else {
            return None;
        };
        if *along.get_or_insert(*axis) != *axis {
            return None;
        }
        stretches.push((low[*axis].clone(), node.inputs[0]));
    }
    let axis = along?;
    let (mut ordered, mut end) = (Vec::new(), Dim::from(0));
    while !stretches.is_empty() {
        let next = stretches.iter().position(|(low, _)| *low == end)?;
        let stretch = builder.tensor(stretches.swap_remove(next).1);
        end = end + stretch.dim(axis as isize);
        ordered.push(stretch);
    }
    (end == parts[0].dim(axis as isize)).then(|| builder.apply(Op::Concat { axis }, &ordered))
}
