//! Reductions of floats.
//!
//! Every reduction combines its elements in one order, which depends on their number alone: element `k` goes to lane `k mod 16` of its block
//! of [`BLOCK`] elements, the lanes are combined by a fixed tree, the blocks in ascending order. So rows and columns, whole arrays
//! and single rows give the same bits.

use std::ops::Range;

use nervure_graph::Reduction;

use super::row_block::{ByRows, RowBlock};
use super::tape::{Operand, Tape};
use super::{BufferId, Frame};
use crate::simd::{Kernel, Level, Simd};

/// Elements that share a set of lanes.
pub(crate) const BLOCK: usize = 1024;
/// Lanes of a block.
pub(crate) const LANES: usize = 16;

/// The lanes of a block that is being combined.
pub(crate) type Lanes = [f32; LANES];

/// What combines elements.
pub(crate) trait Fold: Copy + Send + Sync {
    /// What changes nothing.
    const IDENTITY: f32;
    /// Two elements, of each lane.
    fn combine<S: Simd>(s: S, a: S::F, b: S::F) -> S::F;
    /// Two elements: the same bits.
    fn combine_one(a: f32, b: f32) -> f32;
}

macro_rules! folds {
    ($($name:ident $identity:expr, $method:ident, |$a:ident, $b:ident| $one:expr;)*) => {$(
        #[derive(Clone, Copy)]
        pub(crate) struct $name;
        impl Fold for $name {
            const IDENTITY: f32 = $identity;
            #[inline(always)]
            fn combine<S: Simd>(s: S, a: S::F, b: S::F) -> S::F {
                s.$method(a, b)
            }
            #[inline(always)]
            fn combine_one($a: f32, $b: f32) -> f32 {
                $one
            }
        }
    )*};
}
folds! {
    Sum 0.0, add, |a, b| a + b;
    Product 1.0, mul, |a, b| a * b;
    Max f32::NEG_INFINITY, max, |a, b| if a.is_nan() || a > b { a } else { b };
    Min f32::INFINITY, min, |a, b| if a.is_nan() || a < b { a } else { b };
}

/// What is done with a fold, whichever it is.
pub(crate) trait WithFold {
    /// What it gives.
    type Output;
    /// Does it.
    fn with<F: Fold>(self, fold: F) -> Self::Output;
}

/// Does something with the fold of a reduction that is one.
pub(crate) fn with_fold<W: WithFold>(kind: Reduction, with: W) -> W::Output {
    match kind {
        Reduction::Sum => with.with(Sum),
        Reduction::Product => with.with(Product),
        Reduction::Max => with.with(Max),
        Reduction::Min => with.with(Min),
        Reduction::LogSumExp => unreachable!("a logarithm of a sum has a kernel of its own"),
    }
}

/// Combines `n` more elements, the first of which belongs to lane 0.
#[inline(always)]
pub(crate) unsafe fn accumulate<S: Simd, F: Fold>(s: S, lanes: &mut Lanes, p: *const f32, n: usize) {
    let per = LANES / S::LANES;
    let mut sums = [s.splat(F::IDENTITY); LANES];
    // SAFETY: `n` elements are readable at `p`; lanes and padding have 16.
    unsafe {
        for (v, sum) in sums.iter_mut().enumerate().take(per) {
            *sum = s.load(lanes.as_ptr().add(v * S::LANES));
        }
        let whole = n / LANES * LANES;
        for i in (0..whole).step_by(LANES) {
            for (v, sum) in sums.iter_mut().enumerate().take(per) {
                *sum = F::combine(s, *sum, s.load(p.add(i + v * S::LANES)));
            }
        }
        for (v, sum) in sums.iter_mut().enumerate().take(per) {
            let at = whole + v * S::LANES;
            if at < n {
                let identity = s.splat(F::IDENTITY);
                let x = s.load_tail_or(p.add(at), s.tail((n - at).min(S::LANES)), identity);
                *sum = F::combine(s, *sum, x);
            }
        }
        for (v, sum) in sums.iter().enumerate().take(per) {
            s.store(lanes.as_mut_ptr().add(v * S::LANES), *sum);
        }
    }
}

/// Combines the lanes: halves, quarters, … of them.
#[inline(always)]
pub(crate) fn tree<F: Fold>(mut lanes: Lanes) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] = F::combine_one(lanes[i], lanes[i + width]);
        }
        width /= 2;
    }
    lanes[0]
}

/// Sizes of what a reduction finds: `[outer, k, inner]`, of which it takes the middle axis. Of rows `inner` is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub outer: usize,
    pub k: usize,
    pub inner: usize,
}

