//! The gradient of a convolution to its kernel: taps and channels times output channels, summed over the windows of all images.

use super::super::Frame;
use super::super::window::Geometry;
use super::Operands;
use super::depthwise::Taps;
use super::pass::{Block, Blocks, Pass, Run};
use super::tile::{Elements, cut, panels, rows, tile};
use crate::simd::{Kernel, Level, Simd};

/// Windows that are summed in one accumulator, at most.
const WINDOWS: usize = 288;
/// Sums of parts of the windows, at most, and the floats that these may take together.
const CHUNKS: usize = 8;
const PARTIAL: usize = 1 << 19;
/// Rows of the kernel below which it is not cut in parts.
const ROWS: usize = 32;

/// The gradient to a kernel. The windows are cut in chunks by their sizes alone; each chunk is summed block by block, and the
/// chunks' sums are added in ascending order.
#[derive(Debug, Clone)]
pub(super) struct KernelGrad {
    blocks: Blocks,
    images: usize,
    groups: usize,
    /// Whether each channel has a kernel of its own; then all are one group.
    is_depthwise: bool,
    /// Channels of the input and of the output, of one group.
    channels: (usize, usize),
    /// Spatial sizes of the input and of the output.
    sizes: ([usize; 3], [usize; 3]),
    /// Rows of the kernel: taps and channels, or taps.
    rows: usize,
    /// What a window meets, and the taps.
    runs: Vec<Run>,
    taps: Vec<(usize, usize)>,
    chunks: usize,
    /// Parts in which the kernel's rows are cut.
    parts: usize,
}

impl KernelGrad {
    /// Of a convolution of an input of which a group has `inputs` channels.
    pub fn new(g: &Geometry, groups: usize, channels: (usize, usize)) -> KernelGrad {
        let is_depthwise = channels == (1, 1) && groups > 1;
        let (groups, channels) = if is_depthwise { (1, (groups, groups)) } else { (groups, channels) };
        let blocks = Blocks::new(Pass::forward(g), g.input, channels.0 * groups, channels.0, WINDOWS);
        let rows = g.taps() * if is_depthwise { 1 } else { channels.0 };
        let size = rows * channels.1 * groups;
        let most = (PARTIAL / size.max(1)).clamp(1, CHUNKS);
        let chunks = most.min(g.images * blocks.count()).max(1);
        let parts = CHUNKS.div_ceil(chunks).min(rows.div_ceil(ROWS)).max(1);
        let (runs, taps) = (blocks.runs(), blocks.taps().collect());
        let (images, sizes) = (g.images, (g.input, g.output));
        KernelGrad { blocks, images, groups, is_depthwise, channels, sizes, rows, runs, taps, chunks, parts }
    }

    /// Floats of the gradient.
    fn size(&self) -> usize {
        self.rows * self.channels.1 * self.groups
    }

    /// Floats of the chunks' sums.
    pub fn room(&self) -> usize {
        if self.chunks > 1 { self.chunks * self.size() } else { 0 }
    }

    /// Floats of scratch of a worker.
    pub fn scratch(&self) -> usize {
        self.blocks.scratch()
    }

