//! A plan run once for each step of a time axis.

use std::ops::Range;

use super::row_block::RowBlock;
use super::{At, BufferId, Frame};
use crate::compile::{Place, RowBlocks};
use crate::plan::PlanStep;
use crate::{Error, Plan};

/// A scan: its body has the carries, slices, invariants and the time index as inputs, the new carries and what is stacked as outputs.
pub(crate) struct Scan {
    pub body: Plan,
    pub length: usize,
    /// Work, in the time of a floating-point operation.
    pub cost: usize,
    pub reverse: bool,
    pub carries: Vec<Carry>,
    /// Sliced arrays, and bytes of a slice.
    pub slices: Vec<(At, usize)>,
    pub invariants: Vec<At>,
    /// Stacked results, and bytes of a slice.
    pub stacks: Vec<(BufferId, usize)>,
    /// Room for the body's table of buffers.
    pub table: BufferId,
    /// Room for the body's arena, unless each worker has its own.
    pub arena: BufferId,
    /// Whether no step waits for another, so that each thread can take steps of its own.
    pub is_apart: bool,
    /// Room for what kernels keep from step to step.
    pub kept: BufferId,
    /// Room for the time index.
    pub time: BufferId,
}

/// A value that one step hands to the next. It goes to and fro between two buffers, or along the stack of what each step begins with, and comes
/// to rest in the result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carry {
    pub initial: At,
    pub result: BufferId,
    pub between: Between,
    pub bytes: usize,
}

/// Where a carry lies between two steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Between {
    /// In the result and in this buffer by turns.
    Spare(BufferId),
    /// In the slice of this stacked result for the step to come.
    Stack(BufferId),
}

impl Scan {
    /// The time index of a step.
    fn time_of(&self, step: usize) -> usize {
        if self.reverse { self.length - 1 - step } else { step }
    }

    /// Where a step leaves a carry.
    fn after(&self, frame: &Frame, carry: &Carry, step: usize) -> *mut u8 {
        let left = self.length - 1 - step;
        match carry.between {
            _ if left == 0 => frame.buffer(carry.result),
            Between::Stack(stack) => frame.buffer(stack).wrapping_add(self.time_of(step + 1) * carry.bytes),
            Between::Spare(_) if left.is_multiple_of(2) => frame.buffer(carry.result),
            Between::Spare(spare) => frame.buffer(spare),
        }
    }
}

/// Bytes of a body's arena up to which steps that need not wait for each other are done apart: as much as a thread's share of the caches holds. Kernels
/// of larger bodies have enough to share among threads themselves, and one arena serves them.
const APART: usize = 4 << 20;
/// Parts for each thread from which on it hardly shows that some are done last.
const EVEN: usize = 4;
/// Parts of steps at most.
const PARTS: usize = 64;

impl Scan {
    /// Whether the steps of a body can be done apart, and are worth it.
    pub fn is_apart(body: &Plan, carries: usize) -> bool {
        carries == 0 && body.arena <= APART && !body.steps.iter().any(|s| s.kernel.can_fail())
    }

    /// Whether workers have each a table, an arena and a time index of their own.
    pub fn has_rooms(&self) -> bool {
        self.is_apart || self.body.row_blocks.is_some()
    }

    /// Bytes of scratch that a worker needs: that of the body's kernels, and its room.
    pub fn scratch(&self) -> usize {
        let room = LINE + self.table_bytes() + self.body.arena;
        self.kernels_scratch() + if self.has_rooms() { room } else { 0 }
    }

    fn kernels_scratch(&self) -> usize {
        self.body.scratch.next_multiple_of(LINE)
    }

