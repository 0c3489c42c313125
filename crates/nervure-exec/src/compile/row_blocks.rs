//! Whether the body of a scan does the rows of a batch each apart from the others, so that each thread can take a block of rows through all
//! the steps of time without waiting for another.

use super::bind::Bound;
use super::lower::{BufferInfo, Lowered, Place};
use crate::kernels::BufferId;
use crate::kernels::matmul::MatMul;
use crate::kernels::movement::Copy;
use crate::kernels::tape::{Operand, REGISTER, Step, Tape};
use crate::plan::Kernel;

/// How the buffers of a body are divided in rows.
pub(crate) struct RowBlocks {
    /// Rows of the batch.
    pub rows: usize,
    /// Rows of a block at most.
    pub block: usize,
    /// Bytes of a row of each buffer; 0 of those that all rows share, which no kernel writes.
    pub bytes: Vec<usize>,
}

/// Rows of a block: so few that what passes between its kernels stays in the first caches, so many that weights are seldom read from the second.
const BLOCK: usize = 16;
/// Bytes of weights that stay in the second cache. Where there are more, a block is as large as it can be, for each reads them all in each step.
const CACHED: usize = 768 << 10;
/// Rows from which on that pays: of fewer, every thread reads all weights for less work than threads that read a part of them each.
const MANY: usize = 64;

impl RowBlocks {
    /// The division of a body in rows of the first axis of its first result, if that is a batch: of each row, every kernel writes what depends
    /// on that row alone and on what no kernel writes.
    pub(super) fn of(bound: &Bound, lowered: &Lowered, carries: usize) -> Option<RowBlocks> {
        let (_, first) = bound.graph.outputs().first()?;
        let rows = *bound.shape(*first).first().filter(|&&rows| rows > 1)?;
        let row = |b: &BufferInfo| match b.place {
            Place::Input(i) if i >= carries => Some(0),
            Place::Constant(_) | Place::Kept(_) => Some(0),
            Place::Input(_) | Place::Arena | Place::Output(_) | Place::Slot(_) | Place::Same(_) => {
                b.bytes.is_multiple_of(rows).then(|| b.bytes / rows)
            }
        };
        let bytes = lowered.buffers.iter().map(row).collect::<Option<Vec<_>>>()?;
        let steps = || lowered.steps.iter().map(|s| &s.kernel);
        let weights: usize = steps().map(weights).sum();
        let block = if weights <= CACHED { BLOCK.min(rows) } else { rows };
        let divided = RowBlocks { rows, block, bytes };
        let pays = weights <= CACHED || rows >= MANY;
        (pays && steps().all(|kernel| divided.divides(kernel))).then_some(divided)
    }

    /// Bytes of a buffer's part that a block needs.
    pub(super) fn part(&self, buffer: BufferId) -> usize {
        self.bytes[buffer as usize] * self.block
    }

    fn divides(&self, kernel: &Kernel) -> bool {
        match kernel {
            Kernel::Fused(k) => {
                let len = k.rows * k.row;
                let results = |s: &crate::kernels::reduce::Sink| {
                    self.walks(&s.from, len) && !self.is_shared(s.to) && k.rows.is_multiple_of(self.rows)
                };
                k.row > 0 && self.divides_tape(&k.tape, len) && k.sinks.iter().all(results)
            }
            Kernel::MatMul(k) => self.divides_product(k),
            Kernel::Copy(k) => self.divides_copy(k),
            Kernel::Assemble(k) => {
                let fits = |&(_, count): &([u8; 8], usize)| self.fits(k.to, count * k.width);
                k.fill.iter().all(fits) && k.copies.iter().all(|c| self.divides_copy(c))
            }
            Kernel::Rows(k) => {
                let stays = |axes: &[_]| self.stays(k.from, k.pattern.offset, axes, k.dtype.size());
                let reads = self.is_shared(k.from) || stays(&k.pattern.axes);
                k.rows.is_multiple_of(self.rows) && !self.is_shared(k.to) && reads
            }
            Kernel::FusedColumns(_)
            | Kernel::Columns(_)
            | Kernel::Conv(_)
            | Kernel::Pool(_)
            | Kernel::Check(_)
            | Kernel::Gather(_)
            | Kernel::ScatterAdd(_)
            | Kernel::ArgSort(_)
            | Kernel::Scan(_) => false,
        }
    }

