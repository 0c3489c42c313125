//! Kernels of convolution, pooling, indexing and scans.

use nervure_graph::{NodeId, Op, Window};

use super::lower::{Lowering, Place, Results, stacked_carry};
use super::{bytes, compile};
use crate::kernels::conv::{Conv, ConvKind};
use crate::kernels::index::{ArgSort, Check, Gather, Indices, ScatterAdd};
use crate::kernels::pool::{Pool, PoolStep};
use crate::kernels::scan::{Between, Carry, Scan};
use crate::kernels::window::Geometry;
use crate::kernels::{At, BufferId};
use crate::plan::Kernel;
use crate::{Error, Store};

impl Lowering<'_> {
    /// Where an operand lies whose elements are one after the other.
    fn at(&mut self, id: NodeId) -> At {
        let access = self.access(id);
        debug_assert!(access.is_contiguous());
        let offset = if access.len() == 0 { 0 } else { access.offset as usize };
        At { buffer: self.buffer(access.base), offset: offset * self.bound.dtype(id).size() }
    }

    pub(super) fn emit_conv(&mut self, id: NodeId, kind: ConvKind, window: &Window, groups: usize) {
        let inputs = self.bound.inputs(id);
        let (x, y) = match kind {
            ConvKind::Forward => (inputs[0], id),
            ConvKind::InputGrad => (id, inputs[0]),
            ConvKind::KernelGrad => (inputs[0], inputs[1]),
        };
        let (x, y) = (self.bound.shape(x), self.bound.shape(y));
        let last = x.len() - 1;
        let geometry = Geometry::new(window, x, y);
        let channels = (x[last] / groups, y[last] / groups);
        let from = [self.at(inputs[0]), self.at(inputs[1])];
        let to = self.buffer(id);
        let mut kernel = Conv::new(self.level, kind, &geometry, groups, channels, (from, to));
        kernel.is_kept = kernel.packs() && self.stays(from[1].buffer, true);
        let room = if kernel.is_kept {
            kernel.room = self.kept_buffer(kernel.room());
            Vec::new()
        } else {
            kernel.room = self.new_buffer(kernel.room(), Place::Arena);
            vec![kernel.room]
        };
        let reads = from.map(|a| a.buffer);
        let flops = 2 * (groups * kernel.sizes.m) as u64 * kernel.sizes.n as u64 * kernel.sizes.k as u64;
        let step = self.step(id, Kernel::Conv(Box::new(kernel)), reads, [to]);
        step.room = room;
        step.flops = flops;
    }

    pub(super) fn emit_pool(&mut self, id: NodeId, pool: PoolStep, window: &Window) {
        let inputs = self.bound.inputs(id);
        let (x, y) = match pool {
            PoolStep::Forward(_) | PoolStep::Pick => (inputs[0], id),
            PoolStep::SumGrad | PoolStep::MaxGrad => (id, inputs[0]),
        };
        let (x, y) = (self.bound.shape(x), self.bound.shape(y));
        let geometry = Geometry::new(window, x, y);
        let channels = x[x.len() - 1];
        let first = self.at(inputs[0]);
        let second = inputs.get(1).map_or(first, |&i| self.at(i));
        let to = self.buffer(id);
        let kernel = Pool { level: self.level, step: pool, geometry, channels, from: [first, second], to };
        self.step(id, Kernel::Pool(kernel), [first.buffer, second.buffer], [to]);
    }

    /// The indices of a node, and what is read by those who wait until they are checked.
    fn checked(&mut self, id: NodeId, indices: NodeId, size: usize) -> (Indices, BufferId) {
        let at = self.at(indices);
        let wide = self.bound.dtype(indices) == nervure_graph::DType::I64;
        let indices_len = self.bound.len(indices);
        let found = Indices { at, wide };
        if let Some(&(.., token)) = self.checks.iter().find(|c| (c.0, c.1) == (at, size)) {
            return (found, token);
        }
        let token = self.new_buffer(0, Place::Arena);
        self.checks.push((at, size, token));
        let check = Check { indices: found, count: indices_len, size, path: self.bound.path(id) };
        self.step(id, Kernel::Check(check), [at.buffer], [token]);
        (found, token)
    }

    pub(super) fn emit_gather(&mut self, id: NodeId, batch: usize) {
        let inputs = self.bound.inputs(id);
        let (x, i) = (self.bound.shape(inputs[0]), self.bound.shape(inputs[1]));
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let sizes = (count(&x[..batch]), count(&i[batch..]), x[batch]);
        let slice = count(&x[batch + 1..]) * self.bound.dtype(id).size();
        let (indices, token) = self.checked(id, inputs[1], sizes.2);
        let (x, to) = (self.at(inputs[0]), self.buffer(id));
        let reads = [x.buffer, indices.at.buffer, token];
        self.step(id, Kernel::Gather(Gather { x, indices, to, sizes, slice }), reads, [to]);
    }

    pub(super) fn emit_scatter(&mut self, id: NodeId, batch: usize) {
        let inputs = self.bound.inputs(id);
        let (i, to) = (self.bound.shape(inputs[0]), self.bound.shape(id));
        let count = |shape: &[usize]| shape.iter().product::<usize>();
        let sizes = (count(&i[..batch]), count(&i[batch..]), to[batch]);
        let slice = count(&to[batch + 1..]);
        let (indices, token) = self.checked(id, inputs[0], sizes.2);
        let (updates, to) = (self.at(inputs[1]), self.buffer(id));
        let reads = [updates.buffer, indices.at.buffer, token];
        let dtype = self.bound.dtype(id);
        let kernel = ScatterAdd { indices, updates, to, dtype, sizes, slice };
        self.step(id, Kernel::ScatterAdd(kernel), reads, [to]);
    }

    pub(super) fn emit_sort(&mut self, id: NodeId, descending: bool) {
        let input = self.bound.inputs(id)[0];
        let (&row, outer) = self.bound.shape(input).split_last().expect("a sort has an axis");
        let rows = outer.iter().product();
        let (x, to) = (self.at(input), self.buffer(id));
        let kernel = ArgSort { x, to, dtype: self.bound.dtype(input), rows, row, descending };
        self.step(id, Kernel::ArgSort(kernel), [x.buffer], [to]);
    }

    pub(super) fn emit_scan(&mut self, id: NodeId, scan: &nervure_graph::Scan) -> Result<(), Error> {
        let results = Results::Caller { carries: scan.carries, steady: scan.carries + scan.slices };
        let body = compile(&scan.body, self.bound.bindings, &Store::new(), self.level, results)?;
        let inputs = self.bound.inputs(id);
        let results = self.results[&id].clone();
        let length = scan.length.resolve(self.bound.bindings)?;
        let operands: Vec<At> = inputs.iter().map(|&i| self.at(i)).collect();
        let mut room = Vec::new();
        let mut take = |l: &mut Self, bytes: usize| {
            room.push(l.new_buffer(bytes, Place::Arena));
            room[room.len() - 1]
        };
        let table = take(self, body.places.len() * size_of::<*mut u8>());
        // Steps apart and blocks of rows have theirs in the scratch of those who do them.
        let is_apart = Scan::is_apart(&body, scan.carries);
        let arena = take(self, if is_apart || body.row_blocks.is_some() { 0 } else { body.arena });
        let kept = take(self, body.kept);
        let time = take(self, 4);
        let carries = (0..scan.carries)
            .map(|i| {
                let (_, dtype, shape) = &body.outputs()[i];
                let bytes = bytes(*dtype, shape);
                let stacks = |&j: &usize| stacked_carry(&scan.body, scan.carries, j) == Some(i);
                let between = match (scan.carries..results.len()).find(stacks) {
                    Some(j) => Between::Stack(results[j]),
                    None => Between::Spare(take(self, if length > 1 { bytes } else { 0 })),
                };
                Carry { initial: operands[i], result: results[i], between, bytes }
            })
            .collect();
        let sliced = scan.carries + scan.slices;
        let size = |(_, dtype, shape): &crate::Argument| bytes(*dtype, shape);
        let kernel = Scan {
            length,
            cost: length.saturating_mul(body.work),
            reverse: scan.reverse,
            carries,
            slices: (scan.carries..sliced).map(|i| (operands[i], size(&body.inputs()[i]))).collect(),
            invariants: operands[sliced..].to_vec(),
            stacks: (scan.carries..results.len()).map(|i| (results[i], size(&body.outputs()[i]))).collect(),
            table,
            arena,
            is_apart,
            kept,
            time,
            body,
        };
        let flops = kernel.body.flops() * length as u64;
        let reads: Vec<BufferId> = operands.iter().map(|a| a.buffer).collect();
        let step = self.step(id, Kernel::Scan(Box::new(kernel)), reads, results);
        step.room = room;
        step.flops = flops;
        Ok(())
    }

    /// Gives the results of scans their buffers, and the scans themselves, whose value is the number of steps.
    pub(super) fn scan_results(&mut self) -> Result<(), Error> {
        for id in self.bound.ids() {
            if let Op::Scan(scan) = self.bound.op(id) {
                let length = scan.length.resolve(self.bound.bindings)?;
                let mut results = Vec::new();
                for index in 0..scan.body.outputs().len() {
                    let ty = self.bound.graph.scan_result(id, index);
                    let ty = ty.expect("a result for each output of the body");
                    let size = bytes(ty.dtype, &ty.resolve(self.bound.bindings)?);
                    results.push(self.new_buffer(size, Place::Arena));
                }
                self.results.insert(id, results);
                self.buffer_of[id.index()] = Some(self.constant((length as i32).to_ne_bytes().into_iter()));
            } else if let Op::Project { index } = self.bound.op(id) {
                self.buffer_of[id.index()] = Some(self.results[&self.bound.inputs(id)[0]][*index]);
            }
        }
        Ok(())
    }
}
