//! The product of two matrices, whoever makes their elements: what matrix products and convolutions share.
//!
//! Every element of the result is summed in one order, which depends on the length `k` of the sum alone: fused multiply-adds over
//! ascending k from zero within blocks of [`BLOCK`], the blocks' sums added in ascending order. The one micro-kernel does so for
//! whole tiles, edges and single rows, from packed panels or from the matrices themselves.

use std::ops::Range;

use super::Frame;
use crate::simd::{self, Kernel, Level, Simd};

/// Terms that are summed in one accumulator.
pub(crate) const BLOCK: usize = 256;
/// Vectors of columns in a tile.
const VECTORS: usize = 2;

/// One operand, packed: rows (of the left) or columns (of the right) from `first`, `width` of them side by side in a panel, panel after
/// panel. Element `k` of lane `i` goes to `to[(i div width) · width · terms + k · width + i mod width]`; what is left of the last panel is zero.
pub(crate) trait Panels: Sync {
    /// # Safety
    /// `to` has room for the panels; `first + count` and `k` lie within the operand, whose buffer is alive and unwritten.
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32);
}

/// Zeros in the lanes that `count` leaves of the last panel.
///
/// # Safety
/// `to` has room for the panels.
#[inline(always)]
pub(crate) unsafe fn clear_rest(count: usize, terms: usize, width: usize, to: *mut f32) {
    let used = count % width;
    if used > 0 {
        let panel = to.wrapping_add(count / width * width * terms);
        for k in 0..terms {
            for i in used..width {
                // SAFETY: the caller's promise.
                unsafe { *panel.add(k * width + i) = 0.0 };
            }
        }
    }
}

/// An operand that lies in memory.
#[derive(Clone, Copy)]
pub(crate) struct Strided {
    /// The first element.
    pub base: *const f32,
    /// From a row (of the left) or column (of the right) to the next.
    pub lane: isize,
    /// From a term of the sum to the next.
    pub term: isize,
}

// SAFETY: reads alone, of buffers that nobody writes meanwhile.
unsafe impl Sync for Strided {}

impl Strided {
    /// The operand from a lane and a term on.
    pub(crate) fn from(self, lane: usize, term: usize) -> Strided {
        let offset = lane as isize * self.lane + term as isize * self.term;
        Strided { base: self.base.wrapping_offset(offset), ..self }
    }
}

impl Panels for Strided {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let from = self.base.wrapping_offset(first as isize * self.lane + k.start as isize * self.term);
        let terms = k.len();
        // SAFETY: the caller's promise.
        unsafe {
            for i in (0..count).step_by(width) {
                let (to, lanes) = (to.add(i * terms), width.min(count - i));
                let from = from.offset(i as isize * self.lane);
                match (self.lane == 1, lanes == width, width) {
                    (true, true, 32) => rows::<32>(from, self.term, terms, to),
                    (true, true, 16) => rows::<16>(from, self.term, terms, to),
                    (true, true, 8) => rows::<8>(from, self.term, terms, to),
                    (false, true, 32) => columns::<32>(from, self.lane, self.term, terms, to),
                    (false, true, 16) => columns::<16>(from, self.lane, self.term, terms, to),
                    (false, true, 8) => columns::<8>(from, self.lane, self.term, terms, to),
                    _ => {
                        for i in 0..lanes {
                            let from = from.offset(i as isize * self.lane);
                            for k in 0..terms {
                                *to.add(k * width + i) = *from.offset(k as isize * self.term);
                            }
                        }
                    }
                }
            }
            clear_rest(count, terms, width, to);
        }
    }
}

/// A panel whose lanes lie side by side.
///
/// # Safety
/// As [`Panels::pack`].
unsafe fn rows<const W: usize>(from: *const f32, term: isize, terms: usize, to: *mut f32) {
    for k in 0..terms {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from.offset(k as isize * term), to.add(k * W), W) };
    }
}

/// A panel whose lanes lie apart: a few terms of all lanes at a time, so that both sides stay in cache.
///
/// # Safety
/// As [`Panels::pack`].
unsafe fn columns<const W: usize>(from: *const f32, lane: isize, term: isize, terms: usize, to: *mut f32) {
    for start in (0..terms).step_by(16) {
        let end = (start + 16).min(terms);
        for i in 0..W {
            let from = from.wrapping_offset(i as isize * lane);
            for k in start..end {
                // SAFETY: the caller's promise.
                unsafe { *to.add(k * W + i) = *from.offset(k as isize * term) };
            }
        }
    }
}

/// Tiles of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tiles {
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of a tile.
    pub columns: usize,
}

