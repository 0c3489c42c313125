//! The gradient of a convolution to its kernel: both operands' tiles are transformed, block by block, in the second cache; their products are
//! summed over the tiles of all images, and transformed to taps at the end.

use std::array::from_fn;
use std::ops::Range;

use super::super::super::Frame;
use super::super::super::gemm::{self, Ahead, Strided};
use super::super::super::window::Geometry;
use super::super::Operands;
use super::tiling::{Tiling, pitch};
use super::transform::{both, filter_grad, output_grad};
use super::{ELEMENTS, OUTPUTS, PRODUCTS};
use crate::simd::{Kernel, Level, Simd};

/// Tiles of a block, which are summed in one accumulator: few enough for their transforms to stay in the second cache next to the sums.
const LEAST: usize = 16;
const MOST: usize = 128;
const BYTES: usize = 384 << 10;
/// Sums of parts of the tiles, at most, and the floats that these may take together.
const CHUNKS: usize = 8;
const PARTIAL: usize = 1 << 20;
/// Channels of the input below which these are not cut in parts.
const CHANNELS: usize = 32;

/// The gradient to a kernel. The tiles are cut in chunks by their number alone; each chunk is summed block by block, and the chunks' sums are
/// added in ascending order.
#[derive(Debug, Clone)]
pub(in super::super) struct WinogradKernelGrad {
    tiling: Tiling,
    /// Channels of the input and of the output.
    channels: (usize, usize),
    /// Tiles of a block.
    block: usize,
    chunks: usize,
    /// Parts in which the input's channels are cut.
    parts: usize,
}

impl WinogradKernelGrad {
    pub fn new(g: &Geometry, (c, o): (usize, usize)) -> WinogradKernelGrad {
        let tiling = Tiling::forward(g);
        let block = (BYTES / (4 * PRODUCTS * (c + o))).clamp(LEAST, MOST);
        let most = (PARTIAL / (PRODUCTS * c * o)).clamp(1, CHUNKS);
        let chunks = most.min(tiling.count().div_ceil(block)).max(1);
        let parts = CHUNKS.div_ceil(chunks).min(c.div_ceil(CHANNELS)).max(1);
        WinogradKernelGrad { tiling, channels: (c, o), block, chunks, parts }
    }

    /// Floats of a chunk's sums.
    fn size(&self) -> usize {
        PRODUCTS * self.channels.0 * self.channels.1
    }

    /// Floats of the chunks' sums.
    pub fn room(&self) -> usize {
        self.chunks * self.size()
    }

    /// Floats of scratch of a worker.
    pub fn scratch(&self) -> usize {
        let [c, o] = [self.channels.0, self.channels.1].map(|n| n.next_multiple_of(LANES));
        PRODUCTS * (pitch(self.block, c) + pitch(self.block, o) + c)
    }

    /// # Safety
    /// The operands are as compiled: an input, the gradient of an output, a result that nobody else reads or writes, and room for the
    /// chunks' sums.
    pub unsafe fn run(&self, level: Level, frame: &Frame, operands: &Operands) {
        let ((c, o), tiles) = (self.channels, self.tiling.count());
        let cost = tiles * (self.size() / 8 + PRODUCTS * (c + o) / 4);
        frame.share(self.chunks * self.parts, cost, |part, scratch| {
            let (chunk, part) = (part / self.parts, part % self.parts);
            let tiles = chunk * tiles / self.chunks..(chunk + 1) * tiles / self.chunks;
            let rows = part * c / self.parts..(part + 1) * c / self.parts;
            let sums = operands.room.add(chunk * self.size());
            // SAFETY: the caller's promise; these channels of the chunk's sums are this call's alone.
            unsafe { self.sum(level, tiles, rows, operands, sums, scratch.cast()) };
        });
        frame.share(c, c * o * PRODUCTS * self.chunks / 8, |row, _| {
            level.run(Taps {
                sums: operands.room.add(row * o),
                chunks: self.chunks,
                apart: self.size(),
                pitch: c * o,
                columns: o,
                to: operands.to.add(row * o),
            });
        });
    }

