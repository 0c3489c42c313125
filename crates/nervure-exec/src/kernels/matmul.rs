//! Matrix products over strided operands.

use std::ops::Range;

use super::gemm::{self, Ahead, BLOCK, Sizes, Strided, Tiles};
use super::row_block::{ByRows, RowBlock};
use super::tape::Tape;
use super::{BufferId, Frame, panels};
use crate::simd::Level;

/// An operand: where its matrices lie in a buffer, in elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand {
    /// The buffer.
    pub buffer: BufferId,
    /// The first element.
    pub offset: isize,
    /// From a row (of the left) or column (of the right) to the next.
    pub lane: isize,
    /// From a term of the sums to the next.
    pub term: isize,
}

/// `c[i] = a[i] · b[i]` for each `i` of a batch.
#[derive(Debug, Clone)]
pub(crate) struct MatMul {
    /// Instructions.
    pub level: Level,
    /// Sizes of each product.
    pub sizes: Sizes,
    /// Axes of the batch, outermost first: size, strides of `a`, `b` and `c`.
    pub batch: Vec<(usize, [isize; 3])>,
    /// The left operand.
    pub a: Operand,
    /// The right operand.
    pub b: Operand,
    /// The result; the columns of a row lie side by side.
    pub c: BufferId,
    /// Floats from a row of the result to the next.
    pub row: usize,
    /// Whether the right operand is read as it lies, rather than packed by those who multiply it.
    pub is_direct: bool,
    /// Where the whole right operand is packed, once for as long as it stays: a weight of the store, or what the steps of a scan share; none where each part packs its own.
    pub kept: Option<BufferId>,
    /// What is done with the elements of the result, in each part as soon as it is there.
    pub tail: Option<Tape>,
}

/// Rows of a part at most: beside its columns' block they fit the second cache.
const ROWS: usize = 256;
/// Columns of a part at most.
const COLUMNS: usize = 256;
/// Half of the second cache.
const HALF: usize = 512 << 10;
/// Bytes of a result that its tail finds in the first caches.
const HOT: usize = 32 << 10;
/// Groups of small products for each worker, to even out.
const GROUPS: usize = 8;
/// Bytes of a right operand that is read as it lies rather than packed: it stays in the first cache.
const SMALL: usize = 16 << 10;

impl MatMul {
    /// Whether the right operand is read as it lies.
    pub fn is_direct(level: Level, sizes: Sizes, b_lane: isize) -> bool {
        let small = sizes.k * sizes.n * 4 <= SMALL || sizes.m <= Tiles::of(level).rows;
        (b_lane == 1 || sizes.n == 1) && small
    }

    /// Number of products.
    pub fn count(&self) -> usize {
        self.batch.iter().map(|b| b.0).product()
    }

    /// Work, in the time of a floating-point operation: of few rows it is reading the right operand.
    pub fn cost(&self) -> usize {
        let Sizes { m, n, k } = self.sizes;
        let product = self.count().saturating_mul(m.max(3)).saturating_mul(n).saturating_mul(k) / 8;
        let tail = self.tail.as_ref().map_or(0, |t| t.cost);
        product.saturating_add(self.len().saturating_mul(tail))
    }

    /// Number of elements of the result.
    pub fn len(&self) -> usize {
        self.count().saturating_mul(self.sizes.m).saturating_mul(self.sizes.n)
    }

    /// Bytes of scratch that a worker needs.
    pub fn scratch(&self) -> usize {
        self.packed() + self.tail.as_ref().map_or(0, |t| t.scratch)
    }

    /// Bytes of a packed block of the right operand.
    fn packed(&self) -> usize {
        let Sizes { n, k, .. } = self.sizes;
        let columns = if self.tail.is_some() { n } else { n.min(COLUMNS) };
        let columns = columns.next_multiple_of(Tiles::of(self.level).columns);
        if self.is_direct || self.kept.is_some() { 0 } else { columns * k.min(BLOCK) * 4 }
    }

    /// Floats of the whole packed right operand.
    pub fn keeping(level: Level, sizes: Sizes) -> usize {
        sizes.n.next_multiple_of(Tiles::of(level).columns) * sizes.k
    }

    /// Packs the right operand where it is kept.
    ///
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn keep(&self, frame: &Frame) {
        let Some(kept) = self.kept else { return };
        let Sizes { n, k, .. } = self.sizes;
        let b = self.b.at(frame, 0);
        for from in (0..k).step_by(BLOCK) {
            let to = self.kept_block(frame.buffer(kept).cast(), from);
            // SAFETY: the operand is as compiled, and the blocks follow each other.
            unsafe {
                panels::pack(self.level, b.from(0, from), n, BLOCK.min(k - from), to, Ahead::default())
            };
        }
    }