impl Tiles {
    /// The tiles of a level.
    pub(crate) fn of(level: Level) -> Tiles {
        fn tiles<S: Simd>() -> Tiles {
            Tiles { rows: S::TILE_ROWS, columns: S::LANES * VECTORS }
        }
        match level {
            Level::Portable => tiles::<simd::Portable>(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => tiles::<simd::Avx2>(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => tiles::<simd::Avx512>(),
        }
    }
}

/// Sizes of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// Rows of the left operand and of the result.
    pub m: usize,
    /// Columns of the right operand and of the result.
    pub n: usize,
    /// Length of the sums.
    pub k: usize,
}

impl Sizes {
    /// Floats of a packed right operand.
    pub(crate) fn packed(self, level: Level) -> usize {
        self.n.next_multiple_of(Tiles::of(level).columns) * self.k
    }

    /// Rows and columns of the parts in which the work is shared: a function of the sizes alone.
    fn part(self, tiles: Tiles) -> (usize, usize) {
        let (mut rows, mut columns) = (128, 512);
        while self.m.div_ceil(rows) * self.n.div_ceil(columns) < 8 && (rows > 32 || columns > 128) {
            if rows >= columns / 2 && rows > 32 {
                rows /= 2;
            } else if columns > 128 {
                columns /= 2;
            } else {
                rows /= 2;
            }
        }
        (rows.next_multiple_of(tiles.rows), columns.next_multiple_of(tiles.columns))
    }
}

/// Floats of scratch that a worker of [`Products`] needs.
pub(crate) fn scratch(level: Level) -> usize {
    128usize.next_multiple_of(Tiles::of(level).rows) * BLOCK
}

/// Several products of one size, by way of packed panels: all of the right operands are packed first, then blocks of the left, each by the
/// worker that multiplies it.
pub(crate) struct Products<'a, L, R> {
    /// Instructions.
    pub level: Level,
    /// Sizes of each product.
    pub sizes: Sizes,
    /// Number of products.
    pub count: usize,
    /// The left operand of a product.
    pub left: &'a L,
    /// Number of right operands.
    pub rights: usize,
    /// A right operand, by its number.
    pub right: &'a R,
    /// The number of the right operand of a product.
    pub right_of: &'a (dyn Fn(usize) -> usize + Sync),
    /// Room for the packed right operands: [`Sizes::packed`] floats each.
    pub packed: *mut f32,
    /// The first element of a product's result.
    pub result: &'a (dyn Fn(usize) -> *mut f32 + Sync),
    /// From a row of a result to the next.
    pub row: usize,
}

// SAFETY: parts write disjoint elements through the pointers.
unsafe impl<L: Sync, R: Sync> Sync for Products<'_, L, R> {}

impl<A: Panels, B: Panels, L: Fn(usize) -> A + Sync, R: Fn(usize) -> B + Sync> Products<'_, L, R> {
    /// Multiplies; workers have [`scratch`] floats.
    ///
    /// # Safety
    /// The operands are within their buffers; the results are of `m` rows of `n` floats, and nobody else reads or writes them or the room.
    pub unsafe fn run(&self, frame: &Frame) {
        let tiles = Tiles::of(self.level);
        let Sizes { m, n, k } = self.sizes;
        if m == 0 || n == 0 || self.count == 0 {
            return;
        }
        let panels = n.div_ceil(tiles.columns);
        frame.share_range(self.rights * panels, 1, tiles.columns * k, |start, end, _| {
            for i in start..end {
                let (right, first) = (i / panels, i % panels * tiles.columns);
                let count = tiles.columns.min(n - first);
                let to = self.packed.wrapping_add(right * self.sizes.packed(self.level) + first * k);
                // SAFETY: columns of the right operand, into the panel's own stretch.
                unsafe { (self.right)(right).pack(first, count, 0..k, tiles.columns, to) };
            }
        });
        let (rows, columns) = self.sizes.part(tiles);
        let (down, across) = (m.div_ceil(rows), n.div_ceil(columns));
        let cost = self.count * m * n * k / 8;
        frame.share(self.count * down * across, cost, |part, scratch| {
            let (product, part) = (part / (down * across), part % (down * across));
            let (top, start) = (part / across * rows, part % across * columns);
            let range = (top..(top + rows).min(m), start..(start + columns).min(n));
            // SAFETY: the part is this call's alone.
            unsafe { self.part(product, range, scratch.cast()) };
        });
    }

    /// The elements of some rows and columns of a product.
    ///
    /// # Safety
    /// As [`Products::run`]; nobody else writes these elements.
    unsafe fn part(&self, product: usize, (rows, columns): (Range<usize>, Range<usize>), panels: *mut f32) {
        let tiles = Tiles::of(self.level);
        let k = self.sizes.k;
        let a = (self.left)(product);
        let b = self.packed.wrapping_add((self.right_of)(product) * self.sizes.packed(self.level));
        let mut from = 0;
        loop {
            let to = (from + BLOCK).min(k);
            let terms = to - from;
            // SAFETY: the block of the left operand fits the scratch; tiles lie within the part.
            unsafe {
                a.pack(rows.start, rows.len(), from..to, tiles.rows, panels);
                self.level.run(Block {
                    tiles,
                    rows: rows.len(),
                    columns: columns.len(),
                    terms,
                    a: panels,
                    a_tile: tiles.rows * terms,
                    a_lane: 1,
                    a_term: tiles.rows as isize,
                    b: b.add(columns.start * k + from * tiles.columns),
                    b_tile: tiles.columns * k,
                    b_term: tiles.columns as isize,
                    padded: true,
                    c: (self.result)(product).add(rows.start * self.row + columns.start),
                    row: self.row,
                    add: from > 0,
                });
            }
            from = to;
            if from >= k {
                return;
            }
        }
    }
}

