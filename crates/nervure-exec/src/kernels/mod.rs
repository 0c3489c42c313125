//! What the steps of a plan do. Everything is unsafe underneath: a kernel trusts that the compiler of plans gave it buffers of the
//! sizes that it was made for, and places that do not overlap where they must not.

pub(crate) mod columns;
pub(crate) mod conv;
pub(crate) mod gemm;
pub(crate) mod index;
pub(crate) mod map;
pub(crate) mod math;
pub(crate) mod matmul;
pub(crate) mod movement;
pub(crate) mod panels;
pub(crate) mod pool;
pub(crate) mod random;
pub(crate) mod reduce;
pub(crate) mod row_block;
pub(crate) mod rows;
pub(crate) mod scan;
pub(crate) mod tape;
pub(crate) mod window;

use crate::Threads;

/// Number of a buffer in a plan.
pub(crate) type BufferId = u32;

/// An array within a buffer, whose elements lie one after the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct At {
    /// The buffer.
    pub buffer: BufferId,
    /// Bytes from its beginning.
    pub offset: usize,
}

impl At {
    /// The first element.
    #[inline(always)]
    pub fn pointer(self, frame: &Frame) -> *mut u8 {
        frame.buffer(self.buffer).wrapping_add(self.offset)
    }
}

/// What a kernel runs in: where the plan's buffers lie in this run, and who does the work.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// Where each buffer begins.
    pub table: &'a [*mut u8],
    /// Scratch of the first worker.
    pub scratch: *mut u8,
    /// Bytes between the scratches of two workers.
    pub stride: usize,
    /// None for a plan that is too small to share.
    pub threads: Option<&'a Threads>,
}

// SAFETY: the pointers are to buffers of one run, of which the parts of a kernel write disjoint elements.
unsafe impl Sync for Frame<'_> {}
// SAFETY: as above.
unsafe impl Send for Frame<'_> {}

/// Work, in the time of a floating-point operation, below which a part is not worth a thread.
const PART: usize = 1 << 15;

impl Frame<'_> {
    pub fn buffer(&self, id: BufferId) -> *mut u8 {
        self.table[id as usize]
    }

    /// Whether work of this cost is shared.
    pub fn is_shared(&self, cost: usize) -> bool {
        self.threads.is_some() && cost > 2 * PART
    }

    /// Number of those who share.
    pub fn workers(&self) -> usize {
        self.threads.map_or(1, Threads::count)
    }

    /// Calls `work(part, scratch)` once for each part, on all threads if their cost is worth it.
    pub fn share(&self, parts: usize, cost: usize, work: impl Fn(usize, *mut u8) + Sync) {
        match self.threads {
            Some(threads) if parts > 1 && self.is_shared(cost) => {
                let frame = *self;
                threads.run(parts, &move |part, worker| {
                    let frame = &frame;
                    // Within the scratch, which has one stretch for each worker.
                    work(part, frame.scratch.wrapping_add(worker * frame.stride));
                });
            }
            _ => (0..parts).for_each(|part| work(part, self.scratch)),
        }
    }

    /// [`Frame::share`] of `len` elements in stretches of a multiple of `grain`: `work(start, end, scratch)`. `cost` is that of one
    /// element. The stretches do not depend on the number of threads.
    pub fn share_range(
        &self,
        len: usize,
        grain: usize,
        cost: usize,
        work: impl Fn(usize, usize, *mut u8) + Sync,
    ) {
        if len == 0 {
            return;
        }
        let total = len.saturating_mul(cost.max(1));
        // As few parts as are worth a thread, yet enough to even out.
        let parts = (total / PART).clamp(1, 64).min(len.div_ceil(grain));
        let stretch = len.div_ceil(parts).div_ceil(grain) * grain;
        let parts = len.div_ceil(stretch);
        self.share(parts, total, |part, scratch| {
            let start = part * stretch;
            work(start, (start + stretch).min(len), scratch);
        });
    }
}
