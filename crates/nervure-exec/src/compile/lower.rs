//! From nodes to kernels.
//!
//! First it is settled which nodes must be stored, then each stored node gets the kernel that writes it. The order in which kernels are made
//! here means nothing: what they read and write says in which order they may run.

use std::collections::BTreeMap;
use std::ops::Range;

use nervure_graph::{DType, Graph, NodeId, Op, Values};

use super::bind::Bound;
use super::fuse::{self, Class, Groups, class, root};
use super::tails;
use super::view::{Access, merge, row_major};
use crate::kernels::movement::Copy;
use crate::kernels::{At, BufferId};
use crate::plan::Kernel;
use crate::simd::Level;
use crate::{Error, Store};

/// Where a buffer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the arena of a run; where, is settled last.
    Arena,
    /// An input of the run.
    Input(usize),
    /// A slot of the store.
    Slot(usize),
    /// Among the plan's constants, at this byte.
    Constant(usize),
    /// An output that the caller of the plan gives room for.
    Output(usize),
    /// At this byte of the room that a scan has for what its body keeps from step to step.
    Kept(usize),
    /// Where another buffer lies, which it replaces.
    Same(BufferId),
}

/// Memory that kernels read or write.
#[derive(Debug, Clone)]
pub(crate) struct BufferInfo {
    pub bytes: usize,
    pub place: Place,
}

/// A kernel, and what it does to buffers.
pub(super) struct Step {
    pub kernel: Kernel,
    /// The node for which it is: its scope names it, its number orders it.
    pub node: NodeId,
    pub reads: Vec<BufferId>,
    pub writes: Vec<BufferId>,
    /// Memory that it needs while it runs.
    pub room: Vec<BufferId>,
    /// What may lie in the same memory: read, and written in its place.
    pub in_place: Vec<(BufferId, BufferId)>,
    /// Floating-point operations of its products.
    pub flops: u64,
}

/// Bytes of constants, each on a boundary of 64.
#[derive(Default)]
pub(super) struct Constants {
    pub bytes: Vec<u8>,
}

impl Constants {
    fn push(&mut self, elements: impl Iterator<Item = u8>) -> usize {
        let at = self.bytes.len().next_multiple_of(64);
        self.bytes.resize(at, 0);
        self.bytes.extend(elements);
        at
    }
}

/// What a lowered graph is.
pub(super) struct Lowered {
    pub steps: Vec<Step>,
    pub buffers: Vec<BufferInfo>,
    pub constants: Vec<u8>,
    /// Buffers whose content outlives a run.
    pub kept: Vec<BufferId>,
    /// Bytes of the room for what the body of a scan keeps.
    pub kept_bytes: usize,
    /// Buffer of each output.
    pub outputs: Vec<BufferId>,
    /// Next values of parameters: slot, buffer.
    pub updates: Vec<(BufferId, BufferId)>,
    /// Slots that are read or updated: name, slot, node.
    pub slots: Vec<(usize, NodeId)>,
}

/// Where the results of a plan go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Results {
    /// Into the arena.
    Arena,
    /// Where the caller says: the body of a scan.
    Caller {
        /// Inputs before this number are carries: a stacked output that is one is stacked by the caller.
        carries: usize,
        /// Inputs from this number on, but for the last, are the same in every step.
        steady: usize,
    },
}

pub(super) struct Lowering<'b> {
    pub(super) bound: &'b Bound<'b>,
    pub(super) level: Level,
    pub(super) store: &'b Store,
    /// Where the results go.
    pub(super) goal: Results,
    /// Inputs that all steps of a scan share.
    pub(super) steady: Range<usize>,
    pub(super) groups: Groups,
    /// Whether what is made of parameters alone may outlive a run, which changes none.
    pub(super) keeps: bool,
    /// How often each node is an operand.
    pub(super) uses: Vec<u32>,
    /// Whether the elements of a node lie somewhere, one after the other.
    pub(super) stored: Vec<bool>,
    /// Where in a concatenation or transposition the elements of a node lie, of which it is the only reader.
    pub(super) within: Vec<Option<Access>>,
    pub(super) buffer_of: Vec<Option<BufferId>>,
    /// Buffers of the results of each scan.
    pub(super) results: BTreeMap<NodeId, Vec<BufferId>>,
    /// Indices that are checked against a size, and what is written when they were.
    pub(super) checks: Vec<(At, usize, BufferId)>,
    pub(super) out: Lowered,
    constants: Constants,
}