/// Multiplies straight from the operands: for right operands whose columns lie side by side, where packing would cost more than it gives.
///
/// # Safety
/// As [`Products::run`]; the right operand's `lane` is 1.
pub(crate) unsafe fn multiply_direct(
    level: Level,
    (rows, columns, k): (Range<usize>, Range<usize>, usize),
    a: Strided,
    b: Strided,
    c: *mut f32,
    row: usize,
) {
    let tiles = Tiles::of(level);
    let mut from = 0;
    loop {
        let to = (from + BLOCK).min(k);
        let at =
            |o: Strided, lane: usize| o.base.wrapping_offset(lane as isize * o.lane + from as isize * o.term);
        // SAFETY: the caller's promise.
        unsafe {
            level.run(Block {
                tiles,
                rows: rows.len(),
                columns: columns.len(),
                terms: to - from,
                a: at(a, rows.start),
                a_tile: 0,
                a_lane: a.lane,
                a_term: a.term,
                b: at(b, columns.start),
                b_tile: tiles.columns,
                b_term: b.term,
                padded: false,
                c: c.add(rows.start * row + columns.start),
                row,
                add: from > 0,
            });
        }
        from = to;
        if from >= k {
            return;
        }
    }
}

/// Multiplies `terms` terms of a left operand as it lies with [packed](super::panels::pack) columns of a right one; adds to the result, or sets it.
///
/// # Safety
/// The operands have these rows, columns and terms from their first elements on; so has the result, whose elements are the caller's alone.
pub(crate) unsafe fn multiply_panels(
    level: Level,
    (rows, columns, terms): (usize, usize, usize),
    a: Strided,
    panels: *const f32,
    (c, row): (*mut f32, usize),
    add: bool,
) {
    let tiles = Tiles::of(level);
    level.run(Block {
        tiles,
        rows,
        columns,
        terms,
        a: a.base,
        a_tile: 0,
        a_lane: a.lane,
        a_term: a.term,
        b: panels,
        b_tile: tiles.columns * terms,
        b_term: tiles.columns as isize,
        padded: true,
        c,
        row,
        add,
    });
}

/// Tiles of a block of terms.
struct Block {
    tiles: Tiles,
    rows: usize,
    columns: usize,
    terms: usize,
    a: *const f32,
    /// From a tile's rows to the next; 0: by `a_lane`.
    a_tile: usize,
    a_lane: isize,
    a_term: isize,
    b: *const f32,
    b_tile: usize,
    b_term: isize,
    /// Whether whole vectors are readable at the right edge.
    padded: bool,
    c: *mut f32,
    row: usize,
    add: bool,
}