    fn table_bytes(&self) -> usize {
        (self.body.places.len() * size_of::<*mut u8>()).next_multiple_of(LINE)
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) -> Result<(), Error> {
        // SAFETY: the room has a pointer for each of the body's buffers and a time index, and is this kernel's alone.
        let mut walk = unsafe {
            let table = frame.buffer(self.table).cast::<*mut u8>();
            Walk::new(self, *frame, table, frame.buffer(self.time), frame.buffer(self.arena))
        };
        if self.length == 0 {
            // SAFETY: the caller's promise.
            unsafe { walk.begin(WHOLE) };
            return Ok(());
        }
        walk.at(0);
        // SAFETY: of the table, only what all steps share is read.
        unsafe { self.body.keep(&walk.frame()) };
        if self.is_apart {
            // SAFETY: the caller's promise.
            unsafe { self.apart(frame) };
            return Ok(());
        }
        let Some(blocks) = &self.body.row_blocks else {
            // SAFETY: the caller's promise.
            unsafe { walk.begin(WHOLE) };
            // SAFETY: the table holds what the body was compiled for.
            let kernel = |step: &PlanStep, frame: &Frame| unsafe { step.kernel.run(frame) };
            let kernels = |frame: &Frame| self.body.steps.iter().try_for_each(|step| kernel(step, frame));
            return walk.steps(0..self.length, kernels);
        };
        let rows = blocks.rows;
        let workers = if frame.is_shared(self.cost) { frame.workers() } else { 1 };
        let parts = rows.div_ceil(blocks.block).next_multiple_of(workers);
        let each = rows.div_ceil(parts);
        let outer = *frame;
        frame.share(rows.div_ceil(each), self.cost, |part, scratch| {
            let block = RowBlock { start: part * each, end: (part * each + each).min(rows), all: rows };
            // SAFETY: the caller's promise; the scratch has room for this, and nobody else does these rows.
            unsafe { self.rows(&outer, blocks, block, scratch) };
        });
        Ok(())
    }

    /// Does steps that do not wait for each other, on all threads if there are enough.
    ///
    /// # Safety
    /// As [`Scan::run`].
    unsafe fn apart(&self, frame: &Frame) {
        let (length, workers) = (self.length, frame.workers());
        let is_even = length.is_multiple_of(workers) || length >= EVEN * workers;
        let parts = if is_even && frame.is_shared(self.cost) { length.min(PARTS) } else { 1 };
        let outer = Frame { threads: frame.threads.filter(|_| parts == 1), ..*frame };
        frame.share(parts, self.cost, |part, scratch| {
            let steps = part * length / parts..(part + 1) * length / parts;
            // SAFETY: the caller's promise; no other part has these steps.
            unsafe { self.some(&outer, steps, scratch) };
        });
    }

    /// Does some of the steps in a worker's room.
    ///
    /// # Safety
    /// As [`Scan::run`]; nobody else does these steps, and the scratch is the caller's.
    unsafe fn some(&self, outer: &Frame, steps: Range<usize>, scratch: *mut u8) {
        let (time, table, arena) = self.room(scratch);
        // SAFETY: the scratch has room for all this, and the table holds what the body was compiled for.
        unsafe {
            let mut walk = Walk::new(self, Frame { scratch, ..*outer }, table, time, arena);
            let kernels = |frame: &Frame| self.body.steps.iter().try_for_each(|step| step.kernel.run(frame));
            let done = walk.steps(steps, kernels);
            debug_assert!(done.is_ok(), "such kernels cannot fail");
        }
    }

    /// The time index, table and arena in a worker's scratch.
    fn room(&self, scratch: *mut u8) -> (*mut u8, *mut *mut u8, *mut u8) {
        let time = scratch.wrapping_add(self.kernels_scratch());
        let table = time.wrapping_add(LINE);
        (time, table.cast(), table.wrapping_add(self.table_bytes()))
    }

    /// Takes a block of rows through all steps.
    ///
    /// # Safety
    /// As [`Scan::run`]; nobody else does these rows, and a worker's scratch is the caller's.
    unsafe fn rows(&self, outer: &Frame, blocks: &RowBlocks, block: RowBlock, scratch: *mut u8) {
        let (time, table, arena) = self.room(scratch);
        let outer = Frame { scratch, threads: None, ..*outer };
        // SAFETY: the scratch has room for all this; what kernels write of each row lies in the arena's part of a buffer, whose first row is
        // the block's.
        unsafe {
            let mut walk = Walk::new(self, outer, table, time, arena);
            for (b, (pointer, (place, _))) in walk.table.iter_mut().zip(&self.body.places).enumerate() {
                if matches!(place, Place::Arena) {
                    *pointer = pointer.wrapping_sub(block.start * blocks.bytes[b]);
                }
            }
            walk.begin(block);
            let done = walk.steps(0..self.length, |frame| {
                for step in &self.body.steps {
                    let kernel = step.kernel.by_rows();
                    kernel.expect("a body in blocks has kernels that do rows apart").run_rows(frame, block);
                }
                Ok(())
            });
            debug_assert!(done.is_ok(), "such kernels cannot fail");
        }
    }
}

