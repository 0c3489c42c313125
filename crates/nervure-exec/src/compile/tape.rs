//! Groups of elementwise operations written as tapes.

use nervure_graph::{Binary, DType, NodeId, Op, Unary};

use super::formulas::Match;
use super::fuse::{Class, class, root};
use super::lower::{Lowering, Place};
use super::view::Access;
use crate::Error;
use crate::kernels::BufferId;
use crate::kernels::columns::FusedColumns;
use crate::kernels::map::{self, Map, OPERANDS, Tree};
use crate::kernels::random::Draw;
use crate::kernels::reduce::{BLOCK, Extent, Fused, LANES, Sink};
use crate::kernels::tape::{Operand, Pattern, REGISTER, Step, TILE, Tape};
use crate::plan::Kernel;
use crate::simd::Level;

/// A tape that is being written. Registers are numbered without end (their number stands in [`Operand::offset`], their width in
/// [`Operand::size`]) until the tape is finished.
struct Writer {
    level: Level,
    len: usize,
    steps: Vec<Step>,
    widths: Vec<usize>,
    loads: Vec<((BufferId, Pattern), Operand)>,
    made: Vec<(NodeId, Operand)>,
    cost: usize,
}

impl Writer {
    fn new(level: Level, len: usize) -> Writer {
        Writer {
            level,
            len,
            steps: Vec::new(),
            widths: Vec::new(),
            loads: Vec::new(),
            made: Vec::new(),
            cost: 0,
        }
    }

    fn register(&mut self, dtype: DType) -> Operand {
        self.widths.push(dtype.size());
        Operand { buffer: REGISTER, offset: self.widths.len() - 1, size: dtype.size() as u32 }
    }

    fn map(&mut self, f: Map, to: Operand, from: [Operand; 3], cost: usize) {
        self.cost += cost;
        self.steps.push(Step::Map { f, to, from });
    }

    /// `operand` with its one element repeated.
    fn filled(&mut self, operand: Operand, dtype: DType) -> Operand {
        if operand.size != 0 || self.len == 1 {
            return operand;
        }
        let to = self.register(dtype);
        self.map(map::fill(dtype), to, [operand, Operand::NONE, Operand::NONE], 1);
        to
    }

    /// Puts first those steps whose results repeat every so many elements, at most `most`: their number, and after how many all of them repeat.
    fn put_steady_first(&mut self, most: usize) -> (usize, usize) {
        let mut period = LANES;
        let mut repeats = vec![false; self.widths.len()];
        let (steady, others): (Vec<Step>, Vec<Step>) = self.steps.drain(..).partition(|step| {
            let own = match step {
                Step::Load { pattern, .. } => pattern.period(),
                Step::Iota { inner, size, .. } => Some(inner * size),
                Step::Map { .. } | Step::Formula { .. } => step_reads(step)
                    .iter()
                    .all(|o| o.size == 0 || (o.buffer == REGISTER && repeats[o.offset]))
                    .then_some(1),
                Step::Store { .. } | Step::Random { .. } => None,
            };
            let to = step_writes(step);
            let own = own.filter(|&own| own > 0 && to.buffer == REGISTER);
            let all = own.map(|own| common_multiple(period, own));
            let Some(all) = all.filter(|&all| all <= most) else { return false };
            repeats[to.offset] = true;
            period = all;
            true
        });
        let count = steady.len();
        self.steps = steady;
        self.steps.extend(others);
        (count, period)
    }