    /// # Safety
    /// The operands are as compiled: an input, the gradient of an output, a result that nobody else reads or writes, and room for the
    /// chunks' sums.
    pub unsafe fn run(&self, level: Level, frame: &Frame, operands: &Operands) {
        let (c, o) = self.channels;
        let size = self.size();
        let pixels = |sizes: [usize; 3]| sizes.iter().product::<usize>();
        let blocks = self.images * self.blocks.count();
        if blocks == 0 {
            // SAFETY: the result has that many floats.
            unsafe { operands.to.0.write_bytes(0, size) };
            return;
        }
        let cost = self.images * pixels(self.sizes.1) * size / 8;
        let (image, result) =
            (pixels(self.sizes.0) * c * self.groups, pixels(self.sizes.1) * o * self.groups);
        frame.share(self.chunks * self.parts, cost, |part, scratch| {
            let (chunk, part) = (part / self.parts, part % self.parts);
            let (from, to) = (chunk * blocks / self.chunks, (chunk + 1) * blocks / self.chunks);
            let sums = if self.chunks > 1 { operands.room.add(chunk * size) } else { operands.to.0 };
            let rows = (part * self.rows / self.parts, (part + 1) * self.rows / self.parts);
            for number in from..to {
                let (n, block) =
                    (number / self.blocks.count(), self.blocks.block(number % self.blocks.count()));
                for group in 0..self.groups {
                    let x = operands.a.add(n * image + group * c);
                    let dy = operands.b.add(n * result + group * o);
                    // SAFETY: the block's windows are there, and these rows of the chunk's sums are this call's alone.
                    unsafe {
                        let x = self.blocks.read(x, &block, scratch.cast());
                        let sums = sums.wrapping_add(group * o);
                        level.run(self.part(&block, rows, x, dy, sums, number > from));
                    }
                }
            }
        });
        if self.chunks == 1 {
            return;
        }
        let (room, to) = (&operands.room, &operands.to);
        frame.share_range(size, 16, self.chunks, |start, end, _| {
            level.run(Total {
                from: room.add(start),
                apart: size,
                count: self.chunks,
                to: to.add(start),
                len: end - start,
            });
        });
    }
}

impl KernelGrad {
    fn part(
        &self,
        block: &Block,
        rows: (usize, usize),
        x: *const f32,
        dy: *const f32,
        sums: *mut f32,
        add: bool,
    ) -> Part<'_> {
        let pixel = self.channels.1 * self.groups;
        let [_, high, wide] = self.sizes.1;
        let dy_steps = [high * wide * pixel, wide * pixel, pixel];
        let first: usize = (0..3).map(|i| block.first[i] * dy_steps[i]).sum();
        let dy = dy.wrapping_add(first);
        let tile = Elements {
            counts: block.counts,
            x,
            steps: self.blocks.strides(),
            dy,
            dy_steps,
            c: sums,
            row: pixel,
            add,
        };
        Part { of: self, rows, tile }
    }
}

/// Some rows of the kernel of a group, summed over a block of windows.
struct Part<'a> {
    of: &'a KernelGrad,
    rows: (usize, usize),
    /// Of the first row and column.
    tile: Elements,
}

impl Kernel for Part<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.of.is_depthwise {
            let Elements { counts, x, steps, dy, dy_steps, c, add, .. } = self.tile;
            let taps = &self.of.taps[self.rows.0..self.rows.1];
            let taps = Taps { counts, taps, channels: self.of.channels.1, x, steps, dy, dy_steps, c, add };
            // SAFETY: the block's windows meet these taps, and their sums are the part's alone.
            return unsafe { taps.run(s) };
        }
        for (j, n) in panels(self.of.channels.1, S::LANES) {
            let mut row = 0;
            for run in &self.of.runs {
                // Of the run's rows those that are this part's.
                let (from, to) = (self.rows.0.max(row), self.rows.1.min(row + run.len));
                for (first, count) in cut(to.saturating_sub(from), rows::<S>()) {
                    let first = from + first;
                    let tile = Elements {
                        x: self.tile.x.wrapping_add(run.offset + first - row),
                        dy: self.tile.dy.wrapping_add(j),
                        c: self.tile.c.wrapping_add(first * self.tile.row + j),
                        ..self.tile
                    };
                    // SAFETY: the block's windows meet these elements, and their sums are the part's alone.
                    unsafe { tile!(s: S, count, n, tile.multiply) };
                }
                row += run.len;
            }
        }
    }
}

/// Sums of chunks, one after the other in ascending order.
struct Total {
    from: *const f32,
    /// From a chunk to the next.
    apart: usize,
    count: usize,
    to: *mut f32,
    len: usize,
}

impl Kernel for Total {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for at in (0..self.len).step_by(S::LANES) {
            let tail = s.tail(S::LANES.min(self.len - at));
            let mut sum = s.splat(0.0);
            for chunk in 0..self.count {
                // SAFETY: the tail's floats are within the chunk.
                sum = s.add(sum, unsafe { s.load_tail(self.from.add(chunk * self.apart + at), tail) });
            }
            // SAFETY: the tail's floats are within the result.
            unsafe { s.store_tail(self.to.add(at), sum, tail) };
        }
    }
}
