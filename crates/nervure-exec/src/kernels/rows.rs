//! Reductions of rows that the lanes of a tape do not do: logarithms of sums, places of the greatest, whole numbers.

use std::ops::Range;

use nervure_graph::{DType, Reduction};

use super::reduce::{self, BLOCK, Fold, LANES, Max, Sum, tree};
use super::row_block::{ByRows, RowBlock};
use super::tape::{Pattern, load};
use super::{BufferId, Frame, math};
use crate::simd::{Kernel, Level, Simd};

/// What is computed of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowKind {
    /// ln Σ eˣ, of floats.
    LogSumExp,
    /// Place of the first greatest, `i32`.
    ArgMax,
    /// A sum, greatest or least of whole numbers.
    Whole(Reduction),
}

/// A reduction of rows, which may lie anyhow.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// Instructions.
    pub level: Level,
    /// What is computed.
    pub kind: RowKind,
    /// Type of the elements.
    pub dtype: DType,
    /// Where they lie.
    pub from: BufferId,
    /// The elements, row by row.
    pub pattern: Pattern,
    /// Whether they lie one after the other.
    pub is_contiguous: bool,
    /// Number of rows.
    pub rows: usize,
    /// Elements of a row.
    pub row: usize,
    /// One result for each row.
    pub to: BufferId,
}

/// Bytes of scratch of a worker: a block of the widest elements.
pub(crate) const SCRATCH: usize = BLOCK * 8;

impl Rows {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for; workers have [`SCRATCH`] bytes.
    pub unsafe fn run(&self, frame: &Frame) {
        let frame = *frame;
        frame.share_range(self.rows, 1, 8 * self.row.max(1), |start, end, scratch| {
            // SAFETY: the caller's promise; the rows' results are this call's alone.
            unsafe { self.some(&frame, scratch, start..end) };
        });
    }

    /// # Safety
    /// As [`Rows::run`]; the rows are the caller's alone.
    unsafe fn some(&self, frame: &Frame, scratch: *mut u8, rows: Range<usize>) {
        if self.kind == RowKind::LogSumExp {
            return self.level.run(LogSumExp {
                rows: self,
                frame: *frame,
                scratch,
                start: rows.start,
                end: rows.end,
            });
        }
        for row in rows {
            // SAFETY: the caller's promise.
            unsafe {
                match (self.kind, self.dtype) {
                    (RowKind::LogSumExp, _) => {}
                    (RowKind::ArgMax, DType::F32) => self.argmax::<f32>(frame, scratch, row, f32::is_nan),
                    (RowKind::ArgMax, DType::I32) => self.argmax::<i32>(frame, scratch, row, |_| false),
                    (RowKind::ArgMax, DType::I64 | DType::U8 | DType::Bool) => {
                        self.argmax::<i64>(frame, scratch, row, |_| false);
                    }
                    (RowKind::Whole(kind), DType::I32) => {
                        let (least, greatest) = (i32::MIN, i32::MAX);
                        let (first, f): (i32, fn(i32, i32) -> i32) = match kind {
                            Reduction::Max => (least, i32::max),
                            Reduction::Min => (greatest, i32::min),
                            Reduction::Sum | Reduction::Product | Reduction::LogSumExp => {
                                (0, i32::wrapping_add)
                            }
                        };
                        self.fold(frame, scratch, row, first, f);
                    }
                    (RowKind::Whole(kind), DType::F32 | DType::I64 | DType::U8 | DType::Bool) => {
                        let (first, f): (i64, fn(i64, i64) -> i64) = match kind {
                            Reduction::Max => (i64::MIN, i64::max),
                            Reduction::Min => (i64::MAX, i64::min),
                            Reduction::Sum | Reduction::Product | Reduction::LogSumExp => {
                                (0, i64::wrapping_add)
                            }
                        };
                        self.fold(frame, scratch, row, first, f);
                    }
                }
            }
        }
    }

    /// The elements `at .. at + n` of a row, at most a block.
    ///
    /// # Safety
    /// As [`Rows::run`].
    unsafe fn piece<T: Copy>(
        &self,
        frame: &Frame,
        scratch: *mut u8,
        row: usize,
        at: usize,
        n: usize,
    ) -> *const T {
        let from = frame.buffer(self.from).cast::<T>();
        let start = row * self.row + at;
        if self.is_contiguous {
            return from.wrapping_offset(self.pattern.offset + start as isize);
        }
        // SAFETY: the pattern has these elements; the scratch has room for a block.
        unsafe { load::<T>(&self.pattern, start, n, scratch.cast(), from) };
        scratch.cast::<T>()
    }