/// A reduction of a tape's array.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    /// What is computed; not [`Reduction::LogSumExp`].
    pub kind: Reduction,
    /// The elements: a register of the tape, or an array that is walked with it.
    pub from: Operand,
    /// One element for each row, or column.
    pub to: BufferId,
    /// One element for each block of each, where there is more than one.
    pub partial: Option<BufferId>,
}

/// Elementwise operations over arrays of `rows · row` elements, and reductions of the rows.
#[derive(Debug, Clone)]
pub(crate) struct Fused {
    /// Instructions of the reductions.
    pub level: Level,
    /// The operations.
    pub tape: Tape,
    /// Number of rows; 1 where nothing is reduced.
    pub rows: usize,
    /// Elements of a row.
    pub row: usize,
    /// The reductions.
    pub sinks: Vec<Sink>,
}

impl Fused {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let frame = *frame;
        let (tape, tile) = (&self.tape, self.tape.tile);
        if self.sinks.is_empty() {
            return frame.share_range(self.rows * self.row, tile, tape.cost, |start, end, scratch| {
                // SAFETY: the elements are this call's alone.
                unsafe { tape.run_range(&frame, scratch, start..end) };
            });
        }
        let rows = self.rows;
        if self.row == 0 {
            for sink in &self.sinks {
                let to = frame.buffer(sink.to).cast::<f32>();
                let identity = with_fold(sink.kind, Identity);
                for row in 0..rows {
                    // SAFETY: one element for each row.
                    unsafe { *to.add(row) = identity };
                }
            }
            return;
        }
        let cost = tape.cost + self.sinks.len();
        if self.row <= tile {
            let at_once = tile / self.row;
            return frame.share_range(rows, at_once, cost * self.row, |start, end, scratch| {
                // SAFETY: the rows are this call's alone.
                unsafe { self.short(&frame, scratch, start..end) };
            });
        }
        let blocks = self.row.div_ceil(BLOCK);
        frame.share_range(rows * blocks, 1, cost * self.row.min(BLOCK), |start, end, scratch| {
            for unit in start..end {
                // SAFETY: the block is this call's alone.
                unsafe { self.block(&frame, scratch, unit / blocks, unit % blocks, blocks) };
            }
        });
        // SAFETY: their blocks are there.
        unsafe { self.combine(&frame, 0..rows, blocks) };
    }

    /// Does rows that fit a tile, as many at a time as it holds.
    ///
    /// # Safety
    /// As [`Fused::run`]; the rows are the caller's alone.
    unsafe fn short(&self, frame: &Frame, scratch: *mut u8, rows: Range<usize>) {
        let range = rows.start * self.row..rows.end * self.row;
        let at_once = self.tape.tile / self.row * self.row;
        let fold = |at: usize, n: usize| {
            for sink in &self.sinks {
                let from = sink.from.at(frame.table, scratch, at).cast();
                let to = frame.buffer(sink.to).cast::<f32>().wrapping_add(at / self.row);
                let rows = Short { level: self.level, from, to, count: n / self.row, row: self.row };
                with_fold(sink.kind, rows);
            }
        };
        // SAFETY: the caller's promise.
        unsafe { self.tape.run_tiles(frame, scratch, range, at_once, fold) };
    }

    /// Combines the blocks of rows that have several.
    ///
    /// # Safety
    /// As [`Fused::run`]; the rows are the caller's alone, who has done their blocks.
    unsafe fn combine(&self, frame: &Frame, rows: Range<usize>, blocks: usize) {
        for sink in self.sinks.iter().filter(|_| blocks > 1) {
            let partial = sink.partial.expect("rows of several blocks have room for their parts");
            let from = frame.buffer(partial).cast::<f32>().cast_const().wrapping_add(rows.start * blocks);
            let to = frame.buffer(sink.to).cast::<f32>().wrapping_add(rows.start);
            with_fold(sink.kind, Combine { from, to, outer: rows.len(), blocks, inner: 1 });
        }
    }

    /// # Safety
    /// As [`Fused::run`]; the block is the caller's alone.
    unsafe fn block(&self, frame: &Frame, scratch: *mut u8, row: usize, block: usize, blocks: usize) {
        let tile = self.tape.tile;
        let start = row * self.row + block * BLOCK;
        let end = (start + BLOCK).min((row + 1) * self.row);
        let mut lanes = [[0.0; LANES]; SINKS];
        for (lanes, sink) in lanes.iter_mut().zip(&self.sinks) {
            *lanes = [with_fold(sink.kind, Identity); LANES];
        }
        let fold = |at: usize, n: usize| {
            for (lanes, sink) in lanes.iter_mut().zip(&self.sinks) {
                let from = sink.from.at(frame.table, scratch, at).cast();
                with_fold(sink.kind, Accumulate { level: self.level, lanes, from, n });
            }
        };
        // SAFETY: the caller's promise.
        unsafe { self.tape.run_tiles(frame, scratch, start..end, tile, fold) };
        for (lanes, sink) in lanes.iter().zip(&self.sinks) {
            let to = if blocks > 1 { sink.partial.unwrap_or(sink.to) } else { sink.to };
            // SAFETY: one element for each block.
            unsafe {
                *frame.buffer(to).cast::<f32>().add(row * blocks + block) =
                    with_fold(sink.kind, Finish { lanes });
            }
        }
    }
}

