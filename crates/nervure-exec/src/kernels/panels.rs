//! Packing of a right operand that lies in memory, at the speed of the caches: done by each worker for the columns that it multiplies.

use super::gemm::{Ahead, Strided, Tiles};
use crate::simd::{Kernel, Level, Simd};

/// Packs `count` columns of `terms` terms from the first element of `from` on: panel after panel of [`Tiles::columns`]
/// columns that lie side by side term by term, zeros after the last. Meanwhile asks for what is read soon.
///
/// # Safety
/// The elements are readable; `to` has room for whole panels.
pub(crate) unsafe fn pack(
    level: Level,
    from: Strided,
    count: usize,
    terms: usize,
    to: *mut f32,
    ahead: Ahead,
) {
    level.run(Pack { from, count, terms, to, wide: Tiles::of(level).columns, ahead });
}

struct Pack {
    from: Strided,
    count: usize,
    terms: usize,
    to: *mut f32,
    wide: usize,
    ahead: Ahead,
}

impl Kernel for Pack {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Pack { from, count, terms, to, wide, ahead } = self;
        if from.lane == 1 {
            // SAFETY: made by `pack` alone: the columns and terms are readable, and the panels' room is writable.
            return unsafe { rows(s, from, count, terms, wide, to, ahead) };
        }
        for first in (0..count).step_by(wide) {
            let lanes = wide.min(count - first);
            let base = from.base.wrapping_offset(first as isize * from.lane);
            // SAFETY: as above.
            unsafe { columns(s, Strided { base, ..from }, lanes, terms, wide, to.add(first * terms)) };
        }
    }
}

/// Panels of columns that lie side by side: term by term, so that memory is read in stretches as long as there are.
///
/// # Safety
/// As [`pack`].
#[inline(always)]
unsafe fn rows<S: Simd>(
    s: S,
    from: Strided,
    count: usize,
    terms: usize,
    wide: usize,
    to: *mut f32,
    mut ahead: Ahead,
) {
    let (whole, rest) = (count / wide, count % wide);
    let early = ahead.lines().div_ceil(terms.max(1));
    let mut p = from.base;
    for k in 0..terms {
        for _ in 0..early {
            ahead.ask(s);
        }
        // SAFETY: the caller's promise; beyond the tail nothing is read.
        unsafe {
            let mut to = to.add(k * wide);
            let mut p = p;
            for _ in 0..whole {
                for start in (0..wide).step_by(S::LANES) {
                    s.store(to.add(start), s.load(p.add(start)));
                }
                (p, to) = (p.add(wide), to.add(wide * terms));
            }
            if rest > 0 {
                for start in (0..wide).step_by(S::LANES) {
                    let tail = s.tail(rest.saturating_sub(start).min(S::LANES));
                    s.store(to.add(start), s.load_tail(p.wrapping_add(start), tail));
                }
            }
        }
        p = p.wrapping_offset(from.term);
    }
}

/// A panel whose columns lie apart: squares where terms lie side by side, else one by one.
///
/// # Safety
/// As [`pack`].
#[inline(always)]
unsafe fn columns<S: Simd>(s: S, from: Strided, lanes: usize, terms: usize, wide: usize, to: *mut f32) {
    let (squares, whole) =
        if from.term == 1 { (lanes / S::LANES * S::LANES, terms / S::LANES * S::LANES) } else { (0, 0) };
    // SAFETY: the caller's promise.
    unsafe {
        for k in (0..whole).step_by(S::LANES) {
            for lane in (0..squares).step_by(S::LANES) {
                let p = from.base.offset(lane as isize * from.lane + k as isize);
                s.transpose(p, from.lane, to.add(k * wide + lane), wide);
            }
        }
        for lane in 0..wide {
            let p = from.base.wrapping_offset(lane as isize * from.lane);
            for k in if lane < squares { whole } else { 0 }..terms {
                let x = if lane < lanes { *p.offset(k as isize * from.term) } else { 0.0 };
                *to.add(k * wide + lane) = x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_hold_every_element_in_its_place() {
        let numbers: Vec<f32> = (0..100 * 100).map(|i| i as f32).collect();
        for &level in Level::available() {
            let wide = Tiles::of(level).columns;
            for (lane, term) in [(1, 100), (100, 1), (100, 2), (-1, 100), (0, 1)] {
                for (count, terms) in [(1usize, 1usize), (10, 40), (33, 17), (64, 32), (50, 5), (3, 33)] {
                    let start = if lane < 0 { 99 } else { 0 };
                    let from = Strided { base: numbers[start..].as_ptr(), lane, term };
                    let mut to = vec![-1.0f32; count.next_multiple_of(wide) * terms];
                    // SAFETY: lanes and terms are below 100 · 100, and the room is whole panels.
                    unsafe { pack(level, from, count, terms, to.as_mut_ptr(), Ahead::default()) };
                    for (at, &x) in to.iter().enumerate() {
                        let (panel, k, i) = (at / (wide * terms), at / wide % terms, at % wide);
                        let column = panel * wide + i;
                        let place = start as isize + column as isize * lane + k as isize * term;
                        let expected = if column < count { place as f32 } else { 0.0 };
                        assert_eq!(x, expected, "{level:?}, {count} × {terms} by {lane} and {term}: {at}");
                    }
                }
            }
        }
    }
}
