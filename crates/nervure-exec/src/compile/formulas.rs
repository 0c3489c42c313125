//! Formulas among the nodes of a graph: what one loop does in place of several.

use nervure_graph::{Binary, DType, NodeId, Op};

use super::bind::Bound;
use super::fuse::{Class, class, root};
use super::lower::Lowering;
use crate::kernels::map::{ANEW, FORMULAS, Formula, OPERANDS, Tree};

/// A formula whose value is that of a node.
#[derive(Clone)]
pub(super) struct Match {
    pub formula: &'static Formula,
    /// The formula's operands.
    pub operands: Vec<NodeId>,
    /// Nodes whose values stay within the loop.
    pub inner: Vec<NodeId>,
}

impl Match {
    /// A formula of the list whose value is that of a node.
    fn find(list: &'static [Formula], bound: &Bound, id: NodeId, rules: &impl Rules) -> Option<Match> {
        if bound.dtype(id) != DType::F32 || bound.len(id) == 1 {
            return None;
        }
        list.iter().find_map(|formula| {
            let mut found = Found::default();
            fits(bound, rules, formula, formula.tree, id, &mut found).then_some(())?;
            let operands = found.operands[..formula.operands].iter().copied().collect::<Option<Vec<_>>>()?;
            found.inner.retain(|&i| i != id);
            rules.may_stay(&found.inner).then_some(Match { formula, operands, inner: found.inner })
        })
    }

    /// A formula that makes anew what lies between a node and its operands.
    pub(super) fn anew(bound: &Bound, id: NodeId) -> Option<Match> {
        let is_root = class(bound.op(id)) == Class::Map;
        is_root.then(|| Match::find(ANEW, bound, id, &Anew { bound, len: bound.len(id) }))?
    }
}

/// The parts of a formula that were found so far.
#[derive(Clone, Default)]
struct Found {
    operands: [Option<NodeId>; OPERANDS],
    inner: Vec<NodeId>,
}

/// What may be a part of a formula.
trait Rules {
    /// Whether the loop can compute a node on the way.
    fn may_be_inner(&self, id: NodeId, found: &Found) -> bool;
    /// Whether a node can be an operand: one that repeats one element, or one that is walked.
    fn may_be_operand(&self, id: NodeId, repeats: bool, found: &Found) -> bool;
    /// Whether the values of these nodes need not be there beside the formula's.
    fn may_stay(&self, inner: &[NodeId]) -> bool;
}

/// Whether `id` has the form of a tree; commutative operations in either order.
fn fits(
    bound: &Bound,
    rules: &impl Rules,
    formula: &Formula,
    tree: &Tree,
    id: NodeId,
    found: &mut Found,
) -> bool {
    let inputs = bound.inputs(id);
    if bound.whole(id).is_some() && !matches!(tree, Tree::Operand(_)) {
        return false;
    }
    match tree {
        Tree::Operand(number) => {
            let id = root(bound, id);
            let may_be = rules.may_be_operand(id, *number >= formula.walked, found);
            may_be && *found.operands[*number].get_or_insert(id) == id
        }
        Tree::Unary(unary, a) => {
            let fits = *bound.op(id) == Op::Unary(*unary) && rules.may_be_inner(id, found);
            found.inner.push(id);
            fits && self::fits(bound, rules, formula, a, inputs[0], found)
        }
        Tree::Binary(binary, a, b) => {
            if *bound.op(id) != Op::Binary(*binary) || !rules.may_be_inner(id, found) {
                return false;
            }
            found.inner.push(id);
            let before = found.clone();
            let mut both = |x: NodeId, y: NodeId| {
                fits(bound, rules, formula, a, x, found) && fits(bound, rules, formula, b, y, found)
            };
            if both(inputs[0], inputs[1]) {
                return true;
            }
            *found = before;
            matches!(binary, Binary::Add | Binary::Mul)
                && fits(bound, rules, formula, a, inputs[1], found)
                && fits(bound, rules, formula, b, inputs[0], found)
        }
    }
}

/// Of nodes that are still apart: every value between is made by the loop.
struct Anew<'b> {
    bound: &'b Bound<'b>,
    /// Elements of the formula's value.
    len: usize,
}

impl Rules for Anew<'_> {
    fn may_be_inner(&self, id: NodeId, _: &Found) -> bool {
        self.bound.len(id) == self.len
    }

    fn may_be_operand(&self, id: NodeId, repeats: bool, _: &Found) -> bool {
        let mut source = id;
        while matches!(class(self.bound.op(source)), Class::Alias | Class::View) {
            source = self.bound.inputs(source)[0];
        }
        self.bound.len(id) == self.len && repeats == (self.bound.len(source) == 1)
    }

    fn may_stay(&self, _: &[NodeId]) -> bool {
        true
    }
}

/// Of members of one group.
impl Rules for Lowering<'_> {
    fn may_be_inner(&self, id: NodeId, found: &Found) -> bool {
        let group = |i: NodeId| self.groups.of[i.index()];
        found.inner.first().is_none_or(|&first| group(first) == group(id))
    }

    fn may_be_operand(&self, id: NodeId, repeats: bool, found: &Found) -> bool {
        // What the same tape makes, or makes anew, has as many elements as the formula.
        let made = match class(self.bound.op(id)) {
            Class::Map => self.may_be_inner(id, found),
            Class::Generator => !self.stored[id.index()],
            Class::View | Class::Anchor | Class::Alias => false,
        };
        repeats == (!made && self.access(id).is_repeat())
    }

    fn may_stay(&self, inner: &[NodeId]) -> bool {
        inner.iter().all(|i| self.uses[i.index()] == 1 && !self.stored[i.index()])
    }
}

impl Lowering<'_> {
    /// A formula for a member of a group, of whose inner nodes nobody else wants the value.
    pub(super) fn formula(&self, id: NodeId) -> Option<Match> {
        self.bound.whole(id).cloned().or_else(|| Match::find(FORMULAS, self.bound, id, self))
    }
}
