//! Sums of columns, and other reductions of them, of what a tape computes: without that array ever being in memory.

use std::array::from_fn;
use std::ops::Range;

use super::Frame;
use super::reduce::{BLOCK, Combine, Extent, Fold, Folded, Identity, LANES, Sink, WithFold, with_fold};
use super::tape::Tape;
use crate::simd::{Kernel, Level, Simd};

/// Elementwise operations over arrays `[outer, k, inner]`, and reductions of the middle axis.
#[derive(Debug, Clone)]
pub(crate) struct FusedColumns {
    /// Instructions of the reductions.
    pub level: Level,
    /// The operations.
    pub tape: Tape,
    /// Sizes; none is 0.
    pub extent: Extent,
    /// The reductions, at least one: to one element for each column.
    pub sinks: Vec<Sink>,
}

impl FusedColumns {
    /// Bytes of scratch that a worker needs.
    pub fn scratch(&self) -> usize {
        self.tape.scratch + self.sinks.len() * self.lanes() * size_of::<f32>()
    }

    /// Number of the lanes of all columns.
    fn lanes(&self) -> usize {
        LANES * self.extent.inner
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let (frame, Extent { outer, k, inner }) = (*frame, self.extent);
        let blocks = k.div_ceil(BLOCK);
        let cost = (self.tape.cost + self.sinks.len()) * k.min(BLOCK) * inner;
        frame.share_range(outer * blocks, 1, cost, |start, end, scratch| {
            for unit in start..end {
                let first = unit / blocks * k + unit % blocks * BLOCK;
                let last = (first + BLOCK).min((unit / blocks + 1) * k);
                // SAFETY: the block is this call's alone.
                unsafe { self.block(&frame, scratch, unit, first * inner..last * inner) };
            }
        });
        for sink in &self.sinks {
            if let Some(partial) = sink.partial {
                let (from, to) = (frame.buffer(partial).cast::<f32>().cast_const(), frame.buffer(sink.to));
                with_fold(sink.kind, Combine { from, to: to.cast(), outer, blocks, inner });
            }
        }
    }

    /// Does the elements of a block of rows; its results are those of this number.
    ///
    /// # Safety
    /// As [`FusedColumns::run`]; the block is the caller's alone.
    unsafe fn block(&self, frame: &Frame, scratch: *mut u8, number: usize, elements: Range<usize>) {
        let lanes = |sink: usize| {
            scratch.wrapping_add(self.tape.scratch).cast::<f32>().wrapping_add(sink * self.lanes())
        };
        for (i, sink) in self.sinks.iter().enumerate() {
            // SAFETY: the scratch has room for the lanes of each reduction.
            let lanes = unsafe { std::slice::from_raw_parts_mut(lanes(i), self.lanes()) };
            lanes.fill(with_fold(sink.kind, Identity));
        }
        let first = elements.start;
        let fold = |start: usize, n: usize| {
            for (i, sink) in self.sinks.iter().enumerate() {
                let from = sink.from.at(frame.table, scratch, start).cast_const().cast();
                let at = (start - first) % self.lanes();
                let (level, period) = (self.level, self.lanes());
                with_fold(sink.kind, Add { level, lanes: lanes(i), period, at, from, n });
            }
        };
        // SAFETY: the caller's promise.
        unsafe { self.tape.run_tiles(frame, scratch, elements, self.tape.tile, fold) };
        for (i, sink) in self.sinks.iter().enumerate() {
            let to = frame.buffer(sink.partial.unwrap_or(sink.to)).cast::<f32>();
            let to = to.wrapping_add(number * self.extent.inner);
            let columns = self.extent.inner;
            with_fold(sink.kind, Finish { level: self.level, lanes: lanes(i), columns, to });
        }
    }
}

/// Adds a tile's elements to the lanes of their columns: the lane of an element is that of its row, so that elements which are as many as
/// all lanes apart share one.
struct Add {
    level: Level,
    lanes: *mut f32,
    /// Number of the lanes of all columns: a multiple of every vector.
    period: usize,
    /// The lane of the first element: a multiple of every vector.
    at: usize,
    from: *const f32,
    n: usize,
}

impl WithFold for Add {
    type Output = ();
    fn with<F: Fold>(self, fold: F) {
        self.level.run(Folded { fold, work: self });
    }
}

impl<F: Fold> Kernel for Folded<F, Add> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Add { lanes, period, mut at, from, n, .. } = self.work;
        for first in (0..n.min(period)).step_by(S::LANES) {
            // SAFETY: made by `FusedColumns::block` alone: the lanes, and the elements of a tile.
            unsafe {
                let lane = lanes.add(at);
                let (mut sum, mut i) = (s.load(lane), first);
                while i + S::LANES <= n {
                    sum = F::combine(s, sum, s.load(from.add(i)));
                    i += period;
                }
                if i < n {
                    let rest = s.load_tail_or(from.add(i), s.tail(n - i), s.splat(F::IDENTITY));
                    sum = F::combine(s, sum, rest);
                }
                s.store(lane, sum);
            }
            at += S::LANES;
            at = if at == period { 0 } else { at };
        }
    }
}

/// Combines the lanes of each column: halves, quarters, … of them.
struct Finish {
    level: Level,
    lanes: *const f32,
    columns: usize,
    to: *mut f32,
}

impl WithFold for Finish {
    type Output = ();
    fn with<F: Fold>(self, fold: F) {
        self.level.run(Folded { fold, work: self });
    }
}

impl<F: Fold> Kernel for Folded<F, Finish> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Finish { lanes, columns, to, .. } = self.work;
        for i in (0..columns).step_by(S::LANES) {
            let t = s.tail((columns - i).min(S::LANES));
            // SAFETY: made by `FusedColumns::block` alone, of the lanes and of room for a result of each column.
            unsafe {
                let mut sums: [S::F; LANES] = from_fn(|k| s.load_tail(lanes.add(k * columns + i), t));
                let mut width = LANES / 2;
                while width > 0 {
                    for k in 0..width {
                        sums[k] = F::combine(s, sums[k], sums[k + width]);
                    }
                    width /= 2;
                }
                s.store_tail(to.add(i), sums[0], t);
            }
        }
    }
}
