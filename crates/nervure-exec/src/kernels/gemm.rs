//! The product of two matrices, of operands as they lie or packed.
//!
//! Every element of the result is summed in one order, which depends on the length `k` of the sum alone: fused multiply-adds over
//! ascending k from zero within blocks of [`BLOCK`], the blocks' sums added in ascending order. The one micro-kernel does so for
//! whole tiles, edges and single rows, from packed panels or from the matrices themselves.

use std::hint::black_box;

use crate::simd::{self, Kernel, Level, Simd};

/// Terms that are summed in one accumulator.
pub(crate) const BLOCK: usize = 256;
/// Vectors of columns in a tile.
const VECTORS: usize = 2;

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

/// Floats of a cache line.
const LINE: usize = 16;

/// Memory that is asked for while something else is done, because it is read next: two matrices of rows that lie in stretches.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ahead {
    now: Stretches,
    then: Stretches,
    /// The line that is asked for next.
    line: usize,
}

/// Rows that each lie in one stretch.
#[derive(Debug, Clone, Copy)]
struct Stretches {
    base: *const f32,
    /// Floats from a row to the next.
    stride: isize,
    rows: usize,
    /// Cache lines of a row.
    lines: usize,
}

impl Default for Stretches {
    fn default() -> Stretches {
        Stretches { base: std::ptr::null(), stride: 0, rows: 0, lines: 0 }
    }
}

impl Ahead {
    /// Some terms of some lanes of an operand too, if these or those lie in stretches.
    pub(crate) fn and(self, from: Strided, lanes: usize, terms: usize) -> Ahead {
        let (stride, rows, len) = match (from.lane, from.term) {
            (1, term) => (term, terms, lanes),
            (lane, 1) => (lane, lanes, terms),
            _ => return self,
        };
        let more = Stretches { base: from.base, stride, rows, lines: len.div_ceil(LINE) };
        Ahead { now: more, then: self.now, line: 0 }
    }

    /// Number of cache lines.
    pub(crate) fn lines(&self) -> usize {
        self.now.rows * self.now.lines + self.then.rows * self.then.lines
    }