    fn divides_product(&self, k: &MatMul) -> bool {
        let (m, n, terms) = (k.sizes.m, k.sizes.n, k.sizes.k);
        let left = [(m, k.a.lane), (terms, k.a.term)];
        let reads = self.is_shared(k.a.buffer) || self.stays(k.a.buffer, k.a.offset, &left, 4);
        k.batch.is_empty()
            && k.is_whole()
            && self.is_shared(k.b.buffer)
            && (k.is_direct || k.kept.is_some())
            && m.is_multiple_of(self.rows)
            && reads
            && self.fits(k.c, m * n * 4)
            && k.tail.iter().all(|tail| self.divides_tape(tail, m * n))
    }

    fn divides_copy(&self, k: &Copy) -> bool {
        let side = |stride: fn(&(usize, isize, isize)) -> isize| -> Vec<_> {
            k.axes.iter().map(|axis| (axis.0, stride(axis))).collect()
        };
        let (from, to) = (side(|axis| axis.1), side(|axis| axis.2));
        let reads = self.is_shared(k.from) || self.stays(k.from, k.from_offset, &from, k.width);
        reads && !self.is_shared(k.to) && self.stays(k.to, k.to_offset, &to, k.width)
    }

    /// Whether the steps of a tape over `len` elements stay each within its row.
    fn divides_tape(&self, tape: &Tape, len: usize) -> bool {
        let writes =
            |to: &Operand| to.buffer == REGISTER || (!self.is_shared(to.buffer) && self.walks(to, len));
        let steps = tape.steps.iter().all(|step| match step {
            Step::Map { to, from, .. } => writes(to) && from.iter().all(|o| self.walks(o, len)),
            Step::Formula { to, from, .. } => writes(to) && from.iter().all(|o| self.walks(o, len)),
            Step::Load { to, from, pattern, width } => {
                let stays = || self.stays(*from, pattern.offset, &pattern.axes, *width);
                writes(to) && (self.is_shared(*from) || stays())
            }
            Step::Store { from, to, pattern, width } => {
                let stays = || self.stays(*to, pattern.offset, &pattern.axes, *width);
                self.walks(from, len) && !self.is_shared(*to) && stays()
            }
            Step::Iota { to, .. } => writes(to),
            Step::Random { to, draw } => {
                let key = [Some(draw.seed), Some(draw.step), draw.time];
                writes(to) && key.iter().flatten().all(|o| self.is_shared(o.buffer))
            }
        });
        len.is_multiple_of(self.rows) && steps
    }

    /// Whether all rows share a buffer, which no kernel writes then.
    fn is_shared(&self, buffer: BufferId) -> bool {
        self.bytes[buffer as usize] == 0
    }

    /// Whether a buffer is all that is divided by those who walk over so many bytes.
    fn fits(&self, buffer: BufferId, bytes: usize) -> bool {
        bytes > 0 && self.bytes[buffer as usize] * self.rows == bytes
    }

    /// Whether an operand of a tape over `len` elements is read or written in its row alone.
    fn walks(&self, o: &Operand, len: usize) -> bool {
        let walked = || o.offset == 0 && o.size > 0 && self.fits(o.buffer, len * o.size as usize);
        o.buffer == REGISTER || self.is_shared(o.buffer) || walked()
    }

    /// Whether those who walk over axes (size, stride), outermost first, are in each row of a buffer while they do that row.
    fn stays(&self, buffer: BufferId, offset: isize, axes: &[(usize, isize)], width: usize) -> bool {
        let Some((&(size, stride), rest)) = axes.split_first() else { return false };
        let (each, row) = (size / self.rows, self.bytes[buffer as usize] / width);
        if size == 0 || !size.is_multiple_of(self.rows) || stride * each as isize != row as isize {
            return false;
        }
        let (mut low, mut high) = (offset, offset);
        for &(n, stride) in [(each, stride)].iter().chain(rest) {
            let way = (n as isize - 1) * stride;
            low += way.min(0);
            high += way.max(0);
        }
        low >= 0 && high < row as isize
    }
}

/// Bytes of the right operand of a product.
fn weights(kernel: &Kernel) -> usize {
    if let Kernel::MatMul(k) = kernel { k.sizes.k * k.sizes.n * 4 } else { 0 }
}