    /// Gives registers their places; those of `kept` are read after the last step.
    fn finish(mut self, kept: &mut [Operand]) -> Tape {
        let most = if self.widths.len() <= 24 { TILE } else { TILE / 2 };
        let (steady, period) = self.put_steady_first(most);
        let mut last = vec![0; self.widths.len()];
        for (i, step) in self.steps.iter().enumerate() {
            for o in step_reads(step).into_iter().chain([step_writes(step)]) {
                if o.buffer == REGISTER && o.size != 0 {
                    last[o.offset] = i;
                }
            }
        }
        // What a steady step gives is there for all tiles.
        for step in &self.steps[..steady] {
            let to = step_writes(step).offset;
            last[to] = if last[to] < steady { last[to] } else { usize::MAX };
        }
        for o in kept.iter().filter(|o| o.buffer == REGISTER) {
            last[o.offset] = usize::MAX;
        }
        let tile = most / period * period;
        let mut places: Vec<usize> = vec![usize::MAX; self.widths.len()];
        let mut free: Vec<(usize, usize)> = Vec::new();
        let mut scratch = 0;
        for (i, step) in self.steps.iter_mut().enumerate() {
            let width_to = step_writes(step).size as usize;
            let mut later = Vec::new();
            for o in step_reads(step) {
                if o.buffer == REGISTER && o.size != 0 && last[o.offset] == i {
                    let entry = (self.widths[o.offset], places[o.offset]);
                    last[o.offset] = usize::MAX;
                    // A step may write where it reads elements of the same width.
                    if entry.0 == width_to { free.push(entry) } else { later.push(entry) }
                }
            }
            let to = step_writes(step);
            if to.buffer == REGISTER && to.size != 0 && places[to.offset] == usize::MAX {
                let width = self.widths[to.offset];
                places[to.offset] = match free.iter().position(|f| f.0 == width) {
                    Some(at) => free.swap_remove(at).1,
                    None => {
                        scratch += tile * width;
                        scratch - tile * width
                    }
                };
                if last[to.offset] == i {
                    free.push((width, places[to.offset]));
                }
            }
            free.extend(later);
            each_operand(step, |o| {
                if o.buffer == REGISTER && o.size != 0 {
                    *o = Operand { offset: places[o.offset], size: 0, ..*o };
                }
            });
        }
        for o in kept.iter_mut().filter(|o| o.buffer == REGISTER) {
            *o = Operand { offset: places[o.offset], size: 0, ..*o };
        }
        Tape { steps: self.steps, steady, period, tile, scratch, cost: self.cost }
    }
}

/// The least number that both divide; of numbers above 0.
fn common_multiple(a: usize, b: usize) -> usize {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
}

fn step_writes(step: &Step) -> Operand {
    match step {
        Step::Map { to, .. }
        | Step::Formula { to, .. }
        | Step::Load { to, .. }
        | Step::Iota { to, .. }
        | Step::Random { to, .. } => *to,
        Step::Store { .. } => Operand::NONE,
    }
}

fn step_reads(step: &Step) -> Vec<Operand> {
    match step {
        Step::Map { from, .. } => from.to_vec(),
        Step::Formula { from, .. } => from.to_vec(),
        Step::Store { from, .. } => vec![*from],
        Step::Load { .. } | Step::Iota { .. } | Step::Random { .. } => Vec::new(),
    }
}

fn each_operand(step: &mut Step, mut f: impl FnMut(&mut Operand)) {
    match step {
        Step::Map { to, from, .. } => {
            f(to);
            from.iter_mut().for_each(f);
        }
        Step::Formula { to, from, .. } => {
            f(to);
            from.iter_mut().for_each(f);
        }
        Step::Load { to, .. } | Step::Iota { to, .. } | Step::Random { to, .. } => f(to),
        Step::Store { from, .. } => f(from),
    }
}

