//! Which elements of a source the places of a result meet, and how they are read: in place where all of them are there, else from a copy,
//! block by block, that has zeros around them.

use std::ops::Range;

use super::super::window::Geometry;

/// Bytes of a copied block: next to what is multiplied with it, it stays in the second cache.
const REGION: usize = 256 << 10;
/// Floats that no system has: where taps lie so far apart, the run is refused for want of memory.
const NOWHERE: usize = 1 << 48;

/// Places of a result, a grid of them, that meet one set of taps.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    /// Places along each axis.
    pub counts: [usize; 3],
    /// The first place in the result.
    pub origin: [usize; 3],
    /// From a place to the next, in the result.
    pub step: [usize; 3],
    /// The element of the source from which the first place's taps are counted; below zero in the padding.
    corner: [isize; 3],
    /// From a place's elements to the next's, in the source.
    strides: [usize; 3],
    /// The taps, by what they meet in the source: their number in the kernel, and their distance from the corner.
    taps: Vec<(usize, [usize; 3])>,
}

impl Pass {
    /// The windows of a convolution, which meet all taps.
    pub fn forward(g: &Geometry) -> Pass {
        let axis = |i: usize| Axis {
            count: g.output[i],
            origin: 0,
            step: 1,
            corner: -(g.before[i] as isize),
            stride: g.strides[i],
            taps: (0..g.size[i]).map(|t| (t, t * g.dilation[i])).collect(),
        };
        Pass::of([axis(0), axis(1), axis(2)], g.size)
    }

    /// The elements of a convolution's input that taps meet, by which taps do: as many passes as strides have phases with taps.
    pub fn input_grad(g: &Geometry) -> Vec<Pass> {
        let [a, b, c] = [0, 1, 2].map(|i| Axis::phases(g, i));
        let mut passes = Vec::new();
        for a in &a {
            for b in &b {
                passes.extend(c.iter().map(|c| Pass::of([a.clone(), b.clone(), c.clone()], g.size)));
            }
        }
        passes
    }

    fn of(axes: [Axis; 3], size: [usize; 3]) -> Pass {
        let mut taps = Vec::new();
        for &(a, x) in &axes[0].taps {
            for &(b, y) in &axes[1].taps {
                taps.extend(axes[2].taps.iter().map(|&(c, z)| ((a * size[1] + b) * size[2] + c, [x, y, z])));
            }
        }
        Pass {
            counts: [0, 1, 2].map(|i| axes[i].count),
            origin: [0, 1, 2].map(|i| axes[i].origin),
            step: [0, 1, 2].map(|i| axes[i].step),
            corner: [0, 1, 2].map(|i| axes[i].corner),
            strides: [0, 1, 2].map(|i| axes[i].stride),
            taps,
        }
    }

    /// Places of an image.
    pub fn places(&self) -> usize {
        self.counts.iter().product()
    }

    /// Numbers of the taps in the kernel, in the order in which they are summed.
    pub fn taps(&self) -> impl ExactSizeIterator<Item = usize> {
        self.taps.iter().map(|t| t.0)
    }

    /// Elements of the source that `count` neighbouring places meet along an axis.
    fn span(&self, axis: usize, count: usize) -> usize {
        let extent = self.taps.iter().map(|t| t.1[axis] + 1).max().unwrap_or(0);
        (count.max(1) - 1) * self.strides[axis] + extent
    }

    /// Whether the places meet the source alone, never its padding.
    fn is_within(&self, source: [usize; 3]) -> bool {
        self.taps.is_empty()
            || (0..3).all(|i| {
                let end = self.corner[i] + self.span(i, self.counts[i]) as isize;
                self.corner[i] >= 0 && end <= source[i] as isize
            })
    }
}

/// One axis of a pass.
#[derive(Debug, Clone)]
struct Axis {
    count: usize,
    origin: usize,
    step: usize,
    corner: isize,
    stride: usize,
    taps: Vec<(usize, usize)>,
}

