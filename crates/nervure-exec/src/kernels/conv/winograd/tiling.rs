//! Tiles of all images, one after the other, and how their elements are read and transformed.

use std::array::from_fn;
use std::ops::Range;

use super::super::super::window::Geometry;
use super::transform::both;
use super::{ELEMENTS, OUTPUTS, PRODUCTS};
use crate::simd::{Kernel, Level, Simd};

/// Rows and columns of tiles over the images of a result, and what they meet of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tiling {
    images: usize,
    /// Rows and columns of the source, and of the result.
    source: [usize; 2],
    result: [usize; 2],
    /// The element of the source that the first output's first tap meets; below zero in the padding.
    corner: [isize; 2],
    /// Rows and columns of tiles of an image.
    grid: [usize; 2],
}

/// Vectors of a tile's transform, one after the other, lie that many floats apart: `count` tiles of `lane` channels each, and a line of the
/// cache where all would else share few sets of it.
pub(super) fn pitch(count: usize, lane: usize) -> usize {
    (count * lane).next_multiple_of(32) + 16
}

impl Tiling {
    /// The tiles of a convolution's output.
    pub fn forward(g: &Geometry) -> Tiling {
        Tiling::new(g.images, g.input, g.output, from_fn(|i| -(g.before[i + 1] as isize)))
    }

    /// The tiles of its input, as the output of one with the kernel turned about.
    pub fn input_grad(g: &Geometry) -> Tiling {
        Tiling::new(g.images, g.output, g.input, from_fn(|i| g.before[i + 1] as isize - 2))
    }

    fn new(images: usize, source: [usize; 3], result: [usize; 3], corner: [isize; 2]) -> Tiling {
        let [source, result] = [source, result].map(|[_, rows, columns]| [rows, columns]);
        Tiling { images, source, result, corner, grid: result.map(|n| n.div_ceil(OUTPUTS)) }
    }

    /// Number of tiles.
    pub fn count(&self) -> usize {
        self.images * self.grid[0] * self.grid[1]
    }

    /// The image, row and column of a tile.
    #[inline(always)]
    pub fn place(&self, tile: usize) -> (usize, [usize; 2]) {
        let [rows, columns] = self.grid;
        (tile / (rows * columns), [tile / columns % rows, tile % columns])
    }

    /// The elements of the result, of so many channels, that tiles one after the other write: stretches of its rows.
    pub fn written(self, tiles: Range<usize>, channels: usize) -> impl Iterator<Item = Range<usize>> {
        let ([high, wide], across) = (self.result, self.grid[1]);
        let rows = std::iter::successors(Some(tiles.start), move |&tile| Some((tile / across + 1) * across));
        rows.take_while(move |&tile| tile < tiles.end).flat_map(move |first| {
            let (image, [row, column]) = self.place(first);
            let count = (tiles.end - first).min(across - column);
            let (from, to) = (OUTPUTS * column, (OUTPUTS * (column + count)).min(wide));
            (OUTPUTS * row..(OUTPUTS * (row + 1)).min(high)).map(move |y| {
                let before = (image * high + y) * wide;
                (before + from) * channels..(before + to) * channels
            })
        })
    }

    /// Whether the result's place `at` of a tile is there, and its number.
    #[inline(always)]
    pub fn output(&self, (image, tile): (usize, [usize; 2]), at: [usize; 2]) -> Option<usize> {
        let [y, x] = [0, 1].map(|i| OUTPUTS * tile[i] + at[i]);
        let [high, wide] = self.result;
        (y < high && x < wide).then_some((image * high + y) * wide + x)
    }

    /// Transforms what tiles meet of a source of so many channels, to `to`: for each product of a tile, a pitch apart, the tiles, of whole
    /// vectors of channels. `patch` has room for one tile's elements.
    ///
    /// # Safety
    /// The source's channels `channels` are readable from `x` on, the first element of all images, whose elements lie `pixel` floats apart;
    /// `to` and `patch` are writable.
    pub unsafe fn transform_source(
        &self,
        level: Level,
        tiles: Range<usize>,
        (x, pixel, channels): (*const f32, usize, usize),
        (to, pitch): (*mut f32, usize),
        patch: *mut f32,
    ) {
        level.run(Source { tiling: self, tiles, x, pixel, channels, to, pitch, patch });
    }
}

struct Source<'a> {
    tiling: &'a Tiling,
    tiles: Range<usize>,
    x: *const f32,
    pixel: usize,
    channels: usize,
    to: *mut f32,
    pitch: usize,
    patch: *mut f32,
}

impl Kernel for Source<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Source { tiling: t, pixel, channels, pitch, patch, .. } = self;
        let lane = channels.next_multiple_of(S::LANES);
        for (i, tile) in self.tiles.enumerate() {
            let (image, at) = t.place(tile);
            let corner: [isize; 2] = from_fn(|i| t.corner[i] + (OUTPUTS * at[i]) as isize);
            let there: [Range<usize>; 2] = from_fn(|i| {
                let bound = |end: isize| (end - corner[i]).clamp(0, ELEMENTS as isize) as usize;
                bound(0)..bound(t.source[i] as isize).max(bound(0))
            });
            let element = |row: usize, column: usize| {
                let row = (image * t.source[0]) as isize + corner[0] + row as isize;
                let place = row * t.source[1] as isize + corner[1] + column as isize;
                self.x.wrapping_offset(place * pixel as isize)
            };
            let (mut x, mut steps) = (element(0, 0), [t.source[1] * pixel, pixel]);
            if there != [0..ELEMENTS, 0..ELEMENTS] {
                for row in 0..ELEMENTS {
                    for column in 0..ELEMENTS {
                        let to = patch.wrapping_add((row * ELEMENTS + column) * lane);
                        // SAFETY: what is copied is in the source, and the patch has room for it.
                        unsafe {
                            if there[0].contains(&row) && there[1].contains(&column) {
                                to.copy_from_nonoverlapping(element(row, column), channels);
                            } else {
                                to.write_bytes(0, channels);
                            }
                        }
                    }
                }
                (x, steps) = (patch, [ELEMENTS * lane, lane]);
            }
            for v in (0..channels).step_by(S::LANES) {
                let tail = s.tail(S::LANES.min(channels - v));
                // SAFETY: all of the tile's elements are there, and the transforms have room for whole vectors.
                unsafe {
                    let d = from_fn(|row| {
                        from_fn(|column| s.load_tail(x.add(row * steps[0] + column * steps[1] + v), tail))
                    });
                    let d: [[S::F; ELEMENTS]; ELEMENTS] = both(s, super::transform::data, d);
                    let to = self.to.add(i * lane + v);
                    for e in 0..PRODUCTS {
                        s.store(to.add(e * pitch), d[e / ELEMENTS][e % ELEMENTS]);
                    }
                }
            }
        }
    }
}
