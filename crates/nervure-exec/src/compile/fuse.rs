//! Which elementwise operations go together: groups of nodes of one number of elements, each of which becomes one tape.

use std::ops::Range;

use nervure_graph::{DType, NodeId, Op, Reduction};

use super::bind::Bound;
use crate::kernels::reduce::{Extent, LANES, SINKS};

/// What a node is to the compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// The same elements in the same order as its operand: nothing is done.
    Alias,
    /// Elements of its operand in other places: strides say which.
    View,
    /// Elementwise: a step of a tape.
    Map,
    /// Made of nothing (or of scalars) wherever it is needed.
    Generator,
    /// Stored by a kernel of its own, or before the run.
    Anchor,
}

pub(super) fn class(op: &Op) -> Class {
    match op {
        Op::Reshape { .. } | Op::StopGradient => Class::Alias,
        Op::Broadcast { .. } | Op::Transpose { .. } | Op::Slice { .. } | Op::Reverse { .. } => Class::View,
        Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) => Class::Map,
        Op::Iota { .. } | Op::Random { .. } => Class::Generator,
        Op::Input { .. }
        | Op::Parameter { .. }
        | Op::Constant(_)
        | Op::Size(_)
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
        | Op::Gather { .. }
        | Op::ScatterAdd { .. }
        | Op::ArgSort { .. }
        | Op::Scan(_)
        | Op::Project { .. } => Class::Anchor,
    }
}

/// Nodes that become one tape.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// Elementwise nodes, in order.
    pub members: Vec<NodeId>,
    /// Reductions of what the tape makes.
    pub sinks: Vec<NodeId>,
    /// Of which axis, if there are any.
    pub extent: Option<Extent>,
}

/// The groups of a graph.
pub(super) struct Groups {
    /// Each group; one that was joined to another is empty.
    pub groups: Vec<Group>,
    /// The group of each elementwise node and each reduction in one.
    pub of: Vec<Option<usize>>,
}

/// Steps of one tape: so many that chains of real networks fit, so few that registers stay in the first cache.
const MEMBERS: usize = 128;

/// The node whose elements, in the same order, are those of `id`.
pub(super) fn root(bound: &Bound, mut id: NodeId) -> NodeId {
    while class(bound.op(id)) == Class::Alias {
        id = bound.inputs(id)[0];
    }
    id
}

/// What a reduction finds, if it takes axes that lie side by side, but for axes of size 1.
pub(super) fn extent_of(bound: &Bound, id: NodeId) -> Option<Extent> {
    let Op::Reduce { axes, .. } = bound.op(id) else { return None };
    let shape = bound.shape(bound.inputs(id)[0]);
    let first = axes.iter().copied().find(|&a| shape[a] != 1).unwrap_or(axes[0]);
    let last = axes.iter().copied().rfind(|&a| shape[a] != 1).unwrap_or(first);
    let size = |range: Range<usize>| shape[range].iter().product::<usize>();
    let together = (first..=last).all(|a| axes.contains(&a) || shape[a] == 1);
    together.then(|| Extent {
        outer: size(0..first),
        k: size(first..last + 1),
        inner: size(last + 1..shape.len()),
    })
}

/// Whether a reduction is done by the lanes of a tape.
pub(super) fn has_fold(bound: &Bound, id: NodeId) -> bool {
    let Op::Reduce { kind, .. } = bound.op(id) else { return false };
    *kind != Reduction::LogSumExp && bound.dtype(id) == DType::F32
}

/// Groups the nodes: each elementwise node joins its operands' groups, as long as no group comes to wait for itself.
pub(super) fn groups(bound: &Bound) -> Groups {
    let count = bound.graph.nodes().len();
    let mut g = Groups { groups: Vec::new(), of: vec![None; count] };
    let mut visited = vec![0u32; count];
    let mut stamp = 0;
    for id in bound.ids() {
        if class(bound.op(id)) == Class::Map {
            let mut wanted: Vec<usize> = bound
                .inputs(id)
                .iter()
                .map(|&i| root(bound, i))
                .filter(|&r| class(bound.op(r)) == Class::Map)
                .filter_map(|r| g.of[r.index()])
                .collect();
            wanted.sort_unstable();
            wanted.dedup();
            // All of them together, else the latest alone.
            let mut chosen = None;
            let all = (0..wanted.len()).map(|skip| &wanted[skip..]);
            for set in all {
                stamp += 1;
                if g.may_join(bound, set, id, &mut visited, stamp) {
                    chosen = Some(set.to_vec());
                    break;
                }
            }
            match chosen {
                Some(set) => g.join(&set, id),
                None => {
                    g.of[id.index()] = Some(g.groups.len());
                    g.groups.push(Group { members: vec![id], ..Group::default() });
                }
            }
        } else if let Op::Concat { .. } = bound.op(id) {
            // What lies side by side is made together if it can be, and so written where it is to lie.
            let parts: Vec<NodeId> = bound.inputs(id).iter().map(|&i| root(bound, i)).collect();
            let alike = parts.iter().all(|&p| bound.len(p) == bound.len(parts[0]));
            let mut set: Vec<usize> = parts.iter().filter_map(|p| g.of[p.index()]).collect();
            set.sort_unstable();
            set.dedup();
            let maps = parts.iter().all(|&p| class(bound.op(p)) == Class::Map);
            stamp += 1;
            if maps && alike && set.len() > 1 && g.may_join(bound, &set, id, &mut visited, stamp) {
                g.merge(&set);
            }
        } else if let Some(extent) = extent_of(bound, id).filter(|e| e.inner == 1) {
            g.reduce(bound, id, extent);
        }
    }
    // What reads a reduction waits for the group already: it may as well be made there.
    for id in bound.ids() {
        if let Some(extent) = extent_of(bound, id).filter(pays_by_columns) {
            g.reduce(bound, id, extent);
        }
    }
    g
}