/// All that there is, as one row.
const WHOLE: RowBlock = RowBlock { start: 0, end: 1, all: 1 };

/// A cache line.
const LINE: usize = 64;

/// A walk along the steps of a scan.
struct Walk<'a> {
    scan: &'a Scan,
    outer: Frame<'a>,
    /// Where the body's buffers lie.
    table: &'a mut [*mut u8],
    time: *mut i32,
}

impl<'a> Walk<'a> {
    /// # Safety
    /// `table` has room for a pointer to each of the body's buffers, `time` for an `i32`, and `arena` is the body's; they are the caller's alone.
    unsafe fn new(
        scan: &'a Scan,
        outer: Frame<'a>,
        table: *mut *mut u8,
        time: *mut u8,
        arena: *mut u8,
    ) -> Walk<'a> {
        let places = &scan.body.places;
        // SAFETY: the caller's promise.
        let table = unsafe {
            for (i, &(place, at)) in places.iter().enumerate() {
                table.add(i).write(match place {
                    Place::Arena => arena.wrapping_add(at),
                    Place::Constant(at) => scan.body.constants.pointer().wrapping_add(at),
                    Place::Kept(at) => outer.buffer(scan.kept).wrapping_add(at),
                    Place::Input(_) | Place::Output(_) | Place::Slot(_) | Place::Same(_) => {
                        std::ptr::null_mut()
                    }
                });
            }
            std::slice::from_raw_parts_mut(table, places.len())
        };
        Walk { scan, outer, table, time: time.cast() }
    }

    /// Puts the block's rows of the carries where the first step finds them; into the results, if there is no step.
    ///
    /// # Safety
    /// As [`Scan::run`]; the block's rows are the caller's alone.
    unsafe fn begin(&self, block: RowBlock) {
        let Walk { scan, outer, .. } = self;
        for carry in &scan.carries {
            let to = match carry.between {
                _ if scan.length == 0 => outer.buffer(carry.result),
                Between::Stack(stack) => outer.buffer(stack).wrapping_add(scan.time_of(0) * carry.bytes),
                Between::Spare(_) => continue,
            };
            let rows = block.of(carry.bytes);
            // SAFETY: both have the carry's bytes.
            unsafe {
                let from = carry.initial.pointer(outer).wrapping_add(rows.start);
                std::ptr::copy_nonoverlapping(from, to.wrapping_add(rows.start), rows.len());
            }
        }
    }

    /// Sets the table and the time index to those of a step.
    fn at(&mut self, step: usize) {
        let Walk { scan, outer, .. } = *self;
        let (carries, sliced) = (scan.carries.len(), scan.carries.len() + scan.slices.len());
        let t = scan.time_of(step);
        // SAFETY: the room has an `i32`.
        unsafe { self.time.write(t as i32) };
        for (pointer, &(place, _)) in self.table.iter_mut().zip(&scan.body.places) {
            match place {
                Place::Input(i) if i < carries => {
                    let carry = &scan.carries[i];
                    *pointer = match step {
                        0 => carry.initial.pointer(&outer),
                        _ => scan.after(&outer, carry, step - 1),
                    };
                }
                Place::Input(i) if i < sliced => {
                    let (at, bytes) = scan.slices[i - carries];
                    *pointer = at.pointer(&outer).wrapping_add(t * bytes);
                }
                Place::Input(i) => {
                    let invariant = scan.invariants.get(i - sliced);
                    *pointer = invariant.map_or(self.time.cast(), |at| at.pointer(&outer));
                }
                Place::Output(i) if i < carries => *pointer = scan.after(&outer, &scan.carries[i], step),
                Place::Output(i) => {
                    let (stack, bytes) = scan.stacks[i - carries];
                    *pointer = outer.buffer(stack).wrapping_add(t * bytes);
                }
                Place::Arena | Place::Constant(_) | Place::Kept(_) | Place::Slot(_) | Place::Same(_) => {}
            }
        }
    }

    /// What the body's kernels run in.
    fn frame(&self) -> Frame<'_> {
        Frame { table: self.table, ..self.outer }
    }

    /// Does these steps: `kernels` does those of the body.
    fn steps(
        &mut self,
        steps: Range<usize>,
        kernels: impl Fn(&Frame) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for step in steps {
            self.at(step);
            kernels(&self.frame())?;
        }
        Ok(())
    }
}
