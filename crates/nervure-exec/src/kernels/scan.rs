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

/// A value that one step hands to the next. It goes to and fro between two buffers, and comes to rest in the result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Carry {
    pub initial: At,
    pub result: BufferId,
    pub spare: BufferId,
    pub bytes: usize,
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
            let t = if self.reverse { self.length - 1 - step } else { step };
            // SAFETY: the room has an `i32`.
            unsafe { time.cast::<i32>().write(t as i32) };
            // The last step's carry is the result.
            let buffer = |carry: &Carry, step: usize| {
                let rest = (self.length - 1 - step).is_multiple_of(2);
                frame.buffer(if rest { carry.result } else { carry.spare })
            };
            for (pointer, &(place, _)) in table.iter_mut().zip(places) {
                match place {
                    Place::Input(i) if i < carries => {
                        let carry = &self.carries[i];
                        *pointer = match step {
                            0 => carry.initial.pointer(frame),
                            _ => buffer(carry, step - 1),
                        };
                    }
                    Place::Input(i) if i < sliced => {
                        let (at, bytes) = self.slices[i - carries];
                        *pointer = at.pointer(frame).wrapping_add(t * bytes);
                    }
                    Place::Input(i) => {
                        *pointer = self.invariants.get(i - sliced).map_or(time, |at| at.pointer(frame));
                    }
                    Place::Output(i) if i < carries => *pointer = buffer(&self.carries[i], step),
                    Place::Output(i) => {
                        let (stack, bytes) = self.stacks[i - carries];
                        *pointer = frame.buffer(stack).wrapping_add(t * bytes);
                    }
                    Place::Arena | Place::Constant(_) | Place::Slot(_) | Place::Same(_) => {}
                }
            }
            let frame = Frame { table, ..*frame };
            for step in &self.body.steps {
                // SAFETY: the table holds what the body was compiled for.
                unsafe { step.kernel.run(&frame)? };
            }
        }
        Ok(())
    }
}