/// Whether it pays to reduce columns along with what makes them: of a large array, of many rows, and of so few columns that their lanes stay
/// in the caches.
fn pays_by_columns(extent: &Extent) -> bool {
    let Extent { outer, k, inner } = *extent;
    inner > 1 && inner <= COLUMNS && k >= 4 * LANES && outer * k * inner >= LARGE
}

/// Columns whose lanes stay in the second cache.
const COLUMNS: usize = 512;
/// Elements of an array that does not stay in the caches from one kernel to the next.
const LARGE: usize = 1 << 17;

impl Groups {
    /// Lets a group that makes the operand of a reduction reduce it as well, if the tape can.
    fn reduce(&mut self, bound: &Bound, id: NodeId, extent: Extent) {
        let source = root(bound, bound.inputs(id)[0]);
        let made = class(bound.op(source)) == Class::Map && has_fold(bound, id);
        let Some(group) = self.of[source.index()].filter(|_| made) else { return };
        let into = &mut self.groups[group];
        if into.extent.is_none_or(|e| e == extent) && into.sinks.len() < SINKS {
            into.extent = Some(extent);
            into.sinks.push(id);
            self.of[id.index()] = Some(group);
        }
    }

    /// Whether `id` and the groups of `set` can be one: nothing that they need from outside waits for any of them.
    fn may_join(&self, bound: &Bound, set: &[usize], id: NodeId, visited: &mut [u32], stamp: u32) -> bool {
        let groups = || set.iter().map(|&s| &self.groups[s]);
        let size: usize = groups().map(|g| g.members.len()).sum();
        let sinks: usize = groups().map(|g| g.sinks.len()).sum();
        let mut extents: Vec<Extent> = groups().filter_map(|g| g.extent).collect();
        extents.dedup();
        if size >= MEMBERS || sinks > SINKS || extents.len() > 1 {
            return false;
        }
        let within = |r: NodeId| {
            class(bound.op(r)) == Class::Map && self.of[r.index()].is_some_and(|g| set.contains(&g))
        };
        let mut stack: Vec<NodeId> = Vec::new();
        let members = groups().flat_map(|g| &g.members).copied().chain([id]);
        for operand in members.flat_map(|m| bound.inputs(m)) {
            let r = root(bound, *operand);
            if !within(r) {
                stack.push(r);
            }
        }
        while let Some(at) = stack.pop() {
            if std::mem::replace(&mut visited[at.index()], stamp) == stamp {
                continue;
            }
            match self.of[at.index()] {
                Some(group) if set.contains(&group) => return false,
                // A group is done as a whole.
                Some(group) => {
                    for &m in self.groups[group].members.iter() {
                        visited[m.index()] = stamp;
                    }
                    stack.extend(self.groups[group].members.iter().flat_map(|&m| bound.inputs(m)));
                }
                None => stack.extend(bound.inputs(at)),
            }
        }
        true
    }

    /// Makes the groups of `set` and `id` one.
    fn join(&mut self, set: &[usize], id: NodeId) {
        let into = self.merge(set);
        self.groups[into].members.push(id);
        self.groups[into].members.sort_unstable();
        self.of[id.index()] = Some(into);
    }

    /// Makes the groups of `set` one: the first.
    fn merge(&mut self, set: &[usize]) -> usize {
        let into = set[0];
        for &other in &set[1..] {
            let other = std::mem::take(&mut self.groups[other]);
            let group = &mut self.groups[into];
            group.members.extend(&other.members);
            group.sinks.extend(&other.sinks);
            group.extent = group.extent.or(other.extent);
            for node in other.members.iter().chain(&other.sinks) {
                self.of[node.index()] = Some(into);
            }
        }
        self.groups[into].members.sort_unstable();
        into
    }
}
