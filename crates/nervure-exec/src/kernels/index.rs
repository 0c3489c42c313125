//! Elements chosen by index, and sorted.

use std::cmp::Ordering;

use nervure_graph::DType;

use super::{At, BufferId, Frame};
use crate::Error;

/// Indices in a buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Indices {
    /// The first.
    pub at: At,
    /// Whether they are of `i64`; else of `i32`.
    pub wide: bool,
}

impl Indices {
    /// # Safety
    /// Index `i` is within the buffer.
    #[inline(always)]
    unsafe fn get(self, frame: &Frame, i: usize) -> i64 {
        let p = self.at.pointer(frame);
        // SAFETY: the caller's promise.
        unsafe { if self.wide { *p.cast::<i64>().add(i) } else { i64::from(*p.cast::<i32>().add(i)) } }
    }
}

/// Stops the run if an index lies outside of its axis, so that what reads by these indices need not look.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub indices: Indices,
    pub count: usize,
    /// Size of the axis.
    pub size: usize,
    /// Path of the scope that indexes.
    pub path: String,
}

impl Check {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) -> Result<(), Error> {
        for i in 0..self.count {
            // SAFETY: within the indices.
            let index = unsafe { self.indices.get(frame, i) };
            if index < 0 || index as u64 >= self.size as u64 {
                return Err(Error::Index { path: self.path.clone(), index, size: self.size });
            }
        }
        Ok(())
    }
}

/// `to[b, i, …] = x[b, indices[b, i], …]`.
#[derive(Debug, Clone)]
pub(crate) struct Gather {
    pub x: At,
    pub indices: Indices,
    pub to: BufferId,
    /// Number of arrays that are indexed apart, indices of each, size of the indexed axis.
    pub sizes: (usize, usize, usize),
    /// Bytes of what an index chooses.
    pub slice: usize,
}

impl Gather {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for; the indices were checked.
    pub unsafe fn run(&self, frame: &Frame) {
        let frame = *frame;
        let (batch, count, size) = self.sizes;
        frame.share_range(batch * count, 1, self.slice.div_ceil(16) + 2, |start, end, _| {
            for i in start..end {
                // SAFETY: the indices lie within the axis; the slice's place is this call's alone.
                unsafe {
                    let row = i / count * size + self.indices.get(&frame, i) as usize;
                    let from = self.x.pointer(&frame).add(row * self.slice);
                    let to = frame.buffer(self.to).add(i * self.slice);
                    if self.slice == 4 {
                        to.cast::<u32>().write(from.cast::<u32>().read());
                    } else {
                        std::ptr::copy_nonoverlapping(from, to, self.slice);
                    }
                }
            }
        });
    }
}

/// Zeros, to which slices are added at their indices, in the order of these.
#[derive(Debug, Clone)]
pub(crate) struct ScatterAdd {
    pub indices: Indices,
    pub updates: At,
    pub to: BufferId,
    /// Type of the elements.
    pub dtype: DType,
    /// Number of arrays that are indexed apart, indices of each, size of the indexed axis.
    pub sizes: (usize, usize, usize),
    /// Elements of what an index chooses.
    pub slice: usize,
}

impl ScatterAdd {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for; the indices were checked.
    pub unsafe fn run(&self, frame: &Frame) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.dtype {
                DType::F32 => self.add::<f32>(frame, 0.0, |a, b| a + b),
                DType::I32 => self.add::<i32>(frame, 0, i32::wrapping_add),
                DType::I64 | DType::U8 | DType::Bool => self.add::<i64>(frame, 0, i64::wrapping_add),
            }
        }
    }

    /// # Safety
    /// As [`ScatterAdd::run`], of the type of the elements.
    unsafe fn add<T: Copy + Send + Sync>(&self, frame: &Frame, zero: T, add: impl Fn(T, T) -> T + Sync) {
        let frame = *frame;
        let (batch, count, size) = self.sizes;
        // Each strip of the slices is added up by itself, so that no two parts write one element.
        const STRIP: usize = 64;
        let strips = self.slice.div_ceil(STRIP).max(1);
        let cost = (count + size) * self.slice.min(STRIP) / 4;
        frame.share_range(batch * strips, 1, cost, |start, end, _| {
            for part in start..end {
                let (b, first) = (part / strips, part % strips * STRIP);
                let width = STRIP.min(self.slice - first);
                // SAFETY: the indices lie within the axis; the strip is this call's alone.
                unsafe {
                    let to = frame.buffer(self.to).cast::<T>().add(b * size * self.slice + first);
                    for i in 0..size {
                        std::slice::from_raw_parts_mut(to.add(i * self.slice), width).fill(zero);
                    }
                    for i in b * count..(b + 1) * count {
                        let from = self.updates.pointer(&frame).cast::<T>().add(i * self.slice + first);
                        let to = to.add(self.indices.get(&frame, i) as usize * self.slice);
                        for j in 0..width {
                            *to.add(j) = add(*to.add(j), *from.add(j));
                        }
                    }
                }
            }
        });
    }
}

/// Places of the elements of each row in sorted order.
#[derive(Debug, Clone)]
pub(crate) struct ArgSort {
    pub x: At,
    pub to: BufferId,
    /// Type of the elements.
    pub dtype: DType,
    pub rows: usize,
    pub row: usize,
    pub descending: bool,
}

impl ArgSort {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        // SAFETY: the caller's promise.
        unsafe {
            match self.dtype {
                DType::F32 => self.sort::<f32>(frame, |a, b| {
                    // NaN is greater than all else; two are equal.
                    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
                }),
                DType::I32 => self.sort::<i32>(frame, |a, b| a.cmp(&b)),
                DType::I64 | DType::U8 | DType::Bool => self.sort::<i64>(frame, |a, b| a.cmp(&b)),
            }
        }
    }

    /// # Safety
    /// As [`ArgSort::run`], of the type of the elements.
    unsafe fn sort<T: Copy + Send + Sync>(&self, frame: &Frame, compare: fn(T, T) -> Ordering) {
        let frame = *frame;
        let cost = self.row * (usize::BITS - self.row.leading_zeros()) as usize * 8;
        frame.share_range(self.rows, 1, cost, |start, end, _| {
            for row in start..end {
                // SAFETY: the row is within both arrays; its results are this call's alone.
                let (x, places) = unsafe {
                    let x = self.x.pointer(&frame).cast::<T>().add(row * self.row);
                    let to = frame.buffer(self.to).cast::<i32>().add(row * self.row);
                    (std::slice::from_raw_parts(x, self.row), std::slice::from_raw_parts_mut(to, self.row))
                };
                for (i, place) in places.iter_mut().enumerate() {
                    *place = i as i32;
                }
                // Ties fall to the place, so that a sort that allocates nothing is stable.
                places.sort_unstable_by(|&i, &j| {
                    let order = compare(x[i as usize], x[j as usize]);
                    let order = if self.descending { order.reverse() } else { order };
                    order.then(i.cmp(&j))
                });
            }
        });
    }
}
