//! A plan run once for each step of a time axis.

use super::{At, BufferId, Frame};
use crate::compile::Place;
use crate::{Error, Plan};

/// A scan: its body has the carries, slices, invariants and the time index as inputs, the new carries and what is stacked as outputs.
pub(crate) struct Scan {
    pub body: Plan,
    pub length: usize,
    pub reverse: bool,
    pub carries: Vec<Carry>,
    /// Sliced arrays, and bytes of a slice.
    pub slices: Vec<(At, usize)>,
    pub invariants: Vec<At>,
    /// Stacked results, and bytes of a slice.
    pub stacks: Vec<(BufferId, usize)>,
    /// Room for the body's table of buffers.
    pub table: BufferId,
    /// Room for the body's arena.
    pub arena: BufferId,
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

impl Scan {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) -> Result<(), Error> {
        if self.length == 0 {
            for carry in &self.carries {
                // SAFETY: both have the carry's bytes.
                unsafe {
                    let (from, to) = (carry.initial.pointer(frame), frame.buffer(carry.result));
                    std::ptr::copy_nonoverlapping(from, to, carry.bytes);
                }
            }
            return Ok(());
        }
        for carry in &self.carries {
            if let Between::Stack(stack) = carry.between {
                // SAFETY: both have the carry's bytes.
                unsafe {
                    let to = frame.buffer(stack).wrapping_add(self.time_of(0) * carry.bytes);
                    std::ptr::copy_nonoverlapping(carry.initial.pointer(frame), to, carry.bytes);
                }
            }
        }
        let places = &self.body.places;
        let arena = frame.buffer(self.arena);
        let time = frame.buffer(self.time);
        // SAFETY: the room has a pointer for each of the body's buffers, and is this kernel's alone.
        let table = unsafe {
            let table = frame.buffer(self.table).cast::<*mut u8>();
            for (i, &(place, at)) in places.iter().enumerate() {
                table.add(i).write(match place {
                    Place::Arena => arena.wrapping_add(at),
                    Place::Constant(at) => self.body.constants.pointer().wrapping_add(at),
                    Place::Input(_) | Place::Output(_) | Place::Slot(_) | Place::Same(_) => {
                        std::ptr::null_mut()
                    }
                });
            }
            std::slice::from_raw_parts_mut(table, places.len())
        };
        let (carries, sliced) = (self.carries.len(), self.carries.len() + self.slices.len());
        for step in 0..self.length {
            let t = self.time_of(step);
            // SAFETY: the room has an `i32`.
            unsafe { time.cast::<i32>().write(t as i32) };
            for (pointer, &(place, _)) in table.iter_mut().zip(places) {
                match place {
                    Place::Input(i) if i < carries => {
                        let carry = &self.carries[i];
                        *pointer = match step {
                            0 => carry.initial.pointer(frame),
                            _ => self.after(frame, carry, step - 1),
                        };
                    }
                    Place::Input(i) if i < sliced => {
                        let (at, bytes) = self.slices[i - carries];
                        *pointer = at.pointer(frame).wrapping_add(t * bytes);
                    }
                    Place::Input(i) => {
                        *pointer = self.invariants.get(i - sliced).map_or(time, |at| at.pointer(frame));
                    }
                    Place::Output(i) if i < carries => *pointer = self.after(frame, &self.carries[i], step),
                    Place::Output(i) => {
                        let (stack, bytes) = self.stacks[i - carries];
                        *pointer = frame.buffer(stack).wrapping_add(t * bytes);
                    }
                    Place::Arena | Place::Constant(_) | Place::Slot(_) | Place::Same(_) => {}
                }
            }
            let frame = Frame { table, ..*frame };
            if step == 0 {
                // SAFETY: as below; what is kept lies apart in the body's arena.
                unsafe { self.body.keep(&frame) };
            }
            for done in &self.body.steps {
                // SAFETY: the table holds what the body was compiled for.
                unsafe { done.kernel.run(&frame)? };
            }
        }
        Ok(())
    }
}