impl ByRows for Fused {
    unsafe fn run_rows(&self, frame: &Frame, block: RowBlock) {
        let (scratch, rows) = (frame.scratch, block.of(self.rows));
        // SAFETY: the caller's promise.
        unsafe {
            if self.sinks.is_empty() {
                return self.tape.run_range(frame, scratch, block.of(self.rows * self.row));
            }
            if self.row <= self.tape.tile {
                return self.short(frame, scratch, rows);
            }
            let blocks = self.row.div_ceil(BLOCK);
            for row in rows.clone() {
                (0..blocks).for_each(|block| self.block(frame, scratch, row, block, blocks));
            }
            self.combine(frame, rows, blocks);
        }
    }
}

/// Reductions that one tape may have.
pub(crate) const SINKS: usize = 4;

pub(super) struct Identity;

impl WithFold for Identity {
    type Output = f32;
    fn with<F: Fold>(self, _: F) -> f32 {
        F::IDENTITY
    }
}

struct Finish<'a> {
    lanes: &'a Lanes,
}

impl WithFold for Finish<'_> {
    type Output = f32;
    fn with<F: Fold>(self, _: F) -> f32 {
        tree::<F>(*self.lanes)
    }
}

struct Accumulate<'a> {
    level: Level,
    lanes: &'a mut Lanes,
    from: *const f32,
    n: usize,
}

impl WithFold for Accumulate<'_> {
    type Output = ();
    fn with<F: Fold>(self, fold: F) {
        self.level.run(Folded { fold, work: self });
    }
}

/// Work on lanes with a fold, at a level.
pub(super) struct Folded<F, W> {
    pub fold: F,
    pub work: W,
}

impl<F: Fold> Kernel for Folded<F, Accumulate<'_>> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let _ = self.fold;
        // SAFETY: made by `Fused::block` alone, of a tile's elements.
        unsafe { accumulate::<S, F>(s, self.work.lanes, self.work.from, self.work.n) }
    }
}

/// Rows of at most one block.
struct Short {
    level: Level,
    from: *const f32,
    to: *mut f32,
    count: usize,
    row: usize,
}

impl WithFold for Short {
    type Output = ();
    fn with<F: Fold>(self, fold: F) {
        self.level.run(Folded { fold, work: self });
    }
}

impl<F: Fold> Kernel for Folded<F, Short> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Short { from, to, count, row, .. } = self.work;
        for i in 0..count {
            let mut lanes = [F::IDENTITY; LANES];
            // SAFETY: made by `Fused::run` alone, of `count` rows of a tile and their results.
            unsafe {
                accumulate::<S, F>(s, &mut lanes, from.add(i * row), row);
                *to.add(i) = tree::<F>(lanes);
            }
        }
    }
}

/// Combines the blocks `[outer, blocks, inner]` in ascending order.
pub(super) struct Combine {
    pub from: *const f32,
    pub to: *mut f32,
    pub outer: usize,
    pub blocks: usize,
    pub inner: usize,
}

impl WithFold for Combine {
    type Output = ();
    fn with<F: Fold>(self, _: F) {
        for o in 0..self.outer {
            for i in 0..self.inner {
                // SAFETY: made of a kernel's own parts and results.
                unsafe {
                    let from = self.from.add(o * self.blocks * self.inner + i);
                    let mut sum = *from;
                    for b in 1..self.blocks {
                        sum = F::combine_one(sum, *from.add(b * self.inner));
                    }
                    *self.to.add(o * self.inner + i) = sum;
                }
            }
        }
    }
}

/// A reduction of the middle axis of `[outer, k, inner]`, row-major.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// Instructions.
    pub level: Level,
    /// What is computed; not [`Reduction::LogSumExp`].
    pub kind: Reduction,
    /// The array.
    pub from: BufferId,
    /// Its first element.
    pub offset: usize,
    /// `[outer, inner]`.
    pub to: BufferId,
    /// `[outer, blocks, inner]`, where there is more than one block.
    pub partial: Option<BufferId>,
    /// Sizes.
    pub outer: usize,
    /// Length of the reduction.
    pub k: usize,
    /// Number of columns.
    pub inner: usize,
}

