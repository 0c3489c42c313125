//! Tiles of convolutions: a few places, or taps and channels, by a few vectors of output channels, whose sums stay in registers.

use super::pass::Run;
use crate::kernels::gemm::{apart, half};
use crate::simd::Simd;

/// Vectors of columns of the widest tile.
pub(super) const VECTORS: usize = 2;

/// Rows of a tile, at most: as many as there are registers for their sums, next to the vectors and one more.
pub(super) const fn rows<S: Simd>() -> usize {
    (S::REGISTERS - VECTORS - 1) / VECTORS
}

/// Cuts `len` in as few parts as have at most `most` each, as equal as they can be: the begin and length of each.
#[inline(always)]
pub(super) fn cut(len: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let parts = len.div_ceil(most);
    (0..parts).map(move |i| (i * len / parts, (i + 1) * len / parts - i * len / parts))
}

/// Cuts columns in whole vectors, by two as long as there are, and what is left of one: the first and number of each.
#[inline(always)]
pub(super) fn panels(columns: usize, lanes: usize) -> impl Iterator<Item = (usize, usize)> {
    let wide = columns / (VECTORS * lanes);
    let rest = wide * VECTORS * lanes;
    let narrow = (columns - rest).div_ceil(lanes);
    (0..wide + narrow).map(move |i| match i.checked_sub(wide) {
        None => (i * VECTORS * lanes, VECTORS * lanes),
        Some(i) => (rest + i * lanes, lanes.min(columns - rest - i * lanes)),
    })
}

/// Calls a method that is generic over rows and vectors of the tile.
macro_rules! tile {
    ($s:ident: $level:ident, $rows:expr, $columns:expr, $tile:ident.$method:ident) => {
        tile!(@ $s: $level, $rows, $columns, $tile.$method, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
    (@ $s:ident: $level:ident, $rows:expr, $columns:expr, $tile:ident.$method:ident, $($n:literal)*) => {
        match ($rows, $columns == $crate::kernels::conv::tile::VECTORS * $level::LANES) {
            $(
                ($n, true) if $n <= $crate::kernels::conv::tile::rows::<$level>() => {
                    $tile.$method::<$level, $n, { $crate::kernels::conv::tile::VECTORS }>($s, $columns)
                }
                ($n, false) if $n <= $crate::kernels::conv::tile::rows::<$level>() => {
                    $tile.$method::<$level, $n, 1>($s, $columns)
                }
            )*
            (rows, _) => unreachable!("a tile of {rows} rows"),
        }
    };
}
pub(super) use tile;

/// Rows are places, terms what they meet.
pub(super) struct Places<'a> {
    /// What a place meets.
    pub runs: &'a [Run],
    /// The corner of the first place.
    pub x: *const f32,
    /// From a place to the next.
    pub lane: usize,
    /// Vectors of columns, term by term.
    pub b: *const f32,
    /// The first place's result.
    pub c: *mut f32,
    /// From a place's result to the next.
    pub row: usize,
    /// Whether the sums are added to what is there.
    pub add: bool,
}

impl Places<'_> {
    /// # Safety
    /// `M` places have their runs at `x` and `n` columns at `c`; `b` has `V` vectors for each term. `n` is all of them, or `V` is 1.
    #[inline(always)]
    pub unsafe fn multiply<S: Simd, const M: usize, const V: usize>(&self, s: S, n: usize) {
        let mut sums = [[s.splat(0.0); V]; M];
        let mut b = self.b;
        for run in self.runs {
            let first = self.x.wrapping_add(run.offset);
            let mut x = [first, apart::<S>(first.wrapping_add(half(M) * self.lane))];
            for _ in 0..run.len {
                // SAFETY: the caller's promise.
                unsafe {
                    let mut right = [s.splat(0.0); V];
                    for (v, right) in right.iter_mut().enumerate() {
                        *right = s.load(b.add(v * S::LANES));
                    }
                    for (i, sums) in sums.iter_mut().enumerate() {
                        let left = s.splat(*x[i / half(M)].add(i % half(M) * self.lane));
                        for (sum, right) in sums.iter_mut().zip(right) {
                            *sum = s.fma(left, right, *sum);
                        }
                    }
                }
                x = x.map(|x| x.wrapping_add(1));
                b = b.wrapping_add(V * S::LANES);
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { store::<S, V>(s, self.c.add(i * self.row), *sums, n, self.add) };
        }
    }
}

/// Writes or adds `n` columns.
///
/// # Safety
/// They are writable at `c`; `n` is `V` vectors, or `V` is 1.
#[inline(always)]
pub(super) unsafe fn store<S: Simd, const V: usize>(s: S, c: *mut f32, sums: [S::F; V], n: usize, add: bool) {
    for (v, sum) in sums.into_iter().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            let c = c.add(v * S::LANES);
            if V > 1 || n == S::LANES {
                s.store(c, if add { s.add(s.load(c), sum) } else { sum });
            } else {
                let tail = s.tail(n);
                s.store_tail(c, if add { s.add(s.load_tail(c, tail), sum) } else { sum }, tail);
            }
        }
    }
}

/// Rows are neighbouring elements of the source, terms are places: planes of rows of them.
#[derive(Clone, Copy)]
pub(super) struct Elements {
    /// Places along each axis.
    pub counts: [usize; 3],
    /// The rows' elements at the first place.
    pub x: *const f32,
    /// From a place's elements to the next's, along each axis.
    pub steps: [usize; 3],
    /// The columns at the first place.
    pub dy: *const f32,
    /// From a place's columns to the next's, along each axis.
    pub dy_steps: [usize; 3],
    /// The first row's result.
    pub c: *mut f32,
    /// From a row's result to the next.
    pub row: usize,
    /// Whether the sums are added to what is there.
    pub add: bool,
}

impl Elements {
    /// # Safety
    /// `M` elements are readable at each place, `n` columns also, and writable at `c`. `n` is `V` vectors, or `V` is 1.
    #[inline(always)]
    pub unsafe fn multiply<S: Simd, const M: usize, const V: usize>(&self, s: S, n: usize) {
        let mut sums = [[s.splat(0.0); V]; M];
        let tail = s.tail(n.min(S::LANES));
        for d in 0..self.counts[0] {
            for h in 0..self.counts[1] {
                let mut x = self.x.wrapping_add(d * self.steps[0] + h * self.steps[1]);
                let mut dy = self.dy.wrapping_add(d * self.dy_steps[0] + h * self.dy_steps[1]);
                for _ in 0..self.counts[2] {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let mut right = [s.splat(0.0); V];
                        for (v, right) in right.iter_mut().enumerate() {
                            let dy = dy.add(v * S::LANES);
                            *right = if V > 1 { s.load(dy) } else { s.load_tail(dy, tail) };
                        }
                        for (i, sums) in sums.iter_mut().enumerate() {
                            let left = s.splat(*x.add(i));
                            for (sum, right) in sums.iter_mut().zip(right) {
                                *sum = s.fma(left, right, *sum);
                            }
                        }
                    }
                    x = x.wrapping_add(self.steps[2]);
                    dy = dy.wrapping_add(self.dy_steps[2]);
                }
            }
        }
        for (i, sums) in sums.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { store::<S, V>(s, self.c.add(i * self.row), *sums, n, self.add) };
        }
    }
}
