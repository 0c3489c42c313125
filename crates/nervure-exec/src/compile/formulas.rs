//! Formulas among the nodes of a group: what one loop does in place of several.

use nervure_graph::{Binary, DType, NodeId, Op};

use super::fuse::{Class, class, root};
use super::lower::Lowering;
use crate::kernels::map::{FORMULAS, Formula, OPERANDS, Tree};

/// A formula whose value is that of a node.
pub(super) struct Match {
    pub formula: &'static Formula,
    /// The formula's operands.
    pub operands: Vec<NodeId>,
    /// Nodes whose values stay within the loop.
    pub inner: Vec<NodeId>,
}

/// The parts of a formula that were found so far.
#[derive(Clone, Default)]
struct Found {
    operands: [Option<NodeId>; OPERANDS],
    inner: Vec<NodeId>,
}

impl Lowering<'_> {
    /// A formula for a member of a group, of whose inner nodes nobody else wants the value.
    pub(super) fn formula(&self, id: NodeId) -> Option<Match> {
        if self.bound.dtype(id) != DType::F32 || self.bound.len(id) == 1 {
            return None;
        }
        FORMULAS.iter().find_map(|formula| {
            let mut found = Found::default();
            self.fits(formula, formula.tree, id, &mut found).then_some(())?;
            let operands = found.operands[..formula.operands].iter().copied().collect::<Option<Vec<_>>>()?;
            found.inner.retain(|&i| i != id);
            let alone = found.inner.iter().all(|i| self.uses[i.index()] == 1 && !self.stored[i.index()]);
            alone.then_some(Match { formula, operands, inner: found.inner })
        })
    }

    /// Whether `id` has the form of a tree; commutative operations in either order.
    fn fits(&self, formula: &Formula, tree: &Tree, id: NodeId, found: &mut Found) -> bool {
        let group = |i: NodeId| self.groups.of[i.index()];
        let same_group =
            |i: NodeId, found: &Found| found.inner.first().is_none_or(|&first| group(first) == group(i));
        let (op, inputs) = (self.bound.op(id), self.bound.inputs(id));
        match tree {
            Tree::Operand(number) => {
                let id = root(self.bound, id);
                // What the same tape makes, or makes anew, has as many elements as the formula.
                let made = match class(self.bound.op(id)) {
                    Class::Map => same_group(id, found),
                    Class::Generator => !self.stored[id.index()],
                    Class::View | Class::Anchor | Class::Alias => false,
                };
                let repeats = !made && self.access(id).is_repeat();
                let place = &mut found.operands[*number];
                repeats == (*number >= formula.walked) && *place.get_or_insert(id) == id
            }
            Tree::Unary(unary, a) => {
                let fits = *op == Op::Unary(*unary) && same_group(id, found);
                found.inner.push(id);
                fits && self.fits(formula, a, inputs[0], found)
            }
            Tree::Binary(binary, a, b) => {
                if *op != Op::Binary(*binary) || !same_group(id, found) {
                    return false;
                }
                found.inner.push(id);
                let before = found.clone();
                if self.fits(formula, a, inputs[0], found) && self.fits(formula, b, inputs[1], found) {
                    return true;
                }
                *found = before;
                matches!(binary, Binary::Add | Binary::Mul)
                    && self.fits(formula, a, inputs[1], found)
                    && self.fits(formula, b, inputs[0], found)
            }
        }
    }
}