impl Lowering<'_> {
    /// Writes the tape of a group.
    pub(super) fn emit_group(&mut self, group: usize) -> Result<(), Error> {
        let group = self.groups.groups[group].clone();
        let Some(&first) = group.members.first() else { return Ok(()) };
        let mut w = Writer::new(self.level, self.bound.len(first));
        let mut writes = Vec::new();
        let mut formulas: Vec<(NodeId, Match)> = Vec::new();
        for &id in group.members.iter().rev() {
            if !formulas.iter().any(|(_, m)| m.inner.contains(&id)) {
                formulas.extend(self.formula(id).map(|m| (id, m)));
            }
        }
        for &id in &group.members {
            if formulas.iter().any(|(_, m)| m.inner.contains(&id)) {
                continue;
            }
            let to = if self.stored[id.index()] {
                let buffer = self.buffer(id);
                writes.push(buffer);
                Operand { buffer, offset: 0, size: self.bound.dtype(id).size() as u32 }
            } else {
                w.register(self.bound.dtype(id))
            };
            match formulas.iter().find(|(at, _)| *at == id) {
                Some((_, found)) => self.write_formula(&mut w, found, to),
                None => self.write_member(&mut w, id, to),
            }
            w.made.push((id, to));
            if let Some(place) = self.within[id.index()].clone() {
                let (to_buffer, width) = (self.buffer(place.base), self.bound.dtype(id).size());
                if !writes.contains(&to_buffer) {
                    writes.push(to_buffer);
                }
                w.cost += 1;
                w.steps.push(Step::Store { from: to, to: to_buffer, pattern: place.pattern(), width });
            }
        }
        let sinks = group.sinks.iter().map(|&s| (s, self.operand(&mut w, self.bound.inputs(s)[0]))).collect();
        let node = group.sinks.last().copied().max(group.members.last().copied()).unwrap_or(first);
        self.emit_fused(node, w, group.extent, sinks, writes);
        Ok(())
    }

    /// A kernel for a reduction whose operand no tape makes.
    pub(super) fn emit_reduction(&mut self, id: NodeId, access: &Access, row: usize) {
        let mut w = Writer::new(self.level, access.len());
        let from = self.read(&mut w, access);
        let from = w.filled(from, DType::F32);
        let extent = Extent { outer: self.bound.len(id), k: row, inner: 1 };
        self.emit_fused(id, w, Some(extent), vec![(id, from)], Vec::new());
    }

    /// A kernel for a generator whose elements are stored.
    pub(super) fn emit_generator(&mut self, id: NodeId) {
        let mut w = Writer::new(self.level, self.bound.len(id));
        let buffer = self.buffer(id);
        let to = Operand { buffer, offset: 0, size: self.bound.dtype(id).size() as u32 };
        self.write_generator(&mut w, id, to);
        self.emit_fused(id, w, None, Vec::new(), vec![buffer]);
    }

    fn emit_fused(
        &mut self,
        node: NodeId,
        w: Writer,
        extent: Option<Extent>,
        sinks: Vec<(NodeId, Operand)>,
        mut writes: Vec<BufferId>,
    ) {
        let len = w.len;
        let width = |b: BufferId, out: &Self| out.out.buffers[b as usize].bytes;
        let mut kept: Vec<Operand> = sinks.iter().map(|s| s.1).collect();
        let mut reads = Vec::new();
        // Where each buffer is last read by an operand that walks with the tape; never, if it is read in any other way.
        let mut walked: Vec<(BufferId, Option<usize>, u32)> = Vec::new();
        let mut note = |b: BufferId, at: Option<usize>, size: u32| match walked.iter_mut().find(|w| w.0 == b)
        {
            Some(w) => {
                w.1 = at.and_then(|at| w.1.map(|before| before.max(at)));
                w.1 = w.1.filter(|_| w.2 == size);
            }
            None => walked.push((b, at, size)),
        };
        for (i, step) in w.steps.iter().enumerate() {
            match step {
                Step::Map { .. } | Step::Formula { .. } => {
                    for o in step_reads(step).iter().filter(|o| o.buffer != REGISTER) {
                        note(
                            o.buffer,
                            Some(i).filter(|_| o.offset == 0 && (o.size != 0 || len == 1)),
                            o.size,
                        );
                    }
                }
                Step::Load { from, .. } => note(*from, None, 0),
                // Stored are registers.
                Step::Store { .. } | Step::Iota { .. } => {}
                Step::Random { draw, .. } => {
                    for o in [Some(draw.seed), Some(draw.step), draw.time].into_iter().flatten() {
                        note(o.buffer, None, 0);
                    }
                }
            }
        }
        for o in kept.iter().filter(|o| o.buffer != REGISTER) {
            note(o.buffer, None, 0);
        }
        for (b, ..) in &walked {
            if !writes.contains(b) {
                reads.push(*b);
            }
        }
        let mut in_place = Vec::new();
        for (i, step) in w.steps.iter().enumerate() {
            let to = step_writes(step);
            if to.buffer == REGISTER {
                continue;
            }
            for &(b, at, size) in &walked {
                let fits = size == to.size || len == 1;
                if reads.contains(&b)
                    && at.is_some_and(|at| at <= i)
                    && fits
                    && width(b, self) == width(to.buffer, self)
                {
                    in_place.push((b, to.buffer));
                }
            }
        }
        let tape = w.finish(&mut kept);
        let extent = extent.unwrap_or(Extent { outer: 1, k: len, inner: 1 });
        let Extent { outer, k, inner } = extent;
        let blocks = k.div_ceil(BLOCK);
        let mut room = Vec::new();
        let mut made = Vec::new();
        for ((id, _), from) in sinks.iter().zip(&kept) {
            let Op::Reduce { kind, .. } = self.bound.op(*id) else { continue };
            let partial = (blocks > 1).then(|| self.new_buffer(outer * blocks * inner * 4, Place::Arena));
            room.extend(partial);
            let to = self.buffer(*id);
            writes.push(to);
            made.push(Sink { kind: *kind, from: *from, to, partial });
        }
        let (level, sinks) = (self.level, made);
        let kernel = if inner == 1 {
            Kernel::Fused(Fused { level, tape, rows: outer, row: k, sinks })
        } else {
            Kernel::FusedColumns(FusedColumns { level, tape, extent, sinks })
        };
        let step = self.step(node, kernel, reads, writes);
        step.room = room;
        step.in_place = in_place;
    }

    /// The operand that stands for `id` in a tape.
    fn operand(&mut self, w: &mut Writer, id: NodeId) -> Operand {
        let r = root(self.bound, id);
        if let Some((_, made)) = w.made.iter().find(|m| m.0 == r) {
            return *made;
        }
        if class(self.bound.op(r)) == Class::Generator && !self.stored[r.index()] {
            let to = w.register(self.bound.dtype(r));
            self.write_generator(w, r, to);
            w.made.push((r, to));
            return to;
        }
        let access = self.access(r);
        self.read(w, &access)
    }

    /// The operand for what an access reaches: as it lies if it can be walked, else loaded.
    fn read(&mut self, w: &mut Writer, access: &Access) -> Operand {
        let dtype = self.bound.dtype(access.base);
        let buffer = self.buffer(access.base);
        let offset = access.offset as usize * dtype.size();
        if access.is_contiguous() {
            return Operand { buffer, offset, size: dtype.size() as u32 };
        }
        if access.is_repeat() {
            return Operand { buffer, offset, size: 0 };
        }
        let key = (buffer, access.pattern());
        if let Some((_, at)) = w.loads.iter().find(|l| l.0 == key) {
            return *at;
        }
        let to = w.register(dtype);
        w.cost += 2;
        w.steps.push(Step::Load { to, from: buffer, pattern: key.1.clone(), width: dtype.size() });
        w.loads.push((key, to));
        to
    }

    fn write_generator(&mut self, w: &mut Writer, id: NodeId, to: Operand) {
        if let Op::Iota { ty, axis } = self.bound.op(id) {
            let shape = self.bound.shape(id);
            let inner = shape[axis + 1..].iter().product();
            w.cost += 1;
            w.steps.push(Step::Iota { to, dtype: ty.dtype, inner, size: shape[*axis] });
        }
        if let Op::Random { stream, .. } = self.bound.op(id) {
            let inputs = self.bound.inputs(id);
            let scalar = |l: &mut Self, i: NodeId| {
                let access = l.linear(i);
                let buffer = l.buffer(access.base);
                Operand {
                    buffer,
                    offset: access.offset as usize * l.bound.dtype(access.base).size(),
                    size: 0,
                }
            };
            let (seed, step) = (scalar(self, inputs[0]), scalar(self, inputs[1]));
            let time = inputs.get(2).map(|&i| scalar(self, i));
            w.cost += 12;
            w.steps.push(Step::Random { to, draw: Draw { seed, step, time, stream: *stream } });
        }
    }

    fn write_formula(&mut self, w: &mut Writer, found: &Match, to: Operand) {
        let mut from = [Operand::NONE; OPERANDS];
        for (o, &id) in from.iter_mut().zip(&found.operands) {
            *o = self.operand(w, id);
        }
        w.cost += tree_cost(found.formula.tree);
        w.steps.push(Step::Formula { f: (found.formula.at)(w.level), to, from });
    }

    fn write_member(&mut self, w: &mut Writer, id: NodeId, to: Operand) {
        let inputs = self.bound.inputs(id);
        let mut from = [Operand::NONE; 3];
        for (o, &i) in from.iter_mut().zip(inputs) {
            *o = self.operand(w, i);
        }
        let dtype = self.bound.dtype(inputs[0]);
        let single = w.len == 1;
        let repeats = |o: &Operand| !single && o.size == 0;
        let op = self.bound.op(id);
        if let Op::Unary(u) = op {
            from[0] = w.filled(from[0], dtype);
            w.map(map::unary(w.level, *u, dtype), to, from, unary_cost(*u));
        } else if let Op::Binary(b) = op {
            if repeats(&from[0]) && repeats(&from[1]) {
                from[0] = w.filled(from[0], dtype);
            }
            let f = map::binary(w.level, *b, dtype, [repeats(&from[0]), repeats(&from[1]), false]);
            w.map(f, to, from, binary_cost(*b));
        } else if let Op::Cast(_) = op {
            from[0] = w.filled(from[0], dtype);
            w.map(map::cast(w.level, dtype, self.bound.dtype(id)), to, from, 1);
        } else {
            debug_assert_eq!(op, &Op::Select);
            from[0] = w.filled(from[0], DType::Bool);
            let repeats = [false, repeats(&from[1]), repeats(&from[2])];
            w.map(map::select(w.level, self.bound.dtype(inputs[1]), repeats), to, from, 1);
        }
    }

    /// What a tape or a reduction needs of its operands.
    pub(super) fn require_tape(&mut self, id: NodeId) {
        let group = self.groups.of[id.index()];
        for &i in self.bound.inputs(id) {
            let r = root(self.bound, i);
            match class(self.bound.op(r)) {
                Class::Map if self.groups.of[r.index()] == group => {}
                Class::Generator => {}
                Class::Map | Class::View | Class::Anchor | Class::Alias => self.require(r),
            }
        }
    }

    /// Whether a reduction is part of a tape.
    pub(super) fn is_sink(&self, id: NodeId) -> bool {
        self.groups.of[id.index()].is_some()
    }
}