/// Lowers a graph.
pub(super) fn lower(bound: &Bound, store: &Store, level: Level, results: Results) -> Result<Lowered, Error> {
    let count = bound.graph.nodes().len();
    let mut l = Lowering {
        bound,
        level,
        store,
        goal: results,
        steady: match results {
            Results::Arena => 0..0,
            Results::Caller { steady, .. } => steady..bound.graph.inputs().len() - 1,
        },
        groups: fuse::groups(bound),
        keeps: results == Results::Arena && bound.graph.updates().is_empty(),
        uses: vec![0; count],
        stored: vec![false; count],
        within: vec![None; count],
        buffer_of: vec![None; count],
        out: Lowered {
            steps: Vec::new(),
            buffers: Vec::new(),
            constants: Vec::new(),
            kept: Vec::new(),
            kept_bytes: 0,
            outputs: Vec::new(),
            updates: Vec::new(),
            slots: Vec::new(),
        },
        results: BTreeMap::new(),
        checks: Vec::new(),
        constants: Constants::default(),
    };
    for id in bound.ids() {
        if class(bound.op(id)) == Class::Anchor {
            l.stored[id.index()] = true;
        }
    }
    l.place_in_transpositions();
    for id in bound.ids() {
        bound.inputs(id).iter().for_each(|i| l.uses[i.index()] += 1);
        l.require_operands(id);
    }
    for (_, id) in bound.graph.outputs() {
        l.require_linear(*id);
    }
    for u in bound.graph.updates() {
        l.store_node(u.value);
    }
    l.place_in_concatenations();
    l.sources()?;
    l.scan_results()?;
    for group in 0..l.groups.groups.len() {
        l.emit_group(group)?;
    }
    for id in bound.ids() {
        match class(bound.op(id)) {
            Class::Alias | Class::Map => {}
            Class::View if l.stored[id.index()] && !l.is_written(id) => l.emit_copy(id),
            Class::Generator if l.stored[id.index()] => l.emit_generator(id),
            Class::View | Class::Generator => {}
            Class::Anchor => l.emit_anchor(id)?,
        }
    }
    l.emit_outputs();
    l.emit_updates();
    l.out.steps = tails::join(std::mem::take(&mut l.out.steps), &l.out.buffers);
    l.out.constants = l.constants.bytes;
    Ok(l.out)
}