impl Axis {
    /// Elements of the input, `stride` apart, and the taps that meet windows there: window · stride = element + before − tap · dilation.
    fn phases(g: &Geometry, axis: usize) -> Vec<Axis> {
        let (stride, dilation) = (g.strides[axis] as isize, g.dilation[axis] as isize);
        let before = g.before[axis] as isize;
        let phase = |tap: usize| (tap as isize * dilation - before).rem_euclid(stride) as usize;
        let mut taps: Vec<(usize, usize)> = (0..g.size[axis]).rev().map(|t| (phase(t), t)).collect();
        taps.sort_by_key(|t| t.0);
        let met = taps.chunk_by(|a, b| a.0 == b.0).filter(|taps| taps[0].0 < g.input[axis]);
        met.map(|taps| {
            let origin = taps[0].0;
            let window = |tap: usize| (origin as isize + before - tap as isize * dilation) / stride;
            let corner = window(taps[0].1);
            Axis {
                count: (g.input[axis] - origin).div_ceil(g.strides[axis]),
                origin,
                step: g.strides[axis],
                corner,
                stride: 1,
                taps: taps.iter().map(|&(_, t)| (t, (window(t) - corner) as usize)).collect(),
            }
        })
        .collect()
    }
}

/// Neighbouring elements of the source, all of which a place meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// Floats from the place's corner.
    pub offset: usize,
    /// Number of floats.
    pub len: usize,
}

/// A block of places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The first place, along each axis.
    pub first: [usize; 3],
    /// Number of places along each axis.
    pub counts: [usize; 3],
}

/// A pass cut in blocks, and how each block's source is read.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    pub pass: Pass,
    /// Places of a block along each axis, at most.
    block: [usize; 3],
    /// Blocks of an image along each axis.
    grid: [usize; 3],
    /// Sizes of the source's image, and its channels.
    source: [usize; 3],
    channels: usize,
    /// Channels that are read at a time, one after the other.
    group: usize,
    /// Floats from an element that is read to the next along each axis.
    pitch: [usize; 3],
    is_copied: bool,
}

impl Blocks {
    /// Cuts a pass over images of `source` elements with `channels` floats each, of which `group` are read at a time, in blocks of at most
    /// `most` places (if that is one, or more).
    pub fn new(pass: Pass, source: [usize; 3], channels: usize, group: usize, most: usize) -> Blocks {
        // Places side by side would share few sets of the first cache.
        let crowded = (pass.strides[2] * channels * 4).is_multiple_of(2048) && group > 0;
        let is_copied = !pass.is_within(source) || (crowded && !pass.taps.is_empty());
        let pixel = match (is_copied, crowded) {
            (false, _) => channels,
            (true, false) => group,
            (true, true) => group + 16,
        };
        let mut parts = [1; 3];
        let sized = |parts: [usize; 3]| [0, 1, 2].map(|i| pass.counts[i].div_ceil(parts[i]));
        let region = |block: [usize; 3]| [0, 1, 2].map(|i| pass.span(i, block[i]));
        loop {
            let block = sized(parts);
            let bytes = region(block).iter().fold(4 * pixel, |sum, &n| sum.saturating_mul(n));
            let fits = block.iter().product::<usize>() <= most && (!is_copied || bytes <= REGION);
            let Some(axis) = (0..3).find(|&i| block[i] > 1).filter(|_| !fits) else { break };
            parts[axis] += parts[axis].div_ceil(4);
        }
        let block = sized(parts);
        let [_, rows, columns] = if is_copied { region(block) } else { source };
        let row = columns.saturating_mul(pixel);
        let pitch = [rows.saturating_mul(row), row, pixel];
        let grid = [0, 1, 2].map(|i| pass.counts[i].div_ceil(block[i].max(1)));
        Blocks { pass, block, grid, source, channels, group, pitch, is_copied }
    }

    /// Blocks of an image.
    pub fn count(&self) -> usize {
        self.grid.iter().product()
    }