/// Work of a formula for one element.
fn tree_cost(tree: &Tree) -> usize {
    match tree {
        Tree::Operand(_) => 0,
        Tree::Unary(u, a) => unary_cost(*u) + tree_cost(a),
        Tree::Binary(b, x, y) => binary_cost(*b) + tree_cost(x) + tree_cost(y),
    }
}

/// Work of an elementwise function for one element, next to that of an addition.
fn unary_cost(u: Unary) -> usize {
    match u {
        Unary::Neg | Unary::Abs | Unary::Sign | Unary::Floor | Unary::Ceil | Unary::Round => 1,
        Unary::IsFinite | Unary::Not => 1,
        Unary::Sqrt | Unary::Rsqrt => 4,
        Unary::Exp | Unary::Expm1 | Unary::Log | Unary::Sigmoid | Unary::Tanh | Unary::Atan => 8,
        Unary::Log1p | Unary::Sin | Unary::Cos | Unary::Softplus | Unary::Erf => 12,
    }
}

fn binary_cost(b: Binary) -> usize {
    match b {
        Binary::Div => 4,
        Binary::Pow => 100,
        Binary::Add
        | Binary::Sub
        | Binary::Mul
        | Binary::Max
        | Binary::Min
        | Binary::Eq
        | Binary::Ne
        | Binary::Lt
        | Binary::Le
        | Binary::Gt
        | Binary::Ge
        | Binary::And
        | Binary::Or => 1,
    }
}