impl Lowering<'_> {
    /// Sees to it that `access(id)` is possible.
    pub(super) fn require(&mut self, id: NodeId) {
        if self.stored[id.index()] {
            return;
        }
        match class(self.bound.op(id)) {
            Class::Alias => {
                let x = self.bound.inputs(id)[0];
                self.require(x);
                if self.access(x).reshape(self.bound.shape(id)).is_none() {
                    self.store_node(x);
                }
            }
            Class::View => self.require(self.bound.inputs(id)[0]),
            Class::Map | Class::Generator => self.stored[id.index()] = true,
            Class::Anchor => {}
        }
    }

    /// Sees to it that the elements of `id`, in any shape, can be read.
    pub(super) fn require_linear(&mut self, id: NodeId) {
        self.require(root(self.bound, id));
    }

    /// Sees to it that the elements of `id` lie one after the other.
    pub(super) fn require_contiguous(&mut self, id: NodeId) {
        self.require(id);
        if !self.access(id).is_contiguous() {
            self.store_node(id);
        }
    }

    /// Sees to it that the elements of `id` have a buffer of their own.
    pub(super) fn store_node(&mut self, id: NodeId) {
        let id = root(self.bound, id);
        if class(self.bound.op(id)) == Class::View && !self.stored[id.index()] {
            self.require(self.bound.inputs(id)[0]);
        }
        self.stored[id.index()] = true;
    }

    /// Where the elements of `id` lie, in its shape; [`Lowering::require`] made it possible.
    pub(super) fn access(&self, id: NodeId) -> Access {
        if self.stored[id.index()] {
            return Access::whole(id, self.bound.shape(id));
        }
        self.access_through(id)
    }

    /// Where the elements of `id` lie, in any shape.
    pub(super) fn linear(&self, id: NodeId) -> Access {
        self.access(root(self.bound, id))
    }

    /// The same, not using that `id` itself is stored.
    fn access_through(&self, id: NodeId) -> Access {
        let numbers = |dims: &[nervure_graph::Dim]| -> Vec<usize> {
            dims.iter()
                .map(|d| {
                    d.resolve(self.bound.bindings).expect("dimensions were resolved when the graph was bound")
                })
                .collect()
        };
        let x = || self.access(self.bound.inputs(id)[0]);
        let (op, shape) = (self.bound.op(id), self.bound.shape(id));
        if let Op::Broadcast { .. } = op {
            x().broadcast(shape)
        } else if let Op::Transpose { permutation } = op {
            x().transpose(permutation)
        } else if let Op::Slice { starts, sizes, steps } = op {
            x().slice(&numbers(starts), &numbers(sizes), steps)
        } else if let Op::Reverse { axes } = op {
            x().reverse(axes)
        } else {
            debug_assert_eq!(class(op), Class::Alias, "{} was to be stored", op.name());
            x().reshape(shape).expect("what strides cannot reshape was stored")
        }
    }

    /// The buffer of a stored node.
    pub(super) fn buffer(&mut self, id: NodeId) -> BufferId {
        debug_assert!(self.stored[id.index()]);
        if let Some(b) = self.buffer_of[id.index()] {
            return b;
        }
        let bytes = self.bound.len(id) * self.bound.dtype(id).size();
        let b = self.new_buffer(bytes, Place::Arena);
        self.buffer_of[id.index()] = Some(b);
        b
    }

    pub(super) fn new_buffer(&mut self, bytes: usize, place: Place) -> BufferId {
        self.out.buffers.push(BufferInfo { bytes, place });
        (self.out.buffers.len() - 1) as BufferId
    }

    /// A buffer for what is kept from run to run, or from step to step of the scan whose body this is.
    pub(super) fn kept_buffer(&mut self, bytes: usize) -> BufferId {
        if self.goal == Results::Arena {
            let buffer = self.new_buffer(bytes, Place::Arena);
            self.out.kept.push(buffer);
            return buffer;
        }
        let at = self.out.kept_bytes;
        self.out.kept_bytes += bytes.next_multiple_of(64);
        self.new_buffer(bytes, Place::Kept(at))
    }

    /// A constant of these bytes.
    pub(super) fn constant(&mut self, bytes: impl Iterator<Item = u8>) -> BufferId {
        let before = self.constants.bytes.len();
        let at = self.constants.push(bytes);
        let len = self.constants.bytes.len().saturating_sub(at.max(before));
        self.new_buffer(len, Place::Constant(at))
    }

    pub(super) fn step(
        &mut self,
        node: NodeId,
        kernel: Kernel,
        reads: impl Into<Vec<BufferId>>,
        writes: impl Into<Vec<BufferId>>,
    ) -> &mut Step {
        self.out.steps.push(Step {
            kernel,
            node,
            reads: reads.into(),
            writes: writes.into(),
            room: Vec::new(),
            in_place: Vec::new(),
            flops: 0,
        });
        let last = self.out.steps.len() - 1;
        &mut self.out.steps[last]
    }

    /// Gives what lies somewhere before the run its buffer.
    fn sources(&mut self) -> Result<(), Error> {
        let inputs = self.bound.graph.inputs();
        for (i, &id) in inputs.iter().enumerate() {
            if self.bound.live[id.index()] {
                let bytes = self.bound.len(id) * self.bound.dtype(id).size();
                self.buffer_of[id.index()] = Some(self.new_buffer(bytes, Place::Input(i)));
            }
        }
        for id in self.bound.ids() {
            let op = self.bound.op(id);
            if let Op::Parameter { name, .. } = op {
                let slot = self.slot(name, id)?;
                let bytes = self.bound.len(id) * self.bound.dtype(id).size();
                self.buffer_of[id.index()] = Some(self.new_buffer(bytes, Place::Slot(slot)));
                self.out.slots.push((slot, id));
            } else if let Op::Constant(literal) = op {
                let dtype = literal.dtype;
                let buffer = match &literal.values {
                    Values::Float(v) => self.constant(v.iter().flat_map(|&x| (x as f32).to_ne_bytes())),
                    Values::Whole(v) => self.constant(v.iter().flat_map(|&x| whole(dtype, x))),
                };
                self.buffer_of[id.index()] = Some(buffer);
            } else if let Op::Size(dim) = op {
                let n = dim.resolve(self.bound.bindings)? as i64;
                self.buffer_of[id.index()] = Some(self.constant(n.to_ne_bytes().into_iter()));
            }
        }
        Ok(())
    }

    /// The slot of a parameter.
    fn slot(&self, name: &str, id: NodeId) -> Result<usize, Error> {
        let (dtype, shape) = (self.bound.dtype(id), self.bound.shape(id));
        let error = |received: String| Error::Parameter {
            name: name.into(),
            expected: format!("{dtype}{shape:?}"),
            received,
        };
        let slot = self.store.slot(name).ok_or_else(|| error("none of that name".into()))?;
        match self.store.slot_type(slot) {
            Some((d, s)) if d == dtype && s == shape => Ok(slot),
            Some((d, s)) => Err(error(format!("{d}{s:?}"))),
            None => Err(error("none of that name".into())),
        }
    }

    /// Whether the operand of a view is written where the view has it.
    fn is_written(&self, id: NodeId) -> bool {
        self.within[self.bound.inputs(id)[0].index()].as_ref().is_some_and(|place| place.base == id)
    }

    /// Stores what movement makes of a stored node.
    fn emit_copy(&mut self, id: NodeId) {
        let access = self.access_through(id);
        let to = self.buffer(id);
        self.copy(id, &access, to);
    }

    /// Copies what an access reaches to a buffer, one after the other.
    pub(super) fn copy(&mut self, id: NodeId, access: &Access, to: BufferId) {
        let from = self.buffer(access.base);
        let copy = self.copy_kernel(access, from, to, 0, &row_major(&access.shape));
        self.step(id, Kernel::Copy(copy), [from], [to]);
    }

    /// A copy of what an access reaches to places of a buffer.
    pub(super) fn copy_kernel(
        &self,
        access: &Access,
        from: BufferId,
        to: BufferId,
        to_offset: isize,
        to_strides: &[isize],
    ) -> Copy {
        let axes = access.shape.iter().zip(&access.strides).zip(to_strides).map(|((&n, &s), &t)| (n, [s, t]));
        let mut axes: Vec<_> = merge(axes).into_iter().map(|(n, [s, t])| (n, s, t)).collect();
        if axes.is_empty() {
            axes.push((1, 1, 1));
        }
        let width = self.bound.dtype(access.base).size();
        Copy { width, from, from_offset: access.offset, to, to_offset, axes }
    }

    /// Puts every output into memory that the run owns.
    fn emit_outputs(&mut self) {
        let results = self.goal;
        let mut given = BTreeMap::new();
        for (i, (_, id)) in self.bound.graph.outputs().iter().enumerate() {
            let base = root(self.bound, *id);
            let made = self.stored[base.index()]
                && !matches!(
                    self.bound.op(base),
                    Op::Input { .. } | Op::Parameter { .. } | Op::Constant(_) | Op::Size(_) | Op::Scan(_)
                );
            let place = match results {
                Results::Arena => Place::Arena,
                Results::Caller { .. } => Place::Output(i),
            };
            if made {
                let buffer = self.buffer(base);
                let free = self.out.buffers[buffer as usize].place == Place::Arena;
                if results == Results::Arena || (free && !given.contains_key(&base)) {
                    self.out.buffers[buffer as usize].place = place;
                    given.insert(base, buffer);
                    self.out.outputs.push(buffer);
                    continue;
                }
            }
            let access = self.access(base);
            let bytes = access.len() * self.bound.dtype(base).size();
            let buffer = self.new_buffer(bytes, place);
            if let Results::Caller { carries, .. } = results
                && stacked_carry(self.bound.graph, carries, i).is_some()
            {
                self.out.outputs.push(buffer);
                continue;
            }
            self.copy(*id, &access, buffer);
            self.out.outputs.push(buffer);
        }
    }

    fn emit_updates(&mut self) {
        for u in self.bound.graph.updates() {
            let base = root(self.bound, u.value);
            if base == u.parameter {
                continue;
            }
            let slot = self.buffer(u.parameter);
            let mut value = self.buffer(base);
            if matches!(self.bound.op(base), Op::Parameter { .. }) {
                // Taken before any update, of which that parameter's own may be one.
                let bytes = self.out.buffers[value as usize].bytes;
                let copied = self.new_buffer(bytes, Place::Arena);
                self.copy(u.value, &Access::whole(base, self.bound.shape(base)), copied);
                value = copied;
            }
            self.out.updates.push((slot, value));
        }
    }
}

/// The carry that a stacked output of a scan's body is: what each step begins with. Where several outputs are one carry, the first of them.
pub(super) fn stacked_carry(body: &Graph, carries: usize, output: usize) -> Option<usize> {
    let id = |j: usize| body.outputs()[j].1;
    let carry = body.inputs()[..carries].iter().position(|&input| input == id(output))?;
    (output >= carries && (carries..output).all(|j| id(j) != id(output))).then_some(carry)
}

/// Bytes of a whole number as an element.
fn whole(dtype: DType, x: i64) -> Vec<u8> {
    match dtype {
        DType::F32 => (x as f32).to_ne_bytes().into(),
        DType::I32 => (x as i32).to_ne_bytes().into(),
        DType::I64 => x.to_ne_bytes().into(),
        DType::U8 => vec![x as u8],
        DType::Bool => vec![u8::from(x != 0)],
    }
}
