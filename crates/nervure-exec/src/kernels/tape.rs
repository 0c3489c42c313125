//! A chain of elementwise operations, done tile by tile: a short list of loops over tiles that stay in the first cache.

use std::ops::Range;

use nervure_graph::DType;

use super::map::{Many, Map, OPERANDS};
use super::random::{self, Draw};
use super::{BufferId, Frame};

/// Elements of a tile: a multiple of every vector and of the lanes of a sum.
pub(crate) const TILE: usize = 512;

/// An operand or result of a step: a whole array that is walked with the tape, a value that repeats, or a register.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Operand {
    /// The buffer, or [`REGISTER`].
    pub buffer: BufferId,
    /// Bytes from its beginning.
    pub offset: usize,
    /// Bytes of an element by which the place moves with the tape; 0 if it stays.
    pub size: u32,
}

/// Stands for the scratch of the worker in the place of a buffer.
pub(crate) const REGISTER: BufferId = BufferId::MAX;

impl Operand {
    /// What a step does not read.
    pub(crate) const NONE: Operand = Operand { buffer: REGISTER, offset: 0, size: 0 };

    /// The element at the tape's `start`.
    #[inline(always)]
    pub(crate) fn at(self, table: &[*mut u8], scratch: *mut u8, start: usize) -> *mut u8 {
        let base = if self.buffer == REGISTER { scratch } else { table[self.buffer as usize] };
        base.wrapping_add(self.offset + start * self.size as usize)
    }
}

/// Where the elements of a walked array lie in a buffer: sizes and strides, in elements, outermost first; at least one axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pattern {
    /// The first element.
    pub offset: isize,
    /// Sizes and strides of the axes.
    pub axes: Vec<(usize, isize)>,
}

impl Pattern {
    /// After how many elements they repeat, if they do.
    pub(crate) fn period(&self) -> Option<usize> {
        (self.axes[0].1 == 0).then(|| self.axes[1..].iter().map(|a| a.0).product())
    }
}

/// A step of a tape.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// An elementwise function.
    Map { f: Map, to: Operand, from: [Operand; 3] },
    /// A formula of several such.
    Formula { f: Many, to: Operand, from: [Operand; OPERANDS] },
    /// Elements of a buffer that do not lie one after the other, `width` bytes each.
    Load { to: Operand, from: BufferId, pattern: Pattern, width: usize },
    /// The same the other way: to elements that do not lie one after the other.
    Store { from: Operand, to: BufferId, pattern: Pattern, width: usize },
    /// `(element div inner) mod size`.
    Iota { to: Operand, dtype: DType, inner: usize, size: usize },
    /// Uniform numbers.
    Random { to: Operand, draw: Draw },
}

/// A chain of elementwise operations over arrays of one number of elements.
#[derive(Debug, Clone)]
pub(crate) struct Tape {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// How many of the first of them give the same in each tile that begins a multiple of [`Tape::period`] elements after another.
    pub steady: usize,
    /// Elements after which what those steps give repeats; a tile is a multiple of it.
    pub period: usize,
    /// Elements of a tile.
    pub tile: usize,
    /// Bytes of registers.
    pub scratch: usize,
    /// Work for one element, in floating-point operations.
    pub cost: usize,
}

impl Tape {
    /// Does the elements of a range, tile by tile.
    ///
    /// # Safety
    /// As [`Tape::run_tiles`].
    pub(crate) unsafe fn run_range(&self, frame: &Frame, scratch: *mut u8, range: Range<usize>) {
        // SAFETY: the caller's promise.
        unsafe { self.run_tiles(frame, scratch, range, self.tile, |_, _| ()) };
    }

    /// Does the elements of a range, `tile` at a time, which is at most [`Tape::tile`]; `then(start, n)` after each `n` of them.
    ///
    /// # Safety
    /// The frame's buffers are those that the tape was compiled for, `scratch` has [`Tape::scratch`] bytes, and nobody else writes these
    /// elements or reads those that are written.
    pub(crate) unsafe fn run_tiles(
        &self,
        frame: &Frame,
        scratch: *mut u8,
        range: Range<usize>,
        tile: usize,
        mut then: impl FnMut(usize, usize),
    ) {
        let mut steps = &self.steps[..];
        for start in range.clone().step_by(tile) {
            let n = tile.min(range.end - start);
            // SAFETY: the caller's promise.
            unsafe { run(steps, frame, scratch, start, n) };
            then(start, n);
            if tile.is_multiple_of(self.period) {
                // No later tile has more elements than the first.
                steps = &self.steps[self.steady..];
            }
        }
    }
}