impl Kernel for Block {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: made by the two functions above alone, whose callers promise what the tiles need.
        unsafe {
            if !self.padded && self.rows <= 2 {
                // Few rows: wide tiles, so that the right operand is read in long stretches.
                let mut j = 0;
                while j < self.columns {
                    let (at, vectors) = (self.b.wrapping_add(j), (self.columns - j) / S::LANES);
                    let tile = self.tile(0, at, j);
                    let n = match vectors {
                        0 => self.columns - j,
                        1 => S::LANES,
                        2 | 3 => 2 * S::LANES,
                        4..=7 => 4 * S::LANES,
                        _ => 8 * S::LANES,
                    };
                    match (self.rows, vectors) {
                        (1, 0) => tile.multiply::<S, 1, 1, false>(s, n),
                        (1, 1) => tile.multiply::<S, 1, 1, true>(s, n),
                        (1, 2 | 3) => tile.multiply::<S, 1, 2, true>(s, n),
                        (1, 4..=7) => tile.multiply::<S, 1, 4, true>(s, n),
                        (1, _) => tile.multiply::<S, 1, 8, true>(s, n),
                        (_, 0) => tile.multiply::<S, 2, 1, false>(s, n),
                        (_, 1) => tile.multiply::<S, 2, 1, true>(s, n),
                        (_, 2 | 3) => tile.multiply::<S, 2, 2, true>(s, n),
                        (_, 4..=7) => tile.multiply::<S, 2, 4, true>(s, n),
                        (_, _) => tile.multiply::<S, 2, 8, true>(s, n),
                    }
                    j += n;
                }
                return;
            }
            let wide = S::LANES * VECTORS;
            for j in (0..self.columns).step_by(wide) {
                let n = wide.min(self.columns - j);
                let b = self.b.wrapping_add(j / wide * self.b_tile);
                for i in (0..self.rows).step_by(self.tiles.rows) {
                    let tile = self.tile(i, b, j);
                    match self.tiles.rows.min(self.rows - i) {
                        1 => tile.columns::<S, 1>(s, n, self.padded),
                        2 => tile.columns::<S, 2>(s, n, self.padded),
                        3 if S::TILE_ROWS >= 3 => tile.columns::<S, 3>(s, n, self.padded),
                        4 if S::TILE_ROWS >= 4 => tile.columns::<S, 4>(s, n, self.padded),
                        5 if S::TILE_ROWS >= 5 => tile.columns::<S, 5>(s, n, self.padded),
                        6 if S::TILE_ROWS >= 6 => tile.columns::<S, 6>(s, n, self.padded),
                        7 if S::TILE_ROWS >= 7 => tile.columns::<S, 7>(s, n, self.padded),
                        _ if S::TILE_ROWS == 8 => tile.columns::<S, 8>(s, n, self.padded),
                        rows => unreachable!("a tile of {rows} rows"),
                    }
                }
            }
        }
    }
}

impl Block {
    /// The tile of the rows from `i`, a multiple of a tile's, and the columns from `j`, of which `b` has the right operand.
    #[inline(always)]
    fn tile(&self, i: usize, b: *const f32, j: usize) -> Tile {
        let a = match self.a_tile {
            0 => i as isize * self.a_lane,
            a_tile => (i / self.tiles.rows * a_tile) as isize,
        };
        Tile {
            terms: self.terms,
            a: self.a.wrapping_offset(a),
            a_lane: self.a_lane,
            a_term: self.a_term,
            b,
            b_term: self.b_term,
            c: self.c.wrapping_add(i * self.row + j),
            row: self.row,
            add: self.add,
        }
    }
}

/// One tile of the result: a few rows of a few vectors.
struct Tile {
    terms: usize,
    a: *const f32,
    a_lane: isize,
    a_term: isize,
    b: *const f32,
    b_term: isize,
    c: *mut f32,
    row: usize,
    add: bool,
}

impl Tile {
    /// # Safety
    /// The tile's elements are within the operands and the result; with `padded`, whole vectors of the right operand are.
    #[inline(always)]
    unsafe fn columns<S: Simd, const M: usize>(&self, s: S, n: usize, padded: bool) {
        // SAFETY: the caller's promise.
        unsafe {
            match (n.div_ceil(S::LANES), padded || n.is_multiple_of(S::LANES)) {
                (1, true) => self.multiply::<S, M, 1, true>(s, n),
                (1, false) => self.multiply::<S, M, 1, false>(s, n),
                (_, true) => self.multiply::<S, M, 2, true>(s, n),
                (_, false) => self.multiply::<S, M, 2, false>(s, n),
            }
        }
    }

    /// # Safety
    /// As above; `n` needs `V` vectors, which are readable whole with `WHOLE`.
    #[inline(always)]
    unsafe fn multiply<S: Simd, const M: usize, const V: usize, const WHOLE: bool>(&self, s: S, n: usize) {
        let tail = s.tail(n - (V - 1) * S::LANES);
        let mut sums = [[s.splat(0.0); V]; M];
        let (mut a, mut b) = (self.a, self.b);
        for _ in 0..self.terms {
            // SAFETY: the caller's promise.
            unsafe {
                let mut right = [s.splat(0.0); V];
                for (v, right) in right.iter_mut().enumerate() {
                    let p = b.add(v * S::LANES);
                    *right = if WHOLE || v + 1 < V { s.load(p) } else { s.load_tail(p, tail) };
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let left = s.splat(*a.offset(i as isize * self.a_lane));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = s.fma(left, right, *sum);
                    }
                }
            }
            a = a.wrapping_offset(self.a_term);
            b = b.wrapping_offset(self.b_term);
        }
        let full = n == V * S::LANES;
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                // SAFETY: the caller's promise; beyond the tail nothing is touched.
                unsafe {
                    let c = self.c.add(i * self.row + v * S::LANES);
                    if full || v + 1 < V {
                        s.store(c, if self.add { s.add(s.load(c), sum) } else { sum });
                    } else {
                        let sum = if self.add { s.add(s.load_tail(c, tail), sum) } else { sum };
                        s.store_tail(c, sum, tail);
                    }
                }
            }
        }
    }
}
