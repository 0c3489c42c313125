//! Kernels that do the rows of a batch each apart from the others, so that a block of rows can go through several of them, step by step, while its
//! values stay in cache and nobody waits for anybody.

use std::ops::Range;

use super::Frame;

/// Some of the rows of a batch, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowBlock {
    /// The first.
    pub start: usize,
    /// The one after the last.
    pub end: usize,
    /// Rows of the whole batch.
    pub all: usize,
}

impl RowBlock {
    /// The block's share of `len` things, of which each row has as many as any other.
    pub fn of(self, len: usize) -> Range<usize> {
        let each = len / self.all;
        self.start * each..self.end * each
    }
}

/// What can be done of some rows alone, if the compiler found so: of what it writes, the block's share is written, and of what is written beside
/// it, the block's share is read.
pub(crate) trait ByRows {
    /// Does the block's share, in the scratch of the frame's first worker.
    ///
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for, and nobody else does these rows.
    unsafe fn run_rows(&self, frame: &Frame, block: RowBlock);
}
