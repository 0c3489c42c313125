//! Convolutions and their gradients to the input, block by block of tiles: what they meet is transformed in the second cache, multiplied there
//! with the transformed kernel, and transformed to outputs, on which the tail goes while they are hot.

use std::array::from_fn;
use std::ops::Range;

use super::super::super::Frame;
use super::super::super::gemm::{self, Ahead, BLOCK, Strided, Tiles};
use super::super::super::tape::Tape;
use super::super::super::window::Geometry;
use super::super::Operands;
use super::tiling::{Tiling, pitch};
use super::transform::{both, filter, output};
use super::{ELEMENTS, OUTPUTS, PRODUCTS};
use crate::simd::{Kernel, Level, Simd};

/// Tiles of a block: few enough to stay in the second cache next to a panel of the kernel, enough that this is read seldom.
const LEAST: usize = 24;
const BYTES: usize = 384 << 10;
/// The widest panel of columns, of any level.
const COLUMNS: usize = 32;
/// Parts that even out what threads do.
const PARTS: usize = 32;
/// Channels whose kernels are transformed in one part.
const CHANNELS: usize = 32;

/// A result whose tiles are sums, over channels, of a source's transformed elements times a transformed kernel.
#[derive(Debug, Clone)]
pub(in super::super) struct WinogradProducts {
    tiling: Tiling,
    /// Channels of the source and of the result.
    channels: (usize, usize),
    /// Whether the terms are the convolution's outputs: the kernel is turned about.
    is_turned: bool,
    /// Tiles of a block.
    block: usize,
}

impl WinogradProducts {
    /// The convolution.
    pub fn forward(g: &Geometry, channels: (usize, usize)) -> WinogradProducts {
        WinogradProducts::new(Tiling::forward(g), channels, false)
    }

    /// Its gradient to the input, of which it has `channels.0`.
    pub fn input_grad(g: &Geometry, channels: (usize, usize)) -> WinogradProducts {
        WinogradProducts::new(Tiling::input_grad(g), (channels.1, channels.0), true)
    }

    fn new(tiling: Tiling, channels: (usize, usize), is_turned: bool) -> WinogradProducts {
        let tiles = tiling.count();
        // Of a few tiles two threads have half each. What is a tile's neighbour in a block does not change its sums.
        let least = LEAST.min(tiles.div_ceil(2));
        let most = BYTES / (4 * PRODUCTS * (channels.0 + COLUMNS));
        let block = tiles.div_ceil(PARTS).min(most).max(least).max(1).next_multiple_of(8);
        WinogradProducts { tiling, channels, is_turned, block }
    }

    /// Floats of the transformed kernel.
    pub fn room(&self, level: Level) -> usize {
        PRODUCTS * self.channels.0 * self.channels.1.next_multiple_of(Tiles::of(level).columns)
    }

    /// Floats of scratch of a worker.
    pub fn scratch(&self) -> usize {
        let lane = self.channels.0.next_multiple_of(COLUMNS);
        PRODUCTS * (pitch(self.block, lane) + pitch(self.block, COLUMNS) + lane)
    }

    /// Transforms the kernel to the room: panels of columns; of each, for each product of a tile, the channels.
    ///
    /// # Safety
    /// As [`WinogradProducts::run`].
    pub unsafe fn pack(&self, level: Level, frame: &Frame, operands: &Operands) {
        let (c, n) = self.channels;
        let wide = Tiles::of(level).columns;
        let parts = c.div_ceil(CHANNELS);
        frame.share(n.div_ceil(wide) * parts, self.room(level), |part, _| {
            let (panel, from) = (part / parts, part % parts * CHANNELS);
            level.run(Filter {
                kernel: operands.b.0,
                channels: (c, n),
                is_turned: self.is_turned,
                terms: from..(from + CHANNELS).min(c),
                columns: panel * wide..((panel + 1) * wide).min(n),
                wide,
                to: operands.room.add(panel * PRODUCTS * c * wide),
            });
        });
    }

    /// # Safety
    /// The operands are as compiled: a source, a kernel, a result that nobody else reads or writes, and room with the transformed kernel; the
    /// tape goes over as many elements as the result has, and has its scratch after that many bytes.
    pub unsafe fn run(&self, level: Level, frame: &Frame, operands: &Operands, tail: Option<(&Tape, usize)>) {
        let (c, n) = self.channels;
        let tiles = self.tiling.count();
        let cost = tiles * (PRODUCTS * c * n / 8 + PRODUCTS * (c + n) / 4);
        frame.share(tiles.div_ceil(self.block), cost, |part, scratch| {
            let tiles = part * self.block..((part + 1) * self.block).min(tiles);
            // SAFETY: the caller's promise; the tiles' elements of the result are this call's alone.
            unsafe { self.multiply(level, tiles.clone(), operands, scratch.cast()) };
            if let Some((tape, before)) = tail {
                for range in self.tiling.written(tiles, n) {
                    // SAFETY: these elements of the result are done, and this call's alone.
                    unsafe { tape.run_range(frame, scratch.wrapping_add(before), range) };
                }
            }
        });
    }