    /// A block of an image, by its number.
    pub fn block(&self, number: usize) -> Block {
        let at = super::super::window::split(number, self.grid);
        let first = [0, 1, 2].map(|i| at[i] * self.block[i]);
        Block { first, counts: [0, 1, 2].map(|i| self.block[i].min(self.pass.counts[i] - first[i])) }
    }

    /// Floats from a place's elements to the next's, along each axis.
    pub fn strides(&self) -> [usize; 3] {
        [0, 1, 2].map(|i| self.pass.strides[i] * self.pitch[i])
    }

    /// Floats of scratch that a copied block needs.
    pub fn scratch(&self) -> usize {
        let floats = self.pass.span(0, self.block[0]).saturating_mul(self.pitch[0]);
        if self.is_copied { floats.min(NOWHERE) } else { 0 }
    }

    /// The taps: their number in the kernel, and floats from a place's corner.
    pub fn taps(&self) -> impl Iterator<Item = (usize, usize)> {
        self.pass.taps.iter().map(|(tap, at)| {
            (*tap, (0..3).fold(0usize, |sum, i| sum.saturating_add(at[i].saturating_mul(self.pitch[i]))))
        })
    }

    /// What a place meets, tap by tap and channel by channel.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for (_, offset) in self.taps() {
            match runs.last_mut().filter(|r| r.offset + r.len == offset) {
                Some(last) => last.len += self.group,
                None => runs.push(Run { offset, len: self.group }),
            }
        }
        runs
    }

    /// Where the corner of a block's first place lies: in the source `x`, at an image's first read channel, or in `scratch`, to which it is
    /// copied. What is not read may be anywhere.
    ///
    /// # Safety
    /// `x` is an image of the source; `scratch` has [`Blocks::scratch`] floats.
    pub unsafe fn read(&self, x: *const f32, block: &Block, scratch: *mut f32) -> *const f32 {
        let p = &self.pass;
        let corner = [0, 1, 2].map(|i| p.corner[i] + (block.first[i] * p.strides[i]) as isize);
        if !self.is_copied {
            let at: isize = (0..3).map(|i| corner[i] * self.pitch[i] as isize).sum();
            return x.wrapping_offset(at);
        }
        // Along an axis, the elements of the span that are in the source.
        let there = |i: usize| -> (usize, Range<usize>) {
            let span = p.span(i, block.counts[i]);
            let bound = |at: isize| (at - corner[i]).clamp(0, span as isize) as usize;
            (span, bound(0)..bound(self.source[i] as isize).max(bound(0)))
        };
        let [(planes, deep), (rows, high), (columns, wide)] = [there(0), there(1), there(2)];
        for d in 0..planes {
            for h in 0..rows {
                let to = scratch.wrapping_add(d * self.pitch[0] + h * self.pitch[1]);
                // SAFETY: the row is within the scratch, and what is copied within the image.
                unsafe {
                    if !deep.contains(&d) || !high.contains(&h) {
                        to.write_bytes(0, columns * self.pitch[2]);
                        continue;
                    }
                    let at = [d, h, wide.start];
                    let from =
                        (0..3).fold(0, |sum, i| sum * self.source[i] as isize + corner[i] + at[i] as isize);
                    let from = x.wrapping_offset(from * self.channels as isize);
                    self.copy_row(from, columns, wide.clone(), to);
                }
            }
        }
        scratch
    }

    /// # Safety
    /// `from` is the element at `there.start`, `there` are all in the source; `to` has room for `columns` elements.
    unsafe fn copy_row(&self, from: *const f32, columns: usize, there: Range<usize>, to: *mut f32) {
        let pixel = self.pitch[2];
        // SAFETY: the caller's promise.
        unsafe {
            to.write_bytes(0, there.start * pixel);
            to.add(there.end * pixel).write_bytes(0, (columns - there.end) * pixel);
            let to = to.add(there.start * pixel);
            if pixel == self.channels && self.group == self.channels {
                to.copy_from_nonoverlapping(from, there.len() * pixel);
                return;
            }
            for i in 0..there.len() {
                to.add(i * pixel).copy_from_nonoverlapping(from.add(i * self.channels), self.group);
            }
        }
    }
}