/// Does some steps for the elements `start .. start + n`.
///
/// # Safety
/// As [`Tape::run_tiles`].
unsafe fn run(steps: &[Step], frame: &Frame, scratch: *mut u8, start: usize, n: usize) {
    let table = frame.table;
    for step in steps {
        match step {
            Step::Map { f, to, from: [a, b, c] } => {
                // SAFETY: the compiler chose the function for these operands, which have the tape's elements.
                unsafe {
                    f(
                        n,
                        to.at(table, scratch, start),
                        a.at(table, scratch, start),
                        b.at(table, scratch, start),
                        c.at(table, scratch, start),
                    );
                }
            }
            Step::Formula { f, to, from } => {
                let from = from.map(|o| o.at(table, scratch, start).cast_const());
                // SAFETY: as above.
                unsafe { f(n, to.at(table, scratch, start), &from) }
            }
            Step::Load { to, from, pattern, width } => {
                let (to, from) = (to.at(table, scratch, start), frame.buffer(*from));
                // SAFETY: the pattern has the tape's elements, all within the buffer.
                unsafe {
                    match width {
                        8 => load::<u64>(pattern, start, n, to.cast(), from.cast()),
                        4 => load::<u32>(pattern, start, n, to.cast(), from.cast()),
                        _ => load::<u8>(pattern, start, n, to, from),
                    }
                }
            }
            Step::Store { from, to, pattern, width } => {
                let (from, to) = (from.at(table, scratch, start), frame.buffer(*to));
                // SAFETY: the pattern has the tape's elements, all within the buffer, each at a place of its own.
                unsafe {
                    match width {
                        8 => store::<u64>(pattern, start, n, to.cast(), from.cast()),
                        4 => store::<u32>(pattern, start, n, to.cast(), from.cast()),
                        _ => store::<u8>(pattern, start, n, to, from),
                    }
                }
            }
            Step::Iota { to, dtype, inner, size } => {
                let to = to.at(table, scratch, start);
                // SAFETY: `n` elements of this type are writable there.
                unsafe {
                    match dtype {
                        DType::F32 => iota(to.cast::<f32>(), start, n, *inner, *size, |i| i as f32),
                        DType::I32 => iota(to.cast::<i32>(), start, n, *inner, *size, |i| i as i32),
                        DType::I64 => iota(to.cast::<i64>(), start, n, *inner, *size, |i| i as i64),
                        DType::U8 | DType::Bool => iota(to, start, n, *inner, *size, |i| i as u8),
                    }
                }
            }
            Step::Random { to, draw } => {
                // SAFETY: `n` floats are writable there; seed, step and time are scalars of their types.
                unsafe { random::draw(draw, frame, start, n, to.at(table, scratch, start).cast()) }
            }
        }
    }
}

/// # Safety
/// `n` elements are writable at `to`.
unsafe fn iota<T>(to: *mut T, start: usize, n: usize, inner: usize, size: usize, make: impl Fn(usize) -> T) {
    let (mut value, mut within) = (start / inner % size, start % inner);
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe { to.add(i).write(make(value)) };
        within += 1;
        if within == inner {
            within = 0;
            value = if value + 1 == size { 0 } else { value + 1 };
        }
    }
}

/// Copies the elements `start .. start + n` of a pattern over `from` to `to`.
///
/// # Safety
/// The pattern has these elements, within what `from` points to; `n` elements are writable at `to`, apart from those.
pub(crate) unsafe fn load<T: Copy>(pattern: &Pattern, start: usize, n: usize, to: *mut T, from: *const T) {
    let mut loaded = pattern.period().map_or(n, |period| period.min(n));
    runs(pattern, start, loaded, |done, place, run, stride| {
        // SAFETY: the run lies within one row of the pattern.
        unsafe {
            let (to, from) = (to.add(done), from.offset(place));
            match stride {
                1 if run >= 16 => std::ptr::copy_nonoverlapping(from, to, run),
                0 => std::slice::from_raw_parts_mut(to, run).fill(*from),
                _ => (0..run).for_each(|i| *to.add(i) = *from.offset(i as isize * stride)),
            }
        }
    });
    // What repeats is copied from what is there already, in ever longer stretches.
    while loaded < n {
        let more = loaded.min(n - loaded);
        // SAFETY: within the `n` elements, after those that are read.
        unsafe { std::ptr::copy_nonoverlapping(to, to.add(loaded), more) };
        loaded += more;
    }
}

/// Copies `n` elements to the elements `start .. start + n` of a pattern over `to`.
///
/// # Safety
/// As [`load`], with the sides changed.
unsafe fn store<T: Copy>(pattern: &Pattern, start: usize, n: usize, to: *mut T, from: *const T) {
    runs(pattern, start, n, |done, place, run, stride| {
        // SAFETY: the run lies within one row of the pattern.
        unsafe {
            let (to, from) = (to.offset(place), from.add(done));
            match stride {
                1 if run >= 16 => std::ptr::copy_nonoverlapping(from, to, run),
                _ => (0..run).for_each(|i| *to.offset(i as isize * stride) = *from.add(i)),
            }
        }
    });
}

/// Calls `each(elements before, place, elements, stride)` for each stretch of a row among the elements `start .. start + n` of a pattern.
#[inline(always)]
fn runs(pattern: &Pattern, start: usize, n: usize, mut each: impl FnMut(usize, isize, usize, isize)) {
    if n == 0 {
        return;
    }
    let axes = &pattern.axes;
    let last = axes.len() - 1;
    // The index along each axis of the first element; ranks beyond 8 are rare enough to pay for a vector.
    let mut small = [0usize; 8];
    let mut large;
    let index: &mut [usize] = if axes.len() <= 8 {
        &mut small[..axes.len()]
    } else {
        large = vec![0; axes.len()];
        &mut large
    };
    let mut rest = start;
    let mut place = pattern.offset;
    for (i, &(size, stride)) in axes.iter().enumerate().rev() {
        index[i] = rest % size;
        rest /= size;
        place += index[i] as isize * stride;
    }
    let (inner, stride) = axes[last];
    let mut done = 0;
    loop {
        let run = (inner - index[last]).min(n - done);
        each(done, place, run, stride);
        done += run;
        if done == n {
            return;
        }
        // On to the next row.
        place -= index[last] as isize * stride;
        index[last] = 0;
        for axis in (0..last).rev() {
            let (size, stride) = axes[axis];
            index[axis] += 1;
            place += stride;
            if index[axis] < size {
                break;
            }
            place -= size as isize * stride;
            index[axis] = 0;
        }
    }
}