    /// Sums the products of tiles, for some channels of the input.
    ///
    /// # Safety
    /// As [`WinogradKernelGrad::run`]; nobody else reads or writes these sums.
    unsafe fn sum(
        &self,
        level: Level,
        tiles: Range<usize>,
        rows: Range<usize>,
        operands: &Operands,
        sums: *mut f32,
        scratch: *mut f32,
    ) {
        let (c, o) = self.channels;
        let (lane, dy_lane) = (rows.len().next_multiple_of(level.lanes()), o.next_multiple_of(level.lanes()));
        let mut from = tiles.start;
        loop {
            let block = from..(from + self.block).min(tiles.end);
            let pitches = (pitch(block.len(), lane), pitch(block.len(), dy_lane));
            let dy = scratch.wrapping_add(PRODUCTS * pitches.0);
            let patch = dy.wrapping_add(PRODUCTS * pitches.1);
            let x = (operands.a.add(rows.start).cast_const(), c, rows.len());
            // SAFETY: the caller's promise; the scratch has room for all three.
            unsafe {
                self.tiling.transform_source(level, block.clone(), x, (scratch, pitches.0), patch);
            }
            level.run(Gradients {
                tiling: &self.tiling,
                tiles: block.clone(),
                dy: operands.b.0,
                columns: o,
                to: dy,
                pitch: pitches.1,
            });
            for e in 0..PRODUCTS {
                let a = Strided { base: scratch.wrapping_add(e * pitches.0), lane: 1, term: lane as isize };
                let b = Strided { base: dy.wrapping_add(e * pitches.1), lane: 1, term: dy_lane as isize };
                let sums = sums.wrapping_add((e * c + rows.start) * o);
                let sizes = (rows.len(), o, block.len());
                // SAFETY: both operands were just transformed; the sums are the caller's.
                unsafe {
                    gemm::multiply_direct(level, sizes, a, b, (sums, o), from > tiles.start, Ahead::default())
                };
            }
            from = block.end;
            if from >= tiles.end {
                return;
            }
        }
    }
}

/// The most lanes of any level.
const LANES: usize = 16;

/// Transforms of gradients of tiles: for each product of a tile, a pitch apart, the tiles, of whole vectors of columns.
struct Gradients<'a> {
    tiling: &'a Tiling,
    tiles: Range<usize>,
    dy: *const f32,
    columns: usize,
    to: *mut f32,
    pitch: usize,
}

impl Kernel for Gradients<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let lane = self.columns.next_multiple_of(S::LANES);
        for (i, tile) in self.tiles.enumerate() {
            let at = self.tiling.place(tile);
            let places: [[Option<usize>; OUTPUTS]; OUTPUTS] =
                from_fn(|row| from_fn(|column| self.tiling.output(at, [row, column])));
            for v in (0..self.columns).step_by(S::LANES) {
                let tail = s.tail(S::LANES.min(self.columns - v));
                // SAFETY: what is there of a tile's outputs is in the operand; the transforms have room for whole vectors.
                unsafe {
                    let mut y = [[s.splat(0.0); OUTPUTS]; OUTPUTS];
                    for (y, place) in y.iter_mut().flatten().zip(places.iter().flatten()) {
                        if let Some(place) = place {
                            *y = s.load_tail(self.dy.add(place * self.columns + v), tail);
                        }
                    }
                    let y: [[S::F; ELEMENTS]; ELEMENTS] = both(s, output_grad, y);
                    let to = self.to.add(i * lane + v);
                    for e in 0..PRODUCTS {
                        s.store(to.add(e * self.pitch), y[e / ELEMENTS][e % ELEMENTS]);
                    }
                }
            }
        }
    }
}

/// Sums of chunks, one after the other in ascending order, transformed to taps: of one channel of the input.
struct Taps {
    sums: *const f32,
    chunks: usize,
    /// From a chunk to the next.
    apart: usize,
    /// From a product to the next, and from a tap to the next.
    pitch: usize,
    columns: usize,
    to: *mut f32,
}

impl Kernel for Taps {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for v in (0..self.columns).step_by(S::LANES) {
            let tail = s.tail(S::LANES.min(self.columns - v));
            // SAFETY: the products of all chunks are there, and the taps of the result.
            unsafe {
                let mut m = [[s.splat(0.0); ELEMENTS]; ELEMENTS];
                for chunk in 0..self.chunks {
                    let from = self.sums.wrapping_add(chunk * self.apart + v);
                    for (e, m) in m.iter_mut().flatten().enumerate() {
                        *m = s.add(*m, s.load_tail(from.add(e * self.pitch), tail));
                    }
                }
                let taps: [[S::F; 3]; 3] = both(s, filter_grad, m);
                for (tap, x) in taps.into_iter().flatten().enumerate() {
                    s.store_tail(self.to.add(tap * self.pitch + v), x, tail);
                }
            }
        }
    }
}