    /// # Safety
    /// As [`Rows::run`].
    unsafe fn argmax<T: Copy + PartialOrd>(
        &self,
        frame: &Frame,
        scratch: *mut u8,
        row: usize,
        is_nan: fn(T) -> bool,
    ) {
        let mut best: Option<(T, usize)> = None;
        for at in (0..self.row).step_by(BLOCK) {
            let n = BLOCK.min(self.row - at);
            // SAFETY: the caller's promise.
            unsafe {
                let p = self.piece::<T>(frame, scratch, row, at, n);
                for i in 0..n {
                    let x = *p.add(i);
                    if best.is_none_or(|(b, _)| !is_nan(b) && (x > b || is_nan(x))) {
                        best = Some((x, at + i));
                    }
                }
            }
        }
        // SAFETY: one result for each row.
        unsafe { *frame.buffer(self.to).cast::<i32>().add(row) = best.map_or(0, |b| b.1 as i32) };
    }

    /// # Safety
    /// As [`Rows::run`].
    unsafe fn fold<T: Copy>(&self, frame: &Frame, scratch: *mut u8, row: usize, first: T, f: fn(T, T) -> T) {
        let mut sum = first;
        for at in (0..self.row).step_by(BLOCK) {
            let n = BLOCK.min(self.row - at);
            // SAFETY: the caller's promise.
            unsafe {
                let p = self.piece::<T>(frame, scratch, row, at, n);
                for i in 0..n {
                    sum = f(sum, *p.add(i));
                }
            }
        }
        // SAFETY: one result for each row.
        unsafe { *frame.buffer(self.to).cast::<T>().add(row) = sum };
    }
}

impl ByRows for Rows {
    unsafe fn run_rows(&self, frame: &Frame, block: RowBlock) {
        // SAFETY: the caller's promise.
        unsafe { self.some(frame, frame.scratch, block.of(self.rows)) };
    }
}

struct LogSumExp<'a> {
    rows: &'a Rows,
    frame: Frame<'a>,
    scratch: *mut u8,
    start: usize,
    end: usize,
}

impl Kernel for LogSumExp<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let to = self.frame.buffer(self.rows.to).cast::<f32>();
        for first in (self.start..self.end).step_by(LANES) {
            let count = LANES.min(self.end - first);
            let (mut greatest, mut sums) = ([0.0; LANES], [1.0; LANES]);
            for i in 0..count {
                (greatest[i], sums[i]) = self.row(s, first + i);
            }
            // SAFETY: no level has more than 16 lanes; one result for each row.
            unsafe {
                for v in (0..LANES).step_by(S::LANES) {
                    let p = sums.as_mut_ptr().add(v);
                    let log = math::log(s, s.load(p));
                    s.store(p, s.add(log, s.load(greatest.as_ptr().add(v))));
                }
                std::ptr::copy_nonoverlapping(sums.as_ptr(), to.add(first), count);
            }
        }
    }
}

impl LogSumExp<'_> {
    /// The greatest element of a row, and the sum of the exponentials of what the others fall short of it. Where the greatest is not
    /// finite it is the answer, and the sum is 1.
    #[inline(always)]
    fn row<S: Simd>(&self, s: S, row: usize) -> (f32, f32) {
        let LogSumExp { rows, frame, scratch, .. } = self;
        let mut greatest = f32::NEG_INFINITY;
        for at in (0..rows.row).step_by(BLOCK) {
            let n = BLOCK.min(rows.row - at);
            let mut lanes = [f32::NEG_INFINITY; LANES];
            // SAFETY: made by `Rows::run` alone.
            unsafe {
                let p = rows.piece::<f32>(frame, *scratch, row, at, n);
                reduce::accumulate::<S, Max>(s, &mut lanes, p, n);
            }
            greatest = Max::combine_one(greatest, tree::<Max>(lanes));
        }
        if !greatest.is_finite() {
            return (greatest, 1.0);
        }
        let (shift, lowest) = (s.splat(greatest), s.splat(f32::NEG_INFINITY));
        let mut total = 0.0;
        for at in (0..rows.row).step_by(BLOCK) {
            let n = BLOCK.min(rows.row - at);
            let mut sums = [s.splat(0.0); LANES];
            // SAFETY: made by `Rows::run` alone.
            let block = unsafe {
                let p = rows.piece::<f32>(frame, *scratch, row, at, n);
                for (v, i) in (0..n).step_by(S::LANES).enumerate() {
                    let x = if i + S::LANES <= n {
                        s.load(p.add(i))
                    } else {
                        s.load_tail_or(p.add(i), s.tail(n - i), lowest)
                    };
                    let sum = &mut sums[v % (LANES / S::LANES)];
                    *sum = s.add(*sum, math::exp(s, s.sub(x, shift)));
                }
                let mut lanes = [0.0; LANES];
                for (v, sum) in sums.iter().enumerate().take(LANES / S::LANES) {
                    s.store(lanes.as_mut_ptr().add(v * S::LANES), *sum);
                }
                tree::<Sum>(lanes)
            };
            total = if at == 0 { block } else { total + block };
        }
        (greatest, total)
    }
}