    /// Asks for the next line.
    #[inline(always)]
    pub(crate) fn ask<S: Simd>(&mut self, s: S) {
        s.prefetch(self.now.base.wrapping_add(self.line * LINE));
        self.line += 1;
        if self.line >= self.now.lines {
            self.line = 0;
            self.now.base = self.now.base.wrapping_offset(self.now.stride);
            self.now.rows = self.now.rows.saturating_sub(1);
            if self.now.rows == 0 {
                self.now = std::mem::take(&mut self.then);
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

/// [`multiply_panels`] straight from a right operand whose columns lie side by side, where packing would cost more than it gives.
///
/// # Safety
/// As there; the right operand's `lane` is 1.
pub(crate) unsafe fn multiply_direct(
    level: Level,
    (rows, columns, terms): (usize, usize, usize),
    a: Strided,
    b: Strided,
    (c, row): (*mut f32, usize),
    add: bool,
    ahead: Ahead,
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
        b: b.base,
        b_tile: tiles.columns,
        b_term: b.term,
        padded: false,
        c,
        row,
        add,
        ahead,
    });
}

/// Multiplies `terms` terms of a left operand as it lies with [packed](super::panels::pack) columns of a right one; adds to the result, or sets it.
/// Meanwhile asks for what is read next.
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
    ahead: Ahead,
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
        ahead,
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
    ahead: Ahead,
}

impl Kernel for Block {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: made by the two functions above alone, whose callers promise what the tiles need.
        unsafe {
            if !self.padded && self.rows <= 2 {
                // Few rows: wide tiles, so that the right operand is read in long stretches.
                let mut none = Ahead::default();
                // Sums of eight vectors in as many registers as there are.
                let most = if self.rows * 8 < S::REGISTERS { 8 } else { 4 };
                let mut j = 0;
                while j < self.columns {
                    let (at, vectors) = (self.b.wrapping_add(j), most.min((self.columns - j) / S::LANES));
                    let tile = self.tile(0, at, j);
                    let n = match vectors {
                        0 => self.columns - j,
                        1 => S::LANES,
                        2 | 3 => 2 * S::LANES,
                        4..=7 => 4 * S::LANES,
                        _ => 8 * S::LANES,
                    };
                    match (self.rows, vectors) {
                        (1, 0) => tile.multiply::<S, 1, 1, false>(s, n, (&mut none, 0)),
                        (1, 1) => tile.multiply::<S, 1, 1, true>(s, n, (&mut none, 0)),
                        (1, 2 | 3) => tile.multiply::<S, 1, 2, true>(s, n, (&mut none, 0)),
                        (1, 4..=7) => tile.multiply::<S, 1, 4, true>(s, n, (&mut none, 0)),
                        (1, _) => tile.multiply::<S, 1, 8, true>(s, n, (&mut none, 0)),
                        (_, 0) => tile.multiply::<S, 2, 1, false>(s, n, (&mut none, 0)),
                        (_, 1) => tile.multiply::<S, 2, 1, true>(s, n, (&mut none, 0)),
                        (_, 2 | 3) => tile.multiply::<S, 2, 2, true>(s, n, (&mut none, 0)),
                        (_, 4..=7) => tile.multiply::<S, 2, 4, true>(s, n, (&mut none, 0)),
                        (_, _) => tile.multiply::<S, 2, 8, true>(s, n, (&mut none, 0)),
                    }
                    j += n;
                }
                return;
            }
            let wide = S::LANES * VECTORS;
            let tiles = self.columns.div_ceil(wide) * self.rows.div_ceil(self.tiles.rows);
            let early = self.ahead.lines().div_ceil(tiles.max(1)).min(self.terms);
            let mut ahead = self.ahead;
            for j in (0..self.columns).step_by(wide) {
                let n = wide.min(self.columns - j);
                let b = self.b.wrapping_add(j / wide * self.b_tile);
                for i in (0..self.rows).step_by(self.tiles.rows) {
                    let tile = self.tile(i, b, j);
                    match self.tiles.rows.min(self.rows - i) {
                        1 => tile.columns::<S, 1>(s, n, self.padded, (&mut ahead, early)),
                        2 => tile.columns::<S, 2>(s, n, self.padded, (&mut ahead, early)),
                        3 if S::TILE_ROWS >= 3 => {
                            tile.columns::<S, 3>(s, n, self.padded, (&mut ahead, early))
                        }
                        4 if S::TILE_ROWS >= 4 => {
                            tile.columns::<S, 4>(s, n, self.padded, (&mut ahead, early))
                        }
                        5 if S::TILE_ROWS >= 5 => {
                            tile.columns::<S, 5>(s, n, self.padded, (&mut ahead, early))
                        }
                        6 if S::TILE_ROWS >= 6 => {
                            tile.columns::<S, 6>(s, n, self.padded, (&mut ahead, early))
                        }
                        7 if S::TILE_ROWS >= 7 => {
                            tile.columns::<S, 7>(s, n, self.padded, (&mut ahead, early))
                        }
                        _ if S::TILE_ROWS == 8 => {
                            tile.columns::<S, 8>(s, n, self.padded, (&mut ahead, early))
                        }
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

/// Rows of a tile whose elements are found from the first of them.
pub(crate) const fn half(rows: usize) -> usize {
    rows.div_ceil(2)
}

/// The first row of the later half, of which the compiler does not know how far it is from the first of all: it would go from row to row by one
/// addition after the other, which takes longer than the products of short vectors (84 instead of 92 GFLOP/s on a core with AVX2).
#[inline(always)]
pub(crate) fn apart<S: Simd>(later: *const f32) -> *const f32 {
    if S::REGISTERS < 32 { black_box(later) } else { later }
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
    unsafe fn columns<S: Simd, const M: usize>(
        &self,
        s: S,
        n: usize,
        padded: bool,
        ahead: (&mut Ahead, usize),
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            match (n.div_ceil(S::LANES), padded || n.is_multiple_of(S::LANES)) {
                (1, true) => self.multiply::<S, M, 1, true>(s, n, ahead),
                (1, false) => self.multiply::<S, M, 1, false>(s, n, ahead),
                (_, true) => self.multiply::<S, M, 2, true>(s, n, ahead),
                (_, false) => self.multiply::<S, M, 2, false>(s, n, ahead),
            }
        }
    }

    /// Adds some terms to the sums; where the operands go on after them: the first row of each half of the left one, and the right one.
    ///
    /// # Safety
    /// As [`Tile::multiply`], of the terms from `a` and `b` on.
    #[inline(always)]
    unsafe fn terms<S: Simd, const M: usize, const V: usize, const WHOLE: bool>(
        &self,
        s: S,
        count: usize,
        (mut a, mut b): ([*const f32; 2], *const f32),
        tail: S::Tail,
        sums: &mut [[S::F; V]; M],
    ) -> ([*const f32; 2], *const f32) {
        for _ in 0..count {
            // SAFETY: the caller's promise.
            unsafe {
                let mut right = [s.splat(0.0); V];
                for (v, right) in right.iter_mut().enumerate() {
                    let p = b.add(v * S::LANES);
                    *right = if WHOLE || v + 1 < V { s.load(p) } else { s.load_tail(p, tail) };
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let left = s.splat(*a[i / half(M)].offset((i % half(M)) as isize * self.a_lane));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = s.fma(left, right, *sum);
                    }
                }
            }
            a = a.map(|a| a.wrapping_offset(self.a_term));
            b = b.wrapping_offset(self.b_term);
        }
        (a, b)
    }

    /// # Safety
    /// As above; `n` needs `V` vectors, which are readable whole with `WHOLE`.
    #[inline(always)]
    unsafe fn multiply<S: Simd, const M: usize, const V: usize, const WHOLE: bool>(
        &self,
        s: S,
        n: usize,
        (ahead, early): (&mut Ahead, usize),
    ) {
        let tail = s.tail(n - (V - 1) * S::LANES);
        let mut sums = [[s.splat(0.0); V]; M];
        let later = apart::<S>(self.a.wrapping_offset(half(M) as isize * self.a_lane));
        let (mut a, mut b) = ([self.a, later], self.b);
        let between = self.terms.checked_div(early).unwrap_or(0);
        for _ in 0..early {
            ahead.ask(s);
            // SAFETY: the caller's promise.
            (a, b) = unsafe { self.terms::<S, M, V, WHOLE>(s, between, (a, b), tail, &mut sums) };
        }
        // SAFETY: the caller's promise.
        unsafe { self.terms::<S, M, V, WHOLE>(s, self.terms - early * between, (a, b), tail, &mut sums) };
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