    /// # Safety
    /// As [`WinogradProducts::run`]; nobody else writes these tiles.
    unsafe fn multiply(&self, level: Level, tiles: Range<usize>, operands: &Operands, scratch: *mut f32) {
        let (c, n) = self.channels;
        let (wide, lane) = (Tiles::of(level).columns, c.next_multiple_of(level.lanes()));
        let pitches = (pitch(tiles.len(), lane), pitch(tiles.len(), wide));
        let source = scratch;
        let sums = source.wrapping_add(PRODUCTS * pitches.0);
        let patch = sums.wrapping_add(PRODUCTS * pitches.1);
        let x = (operands.a.0.cast_const(), c, c);
        // SAFETY: the caller's promise; the scratch has room for all three.
        unsafe {
            self.tiling.transform_source(level, tiles.clone(), x, (source, pitches.0), patch);
        }
        for first in (0..n).step_by(wide) {
            // Whole vectors: what the panel has no columns for is zero.
            let columns = wide.min((n - first).next_multiple_of(level.lanes()));
            for e in 0..PRODUCTS {
                let a = Strided { base: source.wrapping_add(e * pitches.0), lane: lane as isize, term: 1 };
                let panel = operands.room.add((first * PRODUCTS + e * wide) * c);
                let to = (sums.wrapping_add(e * pitches.1), wide);
                for from in (0..c).step_by(BLOCK) {
                    let sizes = (tiles.len(), columns, BLOCK.min(c - from));
                    let b = panel.wrapping_add(from * wide);
                    // SAFETY: the operands were just transformed, and the panel was packed.
                    unsafe {
                        gemm::multiply_panels(
                            level,
                            sizes,
                            a.from(0, from),
                            b,
                            to,
                            from > 0,
                            Ahead::default(),
                        )
                    };
                }
            }
            level.run(Outputs {
                tiling: &self.tiling,
                tiles: tiles.clone(),
                sums,
                pitch: pitches.1,
                wide,
                columns: wide.min(n - first),
                to: operands.to.add(first),
                pixel: n,
            });
        }
    }
}

/// Sums of tiles, for columns of a result.
struct Outputs<'a> {
    tiling: &'a Tiling,
    tiles: Range<usize>,
    /// For each product of a tile, a pitch apart, the tiles, of `wide` columns.
    sums: *const f32,
    pitch: usize,
    wide: usize,
    columns: usize,
    to: *mut f32,
    pixel: usize,
}

impl Kernel for Outputs<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        for (i, tile) in self.tiles.enumerate() {
            let at = self.tiling.place(tile);
            for v in (0..self.columns).step_by(S::LANES) {
                let n = S::LANES.min(self.columns - v);
                let sums = self.sums.wrapping_add(i * self.wide + v);
                // SAFETY: the sums are of whole vectors; what is there of a tile's outputs is in the result.
                unsafe {
                    let m = from_fn(|row| {
                        from_fn(|column| s.load(sums.add((row * ELEMENTS + column) * self.pitch)))
                    });
                    let y: [[S::F; OUTPUTS]; OUTPUTS] = both(s, output, m);
                    for (row, y) in y.into_iter().enumerate() {
                        for (column, y) in y.into_iter().enumerate() {
                            let Some(place) = self.tiling.output(at, [row, column]) else { continue };
                            let to = self.to.add(place * self.pixel + v);
                            if n == S::LANES { s.store(to, y) } else { s.store_tail(to, y, s.tail(n)) }
                        }
                    }
                }
            }
        }
    }
}

/// Some channels and a panel of columns of a kernel, transformed.
struct Filter {
    kernel: *const f32,
    channels: (usize, usize),
    is_turned: bool,
    terms: Range<usize>,
    columns: Range<usize>,
    /// Columns of the panel, with those that are zero.
    wide: usize,
    to: *mut f32,
}

impl Kernel for Filter {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let (c, n) = self.channels;
        // A square of each tap's weights.
        let mut squares = [[0.0; 16 * 16]; 9];
        for first in self.terms.clone().step_by(S::LANES) {
            let terms = S::LANES.min(self.terms.end - first);
            for v in (0..self.wide).step_by(S::LANES) {
                let columns = S::LANES.min(self.columns.len().saturating_sub(v));
                let start = self.columns.start + v;
                for (tap, square) in squares.iter_mut().enumerate() {
                    let square = square.as_mut_ptr();
                    // SAFETY: the terms and columns are the kernel's, and the square has room for whole vectors of them.
                    unsafe {
                        if !self.is_turned {
                            for k in 0..terms {
                                let from = self.kernel.wrapping_add((tap * c + first + k) * n + start);
                                s.store(square.add(k * S::LANES), s.load_tail(from, s.tail(columns)));
                            }
                            continue;
                        }
                        // The kernel has the result's channels before the source's.
                        let from = self.kernel.wrapping_add(((8 - tap) * n + start) * c + first);
                        if terms == S::LANES && columns == S::LANES {
                            s.transpose(from, c as isize, square, S::LANES);
                            continue;
                        }
                        for k in 0..terms {
                            for j in 0..S::LANES {
                                let weight = if j < columns { *from.add(j * c + k) } else { 0.0 };
                                *square.add(k * S::LANES + j) = weight;
                            }
                        }
                    }
                }
                for k in 0..terms {
                    // SAFETY: the squares were just written; the panel has room for its columns.
                    unsafe {
                        let g = from_fn(|row| {
                            from_fn(|column| s.load(squares[row * 3 + column].as_ptr().add(k * S::LANES)))
                        });
                        let g: [[S::F; ELEMENTS]; ELEMENTS] = both(s, filter, g);
                        for e in 0..PRODUCTS {
                            let to = self.to.add((e * c + first + k) * self.wide + v);
                            s.store(to, g[e / ELEMENTS][e % ELEMENTS]);
                        }
                    }
                }
            }
        }
    }
}
