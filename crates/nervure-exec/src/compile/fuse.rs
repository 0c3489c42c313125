//! Which elementwise operations go together: groups of nodes of one number of elements, each of which becomes one tape.

use nervure_graph::{DType, NodeId, Op, Reduction};

use super::bind::Bound;
use crate::kernels::reduce::SINKS;

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
    /// Reductions of the tape's rows.
    pub sinks: Vec<NodeId>,
    /// Elements of a row, if there are reductions.
    pub row: Option<usize>,
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

/// If a reduction takes the last axes (but for axes of size 1): elements of each row.
pub(super) fn row_of(bound: &Bound, id: NodeId) -> Option<usize> {
    let Op::Reduce { axes, .. } = bound.op(id) else { return None };
    let shape = bound.shape(bound.inputs(id)[0]);
    let first = axes.iter().copied().find(|&a| shape[a] != 1).unwrap_or(axes[0]);
    let trailing = (first..shape.len()).all(|a| axes.contains(&a) || shape[a] == 1);
    trailing.then(|| axes.iter().map(|&a| shape[a]).product())
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
        } else if let (true, Some(row)) = (has_fold(bound, id), row_of(bound, id)) {
            let source = root(bound, bound.inputs(id)[0]);
            let Some(group) = g.of[source.index()].filter(|_| class(bound.op(source)) == Class::Map) else {
                continue;
            };
            let into = &mut g.groups[group];
            if into.row.is_none_or(|r| r == row) && into.sinks.len() < SINKS {
                into.row = Some(row);
                into.sinks.push(id);
                g.of[id.index()] = Some(group);
            }
        }
    }
    g
}

impl Groups {
    /// Whether `id` and the groups of `set` can be one: nothing that they need from outside waits for any of them.
    fn may_join(&self, bound: &Bound, set: &[usize], id: NodeId, visited: &mut [u32], stamp: u32) -> bool {
        let groups = || set.iter().map(|&s| &self.groups[s]);
        let size: usize = groups().map(|g| g.members.len()).sum();
        let sinks: usize = groups().map(|g| g.sinks.len()).sum();
        let mut rows: Vec<usize> = groups().filter_map(|g| g.row).collect();
        rows.dedup();
        if size >= MEMBERS || sinks > SINKS || rows.len() > 1 {
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
            group.row = group.row.or(other.row);
            for node in other.members.iter().chain(&other.sinks) {
                self.of[node.index()] = Some(into);
            }
        }
        self.groups[into].members.sort_unstable();
        into
    }
}
