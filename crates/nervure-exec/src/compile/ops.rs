//! Kernels of the operations that are not elementwise.

use nervure_graph::{DType, NodeId, Op, PoolKind, Reduction};

use super::fuse::{self, Class, class};
use super::lower::{Lowering, Place};
use super::view::{Access, merge, row_major};
use crate::Error;
use crate::kernels::BufferId;
use crate::kernels::conv::ConvKind;
use crate::kernels::gemm::Sizes;
use crate::kernels::matmul::{self, MatMul};
use crate::kernels::movement::Assemble;
use crate::kernels::pool::PoolStep;
use crate::kernels::reduce::{BLOCK, Columns};
use crate::kernels::rows::{RowKind, Rows};
use crate::plan::Kernel;

/// Terms from which on it pays to pack the rows of a product with one column, for vectors across them.
const TURNED: usize = 16;

/// Rows up to which it pays to keep packed weights from run to run: of more, packing them is less than a hundredth of the product.
const KEPT: usize = 512;

impl Lowering<'_> {
    /// Settles in which form the operands of a node must lie.
    pub(super) fn require_operands(&mut self, id: NodeId) {
        let inputs = self.bound.inputs(id);
        match self.bound.op(id) {
            Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast(_) => self.require_tape(id),
            Op::Reduce { .. } if self.is_sink(id) => self.require_tape(id),
            Op::Random { .. } => inputs.iter().for_each(|&i| self.require_linear(i)),
            Op::Reduce { .. }
            | Op::ArgMax { .. }
            | Op::MatMul { .. }
            | Op::Pad { .. }
            | Op::Concat { .. } => {
                inputs.iter().for_each(|&i| self.require(i));
            }
            Op::Conv { .. }
            | Op::ConvInputGrad { .. }
            | Op::ConvKernelGrad { .. }
            | Op::Pool { .. }
            | Op::PoolGrad { .. }
            | Op::PoolPick { .. }
            | Op::Gather { .. }
            | Op::ScatterAdd { .. }
            | Op::ArgSort { .. }
            | Op::Scan(_) => inputs.iter().for_each(|&i| self.require_contiguous(i)),
            // Sources read nothing; what is an alias or a view is settled by those who read it.
            Op::Input { .. }
            | Op::Parameter { .. }
            | Op::Constant(_)
            | Op::Iota { .. }
            | Op::Size(_)
            | Op::StopGradient
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Broadcast { .. }
            | Op::Slice { .. }
            | Op::Reverse { .. }
            | Op::Project { .. } => {}
        }
    }

    /// Writes the kernel of an operation that is not elementwise.
    pub(super) fn emit_anchor(&mut self, id: NodeId) -> Result<(), Error> {
        debug_assert_eq!(class(self.bound.op(id)), Class::Anchor);
        match self.bound.op(id) {
            Op::MatMul { transpose_a, transpose_b } => self.emit_matmul(id, *transpose_a, *transpose_b),
            Op::Reduce { .. } if self.is_sink(id) => {}
            Op::Reduce { axes, .. } if fuse::has_fold(self.bound, id) => self.emit_reduce(id, axes),
            Op::Reduce { kind: Reduction::LogSumExp, axes } => self.emit_rows(id, RowKind::LogSumExp, axes),
            Op::Reduce { kind, axes } => self.emit_rows(id, RowKind::Whole(*kind), axes),
            Op::ArgMax { axis } => self.emit_rows(id, RowKind::ArgMax, &[*axis]),
            Op::Pad { .. } => self.emit_pad(id),
            Op::Concat { axis } => self.emit_concat(id, *axis),
            Op::Conv { window, groups } => self.emit_conv(id, ConvKind::Forward, window, *groups),
            Op::ConvInputGrad { window, groups, .. } => {
                self.emit_conv(id, ConvKind::InputGrad, window, *groups);
            }
            Op::ConvKernelGrad { window, groups } => {
                self.emit_conv(id, ConvKind::KernelGrad, window, *groups)
            }
            Op::Pool { kind, window } => self.emit_pool(id, PoolStep::Forward(*kind), window),
            Op::PoolGrad { kind: PoolKind::Sum, window, .. } => self.emit_pool(id, PoolStep::SumGrad, window),
            Op::PoolGrad { kind: PoolKind::Max, window, .. } => self.emit_pool(id, PoolStep::MaxGrad, window),
            Op::PoolPick { window } => self.emit_pool(id, PoolStep::Pick, window),
            Op::Gather { batch } => self.emit_gather(id, *batch),
            Op::ScatterAdd { batch, .. } => self.emit_scatter(id, *batch),
            Op::ArgSort { descending } => self.emit_sort(id, *descending),
            Op::Scan(scan) => self.emit_scan(id, scan)?,
            // What lies somewhere before the run, or is written by the scan.
            Op::Input { .. } | Op::Parameter { .. } | Op::Constant(_) | Op::Size(_) | Op::Project { .. } => {}
            Op::Iota { .. }
            | Op::Random { .. }
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Select
            | Op::Cast(_)
            | Op::StopGradient
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Broadcast { .. }
            | Op::Slice { .. }
            | Op::Reverse { .. } => unreachable!("{} has no kernel of its own", self.bound.op(id).name()),
        }
        Ok(())
    }

    fn emit_matmul(&mut self, id: NodeId, transpose_a: bool, transpose_b: bool) {
        let inputs = self.bound.inputs(id);
        let (a, b) = (self.access(inputs[0]), self.access(inputs[1]));
        let rank = a.shape.len();
        let (row_a, term_a) = if transpose_a { (rank - 1, rank - 2) } else { (rank - 2, rank - 1) };
        let (column_b, term_b) = if transpose_b { (rank - 2, rank - 1) } else { (rank - 1, rank - 2) };
        let mut sizes = Sizes { m: a.shape[row_a], n: b.shape[column_b], k: a.shape[term_a] };
        let c = self.within[id.index()].clone().unwrap_or_else(|| Access::whole(id, self.bound.shape(id)));
        let mut row = c.strides[rank - 2];
        let axes = (0..rank - 2).map(|i| (a.shape[i], [a.strides[i], b.strides[i], c.strides[i]]));
        let mut batch = merge(axes);
        let mut lane_a = a.strides[row_a];
        // Rows of several products with one right operand are rows of one.
        if let Some(&(n, [step_a, 0, step_c])) = batch.last() {
            let m = sizes.m as isize;
            if m == 1 || (step_a == lane_a * m && step_c == row * m) {
                (lane_a, row) = if m == 1 { (step_a, step_c) } else { (lane_a, row) };
                sizes.m *= n;
                batch.pop();
            }
        }
        let operand = |l: &mut Self, x: &Access, lane: isize, term: isize| {
            let buffer = l.buffer(x.base);
            matmul::Operand { buffer, offset: x.offset, lane, term }
        };
        let to = self.buffer(c.base);
        let mut a = operand(self, &a, lane_a, a.strides[term_a]);
        let mut b = operand(self, &b, b.strides[column_b], b.strides[term_b]);
        // A column is a row of the product the other way round, the same sums in the same order: so vectors go over what there is much of.
        if sizes.n == 1 && (a.lane == 1 || sizes.k >= TURNED) {
            std::mem::swap(&mut a, &mut b);
            sizes = Sizes { m: 1, n: sizes.m, k: sizes.k };
            row = sizes.n as isize;
            batch.iter_mut().for_each(|(_, strides)| strides.swap(0, 1));
        }
        let reads = [a.buffer, b.buffer];
        let is_direct = MatMul::is_direct(self.level, sizes, b.lane);
        let keeps = !is_direct && batch.is_empty() && self.stays(b.buffer, sizes.m <= KEPT);
        let kept = keeps.then(|| self.kept_buffer(MatMul::keeping(self.level, sizes) * 4));
        let row = row as usize;
        let kernel =
            MatMul { level: self.level, sizes, batch, a, b, c: to, row, is_direct, kept, tail: None };
        let flops = 2 * kernel.count() as u64 * sizes.m as u64 * sizes.n as u64 * sizes.k as u64;
        self.step(id, Kernel::MatMul(kernel), reads, [to]).flops = flops;
    }

    /// Whether what is made of a buffer is to be kept: of what the steps of a scan share, and of a weight that no run changes where that pays.
    pub(super) fn stays(&self, b: BufferId, pays: bool) -> bool {
        match self.out.buffers[b as usize].place {
            Place::Slot(_) => self.keeps && pays,
            Place::Input(i) => self.steady.contains(&i),
            Place::Arena | Place::Constant(_) | Place::Output(_) | Place::Kept(_) | Place::Same(_) => false,
        }
    }

    fn emit_reduce(&mut self, id: NodeId, axes: &[usize]) {
        let access = self.access(self.bound.inputs(id)[0]);
        let reduced = |i: &usize| axes.contains(i);
        if let Some((outer, k, inner)) = columns(&access, axes) {
            return self.emit_columns(id, &access, outer, k, inner);
        }
        let kept = (0..access.shape.len()).filter(|i| !reduced(i));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let row = axes.iter().map(|&a| access.shape[a]).product();
        self.emit_reduction(id, &access.transpose(&order), row);
    }

    fn emit_rows(&mut self, id: NodeId, kind: RowKind, axes: &[usize]) {
        let input = self.bound.inputs(id)[0];
        let access = self.access(input);
        let kept = (0..access.shape.len()).filter(|i| !axes.contains(i));
        let order: Vec<usize> = kept.chain(axes.iter().copied()).collect();
        let row = axes.iter().map(|&a| access.shape[a]).product();
        let access = access.transpose(&order);
        let (from, to) = (self.buffer(access.base), self.buffer(id));
        let kernel = Rows {
            level: self.level,
            kind,
            dtype: self.bound.dtype(input),
            from,
            pattern: access.pattern(),
            is_contiguous: access.is_contiguous(),
            rows: self.bound.len(id),
            row,
            to,
        };
        self.step(id, Kernel::Rows(kernel), [from], [to]);
    }

    fn emit_columns(&mut self, id: NodeId, access: &Access, outer: usize, k: usize, inner: usize) {
        let Op::Reduce { kind, .. } = self.bound.op(id) else { return };
        let (from, to) = (self.buffer(access.base), self.buffer(id));
        let blocks = k.div_ceil(BLOCK);
        let partial = (blocks > 1).then(|| self.new_buffer(outer * blocks * inner * 4, Place::Arena));
        let kernel = Columns {
            level: self.level,
            kind: *kind,
            from,
            offset: access.offset as usize,
            to,
            partial,
            outer,
            k,
            inner,
        };
        self.step(id, Kernel::Columns(kernel), [from], [to]).room = partial.into_iter().collect();
    }

    fn emit_pad(&mut self, id: NodeId) {
        let Op::Pad { low, interior, value, .. } = self.bound.op(id) else { return };
        let access = self.access(self.bound.inputs(id)[0]);
        let (from, to) = (self.buffer(access.base), self.buffer(id));
        let strides = row_major(self.bound.shape(id));
        let mut offset = 0;
        let mut to_strides = strides.clone();
        for (axis, &stride) in strides.iter().enumerate() {
            let low = low[axis].resolve(self.bound.bindings);
            let low = low.expect("dimensions were resolved when the graph was bound");
            offset += low as isize * stride;
            to_strides[axis] = stride * (interior[axis] as isize + 1);
        }
        let dtype = self.bound.dtype(id);
        let mut bytes = [0; 8];
        match dtype {
            DType::F32 => bytes[..4].copy_from_slice(&(*value as f32).to_ne_bytes()),
            DType::I32 => bytes[..4].copy_from_slice(&(*value as i32).to_ne_bytes()),
            DType::I64 => bytes.copy_from_slice(&(*value as i64).to_ne_bytes()),
            DType::U8 => bytes[0] = *value as u8,
            DType::Bool => bytes[0] = u8::from(*value != 0.0),
        }
        let mut copies = Vec::new();
        if access.len() > 0 {
            copies.push(self.copy_kernel(&access, from, to, offset, &to_strides));
        }
        let fill = Some((bytes, self.bound.len(id)));
        let kernel = Assemble { fill, width: dtype.size(), to, copies };
        self.step(id, Kernel::Assemble(kernel), [from], [to]);
    }

    /// Lets a product write its result in the order of a transposition that is its only reader, if the columns stay side by side.
    pub(super) fn place_in_transpositions(&mut self) {
        let readers = self.readers();
        for id in self.bound.ids() {
            let Op::Transpose { permutation } = self.bound.op(id) else { continue };
            let product = self.bound.inputs(id)[0];
            if !matches!(self.bound.op(product), Op::MatMul { .. }) || readers[product.index()] != 1 {
                continue;
            }
            let shape = self.bound.shape(product);
            let last = shape.len() - 1;
            if permutation[last] != last || shape[last] == 1 {
                continue;
            }
            let mut strides = vec![0; shape.len()];
            for (&axis, stride) in permutation.iter().zip(row_major(self.bound.shape(id))) {
                strides[axis] = stride;
            }
            self.within[product.index()] = Some(Access { base: id, offset: 0, shape: shape.into(), strides });
            self.stored[product.index()] = false;
            self.stored[id.index()] = true;
        }
    }

    /// How many operations and results read each stored or computed array.
    fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0usize; self.stored.len()];
        let outer = self.bound.graph.outputs().iter().map(|(_, id)| *id);
        let outer = outer.chain(self.bound.graph.updates().iter().map(|u| u.value));
        let inner = self.bound.ids().filter(|&id| class(self.bound.op(id)) != Class::Alias);
        for id in outer.chain(inner.flat_map(|id| self.bound.inputs(id).iter().copied())) {
            readers[fuse::root(self.bound, id).index()] += 1;
        }
        readers
    }

    /// Lets a tape write its results where a concatenation has them, if that consists of results of one tape which nothing else reads.
    pub(super) fn place_in_concatenations(&mut self) {
        let readers = self.readers();
        for id in self.bound.ids() {
            let Op::Concat { axis } = self.bound.op(id) else { continue };
            let parts: Vec<NodeId> =
                self.bound.inputs(id).iter().map(|&i| fuse::root(self.bound, i)).collect();
            let group = self.groups.of[parts[0].index()];
            let is_alone = |p: &NodeId| {
                class(self.bound.op(*p)) == Class::Map
                    && self.groups.of[p.index()] == group
                    && readers[p.index()] == 1
            };
            if self.bound.len(id) == 0 || !parts.iter().all(is_alone) {
                continue;
            }
            let mut at = 0;
            for (part, &input) in parts.into_iter().zip(self.bound.inputs(id)) {
                let (shape, strides) = (self.bound.shape(input), row_major(self.bound.shape(id)));
                let offset = at as isize * strides[*axis];
                at += shape[*axis];
                self.within[part.index()] = Some(Access { base: id, offset, shape: shape.into(), strides });
                self.stored[part.index()] = false;
            }
        }
    }

    fn emit_concat(&mut self, id: NodeId, axis: usize) {
        if self.within[fuse::root(self.bound, self.bound.inputs(id)[0]).index()].is_some() {
            return;
        }
        let to = self.buffer(id);
        let strides = row_major(self.bound.shape(id));
        let (mut copies, mut reads, mut at) = (Vec::new(), Vec::new(), 0);
        for &input in self.bound.inputs(id) {
            let access = self.access(input);
            let from = self.buffer(access.base);
            reads.push(from);
            if access.len() > 0 {
                copies.push(self.copy_kernel(&access, from, to, at as isize * strides[axis], &strides));
            }
            at += access.shape[axis];
        }
        let width = self.bound.dtype(id).size();
        self.step(id, Kernel::Assemble(Assemble { fill: None, width, to, copies }), reads, [to]);
    }
}

/// If the elements lie one after the other and the reduced axes side by side, with others after them: sizes of what is before, of the
/// reduction, and of what is after.
fn columns(access: &Access, axes: &[usize]) -> Option<(usize, usize, usize)> {
    if !access.is_contiguous() || access.len() == 0 {
        return None;
    }
    let large = |i: &usize| access.shape[*i] != 1;
    let reduced: Vec<usize> = axes.iter().copied().filter(large).collect();
    let (&first, &last) = (reduced.first()?, reduced.last()?);
    if (first..=last).any(|i| large(&i) && !axes.contains(&i)) {
        return None;
    }
    let size = |range: std::ops::Range<usize>| access.shape[range].iter().product::<usize>();
    let inner = size(last + 1..access.shape.len());
    (inner > 1).then(|| (size(0..first), size(first..last + 1), inner))
}