    /// The block of terms from `from` on of the packed right operand.
    fn kept_block(&self, kept: *mut f32, from: usize) -> *mut f32 {
        kept.wrapping_add(from * self.sizes.n.next_multiple_of(Tiles::of(self.level).columns))
    }

    /// Whether a tail pays: it goes over whole rows, for memory is read and written fastest in one stretch.
    pub fn can_have_tail(&self) -> bool {
        let Sizes { n, k, .. } = self.sizes;
        self.tail.is_none()
            && self.is_whole()
            && (self.is_direct || n <= COLUMNS || (k <= BLOCK && n * k * 4 <= HALF))
    }

    /// Whether the elements of the results lie one after the other.
    pub fn is_whole(&self) -> bool {
        let Sizes { m, n, .. } = self.sizes;
        let mut step = m * n;
        (m <= 1 || self.row == n)
            && self.batch.iter().rev().all(|&(size, [.., c])| {
                let fits = c == step as isize;
                step *= size;
                fits || size == 1
            })
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let Sizes { m, n, .. } = self.sizes;
        let count = self.count();
        if m == 0 || n == 0 || count == 0 {
            return;
        }
        let frame = *frame;
        let shared = frame.is_shared(self.cost());
        let (rows, columns) = self.part(if shared { 2 * frame.workers().div_ceil(count) } else { 1 });
        let (down, across) = (m.div_ceil(rows), n.div_ceil(columns));
        // Small products go several together, so that a worker has the next one's operands fetched.
        let few = if down * across == 1 { count.div_ceil(GROUPS * frame.workers()) } else { 1 };
        frame.share(count.div_ceil(few) * down * across, self.cost(), |part, scratch| {
            let (group, part) = (part / (down * across), part % (down * across));
            let (top, start) = (part / across * rows, part % across * columns);
            let (rows, columns) = (top..(top + rows).min(m), start..(start + columns).min(n));
            let products = group * few..(group * few + few).min(count);
            for product in products.clone() {
                let next = (product + 1 < products.end).then_some(product + 1);
                // SAFETY: the part's elements are this call's alone.
                unsafe { self.multiply(&frame, (product, next), (rows.clone(), columns.clone()), scratch) };
            }
        });
    }

    /// Some rows and columns of a product, and their tail. The caller does the same of the `next` product after it.
    ///
    /// # Safety
    /// As [`MatMul::run`]; nobody else writes these elements.
    unsafe fn multiply(
        &self,
        frame: &Frame,
        (product, next): (usize, Option<usize>),
        (rows, columns): (Range<usize>, Range<usize>),
        scratch: *mut u8,
    ) {
        let Sizes { n, k, .. } = self.sizes;
        let [a_at, b_at, c_at] = self.place(product);
        let (a, b) = (self.a.at(frame, a_at), self.b.at(frame, b_at));
        let c = frame.buffer(self.c).cast::<f32>().wrapping_offset(c_at);
        let (packed, registers) = (scratch.cast::<f32>(), scratch.wrapping_add(self.packed()));
        // The tail follows each few rows, where these are done in one block of terms.
        let few = if self.tail.is_some() && k <= BLOCK { HOT / (4 * n) } else { rows.len() };
        let few = few.next_multiple_of(Tiles::of(self.level).rows).max(1);
        let mut from = 0;
        loop {
            let terms = BLOCK.min(k - from);
            let last = from + terms == k;
            // What the next block reads is asked for while this one is multiplied, what the first reads while its columns are packed.
            let left = |ahead: Ahead, a: Strided, from: usize| {
                ahead.and(a.from(rows.start, from), rows.len(), BLOCK.min(k - from))
            };
            let right = |ahead: Ahead, b: Strided, from: usize| {
                ahead.and(b.from(columns.start, from), columns.len(), BLOCK.min(k - from))
            };
            let nothing = Ahead::default();
            let mut panels = packed;
            if let Some(kept) = self.kept {
                let block = self.kept_block(frame.buffer(kept).cast(), from);
                panels = block.wrapping_add(columns.start * terms);
            } else if !self.is_direct {
                let b = b.from(columns.start, from);
                let now = if from == 0 && k > BLOCK { left(nothing, a, 0) } else { nothing };
                // SAFETY: the operand is as compiled; its columns are no more than there is room for.
                unsafe { panels::pack(self.level, b, columns.len(), terms, packed, now) };
            }
            let ahead = match next {
                _ if self.kept.is_some() => nothing,
                _ if !last => right(left(nothing, a, from + terms), b, from + terms),
                Some(next) => {
                    let [a_at, b_at, _] = self.place(next);
                    right(left(nothing, self.a.at(frame, a_at), 0), self.b.at(frame, b_at), 0)
                }
                None => nothing,
            };
            for start in rows.clone().step_by(few) {
                let rows = start..(start + few).min(rows.end);
                let c = c.wrapping_add(rows.start * self.row + columns.start);
                let sizes = (rows.len(), columns.len(), terms);
                let a = a.from(rows.start, from);
                // SAFETY: the operands are as compiled; the columns of one that is not packed lie side by side.
                unsafe {
                    if self.is_direct {
                        let b = b.from(columns.start, from);
                        gemm::multiply_direct(self.level, sizes, a, b, (c, self.row), from > 0, ahead);
                    } else {
                        gemm::multiply_panels(self.level, sizes, a, panels, (c, self.row), from > 0, ahead);
                    }
                    if last {
                        self.finish(frame, product, (rows, columns.clone()), registers);
                    }
                }
            }
            from += terms;
            if last {
                return;
            }
        }
    }

