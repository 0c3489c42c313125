use std::collections::BTreeMap;

use nervure_graph::{Bindings, DType, Graph, NodeId, Op, Padding, Window};

use super::formulas::Match;

use crate::Error;

/// Bytes that one array may have, and all arrays of a plan together that live at one time: more than any machine that
/// runs this has, and far from where sizes overflow.
pub(crate) const LIMIT: u64 = 1 << 40;

/// A graph whose dimensions have values.
pub(super) struct Bound<'g> {
    pub graph: &'g Graph,
    pub bindings: &'g Bindings,
    /// Shape of each node; empty for those that nothing needs.
    pub shapes: Vec<Vec<usize>>,
    /// Whether an output or an update needs the node.
    pub live: Vec<bool>,
    /// Formulas in the place of nodes, which read their operands alone and make anew what lies between.
    wholes: BTreeMap<NodeId, Match>,
}

impl<'g> Bound<'g> {
    /// Finds what is needed, and its shapes.
    pub fn new(graph: &'g Graph, bindings: &'g Bindings) -> Result<Bound<'g>, Error> {
        let count = graph.nodes().len();
        let (shapes, live, wholes) = (vec![Vec::new(); count], vec![false; count], BTreeMap::new());
        let mut bound = Bound { graph, bindings, shapes, live, wholes };
        bound.live = bound.needed();
        for id in graph.ids() {
            if bound.live[id.index()] {
                bound.shapes[id.index()] = bound.resolve(id)?;
                bound.check(id)?;
            }
        }
        bound.wholes = bound.ids().filter_map(|id| Some((id, Match::anew(&bound, id)?))).collect();
        bound.live = bound.needed();
        Ok(bound)
    }

    /// Which nodes outputs and updates need.
    fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.graph.nodes().len()];
        let updates = self.graph.updates().iter().flat_map(|u| [u.parameter, u.value]);
        for id in self.graph.outputs().iter().map(|(_, id)| *id).chain(updates) {
            needed[id.index()] = true;
        }
        for id in self.graph.ids().rev() {
            if needed[id.index()] {
                self.inputs(id).iter().for_each(|input| needed[input.index()] = true);
            }
        }
        needed
    }

    pub fn op(&self, id: NodeId) -> &'g Op {
        &self.graph.node(id).op
    }

    pub fn inputs(&self, id: NodeId) -> &[NodeId] {
        self.whole(id).map_or(&self.graph.node(id).inputs, |whole| &whole.operands)
    }

    /// The formula that stands in the place of a node.
    pub fn whole(&self, id: NodeId) -> Option<&Match> {
        self.wholes.get(&id)
    }

    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.shapes[id.index()]
    }

    /// Number of elements.
    pub fn len(&self, id: NodeId) -> usize {
        self.shape(id).iter().product()
    }

    pub fn dtype(&self, id: NodeId) -> DType {
        self.graph.node(id).ty.dtype
    }

    pub fn path(&self, id: NodeId) -> String {
        self.graph.path(self.graph.node(id).scope)
    }

    /// Numbers of the nodes that something needs, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<'_> {
        self.graph.ids().filter(|id| self.live[id.index()])
    }

    /// An error of a node whose sizes, once known, do not fit.
    pub fn misfit(&self, id: NodeId, expected: impl ToString, received: impl ToString) -> Error {
        Error::Bound {
            path: self.path(id),
            op: self.op(id).name(),
            expected: expected.to_string(),
            received: received.to_string(),
        }
    }

    fn resolve(&self, id: NodeId) -> Result<Vec<usize>, Error> {
        let node = self.graph.node(id);
        let shape = node.ty.resolve(self.bindings)?;
        // Zeros aside, so that strides cannot overflow either.
        let bytes = shape
            .iter()
            .filter(|&&n| n > 0)
            .try_fold(node.ty.dtype.size() as u64, |bytes, &n| bytes.checked_mul(n as u64))
            .unwrap_or(u64::MAX);
        if bytes > LIMIT {
            return Err(Error::TooLarge { path: self.path(id), op: node.op.name(), limit: LIMIT, bytes });
        }
        Ok(shape)
    }

    /// What the types leave open while dimensions are symbols.
    fn check(&self, id: NodeId) -> Result<(), Error> {
        let first = || self.shape(self.inputs(id)[0]);
        let windows = |window: &Window, x: &[usize]| {
            for axis in 0..window.size.len() {
                let n = x[axis + 1];
                if let Padding::Explicit(p) = &window.padding {
                    let room = n.saturating_add(p[axis].0).saturating_add(p[axis].1);
                    if room < window.span(axis) {
                        let expected =
                            format!("at least {} elements on spatial axis {axis}", window.span(axis));
                        return Err(self.misfit(id, expected, format!("{room} with padding")));
                    }
                }
            }
            Ok(())
        };
        match self.op(id) {
            Op::Slice { starts, sizes, steps } => {
                for (axis, &n) in first().iter().enumerate() {
                    let (start, size) =
                        (starts[axis].resolve(self.bindings)?, sizes[axis].resolve(self.bindings)?);
                    let last = size.saturating_sub(1).saturating_mul(steps[axis]).saturating_add(start);
                    if if size == 0 { start > n } else { last >= n } {
                        let expected =
                            format!("{size} elements from {start} by {} on axis {axis}", steps[axis]);
                        return Err(self.misfit(id, expected, format!("{n} elements")));
                    }
                }
                Ok(())
            }
            Op::Pad { low, high, interior, .. } => {
                // An empty axis has no gaps between its elements.
                for (axis, &n) in first().iter().enumerate() {
                    low[axis].resolve(self.bindings)?;
                    high[axis].resolve(self.bindings)?;
                    if n == 0 && interior[axis] > 0 {
                        return Err(self.misfit(id, format!("elements on axis {axis}"), "none"));
                    }
                }
                Ok(())
            }
            Op::ArgMax { axis } if first()[*axis] == 0 => {
                Err(self.misfit(id, format!("elements on axis {axis}"), "none"))
            }
            Op::Conv { window, .. }
            | Op::Pool { window, .. }
            | Op::ConvKernelGrad { window, .. }
            | Op::PoolPick { window } => windows(window, first()),
            Op::ConvInputGrad { window, .. } | Op::PoolGrad { window, .. } => windows(window, self.shape(id)),
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
            | Op::Reduce { .. }
            | Op::ArgMax { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Broadcast { .. }
            | Op::Concat { .. }
            | Op::Reverse { .. }
            | Op::Gather { .. }
            | Op::ScatterAdd { .. }
            | Op::ArgSort { .. }
            | Op::Scan(_)
            | Op::Project { .. } => Ok(()),
        }
    }
}
