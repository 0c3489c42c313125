//! Elements moved from one arrangement to another.

use std::ops::Range;

use super::row_block::{ByRows, RowBlock};
use super::{BufferId, Frame};

/// Elements of one buffer copied to places of another.
#[derive(Debug, Clone)]
pub(crate) struct Copy {
    /// Bytes of an element.
    pub width: usize,
    /// Where the elements come from.
    pub from: BufferId,
    /// The first of them.
    pub from_offset: isize,
    /// Where they go.
    pub to: BufferId,
    /// The first place.
    pub to_offset: isize,
    /// Axes, outermost first, at least one: size, stride of the source, stride of the target, in elements.
    pub axes: Vec<(usize, isize, isize)>,
}

/// A buffer filled with one element, then with copies to parts of it.
#[derive(Debug, Clone)]
pub(crate) struct Assemble {
    /// The element, as its first bytes, and how many times it is put; none if the copies cover everything.
    pub fill: Option<([u8; 8], usize)>,
    /// Bytes of an element.
    pub width: usize,
    /// The buffer.
    pub to: BufferId,
    /// The copies.
    pub copies: Vec<Copy>,
}

impl Assemble {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some((value, count)) = self.fill {
                self.fill(frame, value, 0..count);
            }
            self.copies.iter().for_each(|copy| copy.run(frame));
        }
    }

    /// # Safety
    /// As [`Assemble::run`]; the buffer has these elements.
    unsafe fn fill(&self, frame: &Frame, value: [u8; 8], range: Range<usize>) {
        let (to, count) = (frame.buffer(self.to).wrapping_add(range.start * self.width), range.len());
        // SAFETY: the caller's promise.
        unsafe {
            match self.width {
                8 => std::slice::from_raw_parts_mut(to.cast::<[u8; 8]>(), count).fill(value),
                4 => std::slice::from_raw_parts_mut(to.cast::<[u8; 4]>(), count)
                    .fill([value[0], value[1], value[2], value[3]]),
                _ => std::slice::from_raw_parts_mut(to, count).fill(value[0]),
            }
        }
    }
}

impl ByRows for Assemble {
    unsafe fn run_rows(&self, frame: &Frame, block: RowBlock) {
        // SAFETY: the caller's promise.
        unsafe {
            if let Some((value, count)) = self.fill {
                self.fill(frame, value, block.of(count));
            }
            self.copies.iter().for_each(|copy| copy.run_rows(frame, block));
        }
    }
}

impl ByRows for Copy {
    unsafe fn run_rows(&self, frame: &Frame, block: RowBlock) {
        let Some((&(inner, ..), outer)) = self.axes.split_last() else { return };
        let (rows, places) = match outer {
            [] => (0..1, block.of(inner)),
            _ => (block.of(outer.iter().map(|a| a.0).product()), 0..inner),
        };
        for row in rows {
            // SAFETY: the caller's promise.
            unsafe { self.elements(frame, row, places.start, places.len()) };
        }
    }
}

impl Copy {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let frame = *frame;
        let Some((&(inner, ..), outer)) = self.axes.split_last() else { return };
        let rows: usize = outer.iter().map(|a| a.0).product();
        if rows == 0 || inner == 0 {
            return;
        }
        // One long row is cut in stretches.
        let (rows, piece) = if rows == 1 { (inner.div_ceil(4096), 4096) } else { (rows, inner) };
        let single = outer.iter().all(|a| a.0 == 1);
        frame.share_range(rows, 1, piece.div_ceil(8), |start, end, _| {
            for row in start..end {
                let (row, first, count) =
                    if single { (0, row * piece, piece.min(inner - row * piece)) } else { (row, 0, inner) };
                // SAFETY: the row's places are this call's alone.
                unsafe { self.elements(&frame, row, first, count) };
            }
        });
    }

    /// Copies elements of a row of the innermost axis.
    ///
    /// # Safety
    /// As [`Copy::run`].
    unsafe fn elements(&self, frame: &Frame, row: usize, first: usize, count: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.width {
                8 => self.row::<u64>(frame, row, first, count),
                4 => self.row::<u32>(frame, row, first, count),
                _ => self.row::<u8>(frame, row, first, count),
            }
        }
    }

    /// # Safety
    /// As [`Copy::elements`], of this width.
    unsafe fn row<T: std::marker::Copy>(&self, frame: &Frame, row: usize, first: usize, count: usize) {
        let last = self.axes.len() - 1;
        let (_, s, t) = self.axes[last];
        let (mut rest, mut from, mut to) = (row, self.from_offset, self.to_offset);
        for &(size, s, t) in self.axes[..last].iter().rev() {
            let i = (rest % size) as isize;
            rest /= size;
            from += i * s;
            to += i * t;
        }
        // SAFETY: the caller's promise.
        unsafe {
            let from = frame.buffer(self.from).cast::<T>().offset(from + first as isize * s);
            let to = frame.buffer(self.to).cast::<T>().offset(to + first as isize * t);
            match (s, t) {
                (1, 1) => std::ptr::copy_nonoverlapping(from, to, count),
                (0, 1) => std::slice::from_raw_parts_mut(to, count).fill(*from),
                _ => {
                    for i in 0..count as isize {
                        *to.offset(i * t) = *from.offset(i * s);
                    }
                }
            }
        }
    }
}