    /// The tail of some rows and columns of a product.
    ///
    /// # Safety
    /// As [`MatMul::multiply`], which has done these elements; `scratch` is the tape's.
    unsafe fn finish(
        &self,
        frame: &Frame,
        product: usize,
        (rows, columns): (Range<usize>, Range<usize>),
        scratch: *mut u8,
    ) {
        let Some(tail) = &self.tail else { return };
        let Sizes { m, n, .. } = self.sizes;
        let at = |row: usize, column: usize| (product * m + row) * n + column;
        // SAFETY: the elements are the caller's, and the tape goes over as many as there are.
        unsafe {
            if columns.len() == n {
                return tail.run_range(frame, scratch, at(rows.start, 0)..at(rows.end, 0));
            }
            for row in rows {
                tail.run_range(frame, scratch, at(row, columns.start)..at(row, columns.end));
            }
        }
    }

    /// Rows and columns of a part, if there are to be about so many of a product.
    fn part(&self, wanted: usize) -> (usize, usize) {
        let Sizes { m, n, k } = self.sizes;
        let tiles = Tiles::of(self.level);
        let (mut down, mut across) = (m.div_ceil(ROWS), n.div_ceil(COLUMNS));
        let size = |down, across| {
            let rows: usize = m.div_ceil(down);
            let columns: usize = n.div_ceil(across);
            (rows.next_multiple_of(tiles.rows), columns.next_multiple_of(tiles.columns))
        };
        if self.tail.is_some() && !self.is_direct {
            let each = wanted.div_ceil(2);
            if self.kept.is_none() && k > BLOCK {
                // Long sums of few elements, as gradients of weights are: packing the right operand takes a good part of the time, so that
                // parts of some columns, which pack these alone, gain more than the tail loses by going over pieces of rows.
                across = each.min(n.div_ceil(64)).max(1);
                down = down.max(each.div_ceil(across).min(m.div_ceil(64)));
                return size(down, across);
            }
            // Each part packs the whole right operand for itself, unless it lies packed.
            let few = if self.kept.is_some() { 16 } else { 64 };
            down = down.max(each.min(m.div_ceil(few)));
            across = 1;
        }
        while down * across < wanted {
            match size(down, across) {
                _ if self.tail.is_some() && !self.is_direct => break,
                (_, 256..) => across *= 2,
                (128.., _) => down *= 2,
                (_, 128..) => across *= 2,
                (64.., _) => down *= 2,
                _ => break,
            }
        }
        size(down, across)
    }

    /// Offsets of a product's operands and of its result.
    fn place(&self, product: usize) -> [isize; 3] {
        let (mut rest, mut place) = (product, [0; 3]);
        for &(size, strides) in self.batch.iter().rev() {
            let i = (rest % size) as isize;
            rest /= size;
            place = std::array::from_fn(|k| place[k] + i * strides[k]);
        }
        place
    }
}

impl ByRows for MatMul {
    unsafe fn run_rows(&self, frame: &Frame, block: RowBlock) {
        let Sizes { m, n, .. } = self.sizes;
        // SAFETY: the caller's promise; the right operand lies packed or is read as it lies.
        unsafe { self.multiply(frame, (0, None), (block.of(m), 0..n), frame.scratch) };
    }
}

impl Operand {
    /// The matrix at an offset.
    fn at(&self, frame: &Frame, offset: isize) -> Strided {
        let base = frame.buffer(self.buffer).cast::<f32>().wrapping_offset(self.offset + offset);
        Strided { base, lane: self.lane, term: self.term }
    }
}