impl Columns {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let frame = *frame;
        let blocks = self.k.div_ceil(BLOCK).max(1);
        let strips = self.inner.div_ceil(STRIP);
        let cost = self.k.min(BLOCK) * self.inner.min(STRIP) / 8;
        frame.share_range(self.outer * blocks * strips, 1, cost, |start, end, _| {
            for unit in start..end {
                let (rest, strip) = (unit / strips, unit % strips * STRIP);
                let (outer, block) = (rest / blocks, rest % blocks);
                let terms = (self.k - block * BLOCK).min(BLOCK);
                let columns = (self.inner - strip).min(STRIP);
                let to = if blocks > 1 { self.partial.unwrap_or(self.to) } else { self.to };
                let first = self.offset + (outer * self.k + block * BLOCK) * self.inner + strip;
                // SAFETY: within the arrays; the results are this unit's alone.
                unsafe {
                    let from = frame.buffer(self.from).cast::<f32>().add(first);
                    let to =
                        frame.buffer(to).cast::<f32>().add((outer * blocks + block) * self.inner + strip);
                    let strip = Strip { level: self.level, from, to, terms, columns, stride: self.inner };
                    with_fold(self.kind, strip);
                }
            }
        });
        if let (true, Some(partial)) = (blocks > 1, self.partial) {
            let (from, to) =
                (frame.buffer(partial).cast::<f32>().cast_const(), frame.buffer(self.to).cast::<f32>());
            with_fold(self.kind, Combine { from, to, outer: self.outer, blocks, inner: self.inner });
        }
    }
}

/// Columns that are done together: their lanes stay in the first cache.
const STRIP: usize = 128;
/// Rows of a lane that are combined at a time.
const ROUNDS: usize = 4;

struct Strip {
    level: Level,
    from: *const f32,
    to: *mut f32,
    terms: usize,
    columns: usize,
    stride: usize,
}

impl WithFold for Strip {
    type Output = ();
    fn with<F: Fold>(self, fold: F) {
        self.level.run(Folded { fold, work: self });
    }
}

impl<F: Fold> Kernel for Folded<F, Strip> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Strip { from, to, terms, columns, stride, .. } = self.work;
        // The lanes of all columns, so that memory is read row by row.
        let mut lanes = [[F::IDENTITY; STRIP]; LANES];
        let whole = columns / S::LANES * S::LANES;
        let t = s.tail(columns - whole);
        // SAFETY: made by `Columns::run` alone, of rows and results of `columns` elements, at most a strip.
        unsafe {
            // Several rows of a lane at a time, for its elements are stored at half the speed at which rows are read.
            let even = terms / (LANES * ROUNDS) * (LANES * ROUNDS);
            for first in (0..even).step_by(LANES * ROUNDS) {
                for (k, lane) in lanes.iter_mut().enumerate() {
                    let (p, lane) = (from.add((first + k) * stride), lane.as_mut_ptr());
                    for i in (0..whole).step_by(S::LANES) {
                        let mut sum = s.load(lane.add(i));
                        for round in 0..ROUNDS {
                            sum = F::combine(s, sum, s.load(p.add(round * LANES * stride + i)));
                        }
                        s.store(lane.add(i), sum);
                    }
                }
            }
            for k in 0..terms {
                let p = from.add(k * stride);
                let lane = lanes[k % LANES].as_mut_ptr();
                let left = if k < even { whole } else { 0 };
                for i in (left..whole).step_by(S::LANES) {
                    s.store(lane.add(i), F::combine(s, s.load(lane.add(i)), s.load(p.add(i))));
                }
                if whole < columns {
                    let (lane, x) = (lane.add(whole), s.load_tail(p.add(whole), t));
                    s.store_tail(lane, F::combine(s, s.load_tail(lane, t), x), t);
                }
            }
            for i in (0..columns).step_by(S::LANES) {
                let mut lanes: [S::F; LANES] = std::array::from_fn(|k| s.load(lanes[k].as_ptr().add(i)));
                let mut width = LANES / 2;
                while width > 0 {
                    for k in 0..width {
                        lanes[k] = F::combine(s, lanes[k], lanes[k + width]);
                    }
                    width /= 2;
                }
                s.store_tail(to.add(i), lanes[0], s.tail((columns - i).min(S::LANES)));
            }
        }
    }
}
