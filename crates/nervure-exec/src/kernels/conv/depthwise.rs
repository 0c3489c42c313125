//! Convolutions by channel, each with a kernel of its own: vectors of channels times vectors, nothing packed.

use super::tile::cut;
use crate::simd::Simd;

/// Places, or taps, whose sums stay in registers; with the vectors that they share they fit those of every level.
const ROWS: usize = 6;

/// Calls a method that is generic over rows.
macro_rules! rows {
    ($s:ident, $rows:expr, $tile:ident.$method:ident) => {
        match $rows {
            1 => $tile.$method::<1>($s),
            2 => $tile.$method::<2>($s),
            3 => $tile.$method::<3>($s),
            4 => $tile.$method::<4>($s),
            5 => $tile.$method::<5>($s),
            6 => $tile.$method::<6>($s),
            rows => unreachable!("{rows} rows"),
        }
    };
}

/// A block of places: each a sum over taps.
pub(super) struct Places<'a> {
    pub counts: [usize; 3],
    /// The taps: their number in the kernel, and floats from a place's corner.
    pub taps: &'a [(usize, usize)],
    pub channels: usize,
    /// The first place's corner, and from a place's to the next's.
    pub x: *const f32,
    pub steps: [usize; 3],
    pub kernel: *const f32,
    /// The first place's result, and from a place's to the next's.
    pub c: *mut f32,
    pub c_steps: [usize; 3],
}

impl Places<'_> {
    /// # Safety
    /// The places' elements are readable, and their results writable.
    #[inline(always)]
    pub unsafe fn run<S: Simd>(&self, s: S) {
        for d in 0..self.counts[0] {
            for h in 0..self.counts[1] {
                for v in (0..self.channels).step_by(S::LANES) {
                    for (first, count) in cut(self.counts[2], ROWS) {
                        let at = |steps: [usize; 3]| d * steps[0] + h * steps[1] + first * steps[2] + v;
                        let tile = PlacesTile {
                            x: self.x.wrapping_add(at(self.steps)),
                            c: self.c.wrapping_add(at(self.c_steps)),
                            kernel: self.kernel.wrapping_add(v),
                            tail: s.tail(S::LANES.min(self.channels - v)),
                            places: self,
                        };
                        // SAFETY: the caller's promise.
                        unsafe { rows!(s, count, tile.sum) };
                    }
                }
            }
        }
    }
}

/// A vector of channels of a few places.
struct PlacesTile<'a, S: Simd> {
    places: &'a Places<'a>,
    x: *const f32,
    c: *mut f32,
    kernel: *const f32,
    tail: S::Tail,
}

impl<S: Simd> PlacesTile<'_, S> {
    /// # Safety
    /// `M` places' elements are readable at `x`, their results writable at `c`.
    #[inline(always)]
    unsafe fn sum<const M: usize>(&self, s: S) {
        let p = self.places;
        let mut sums = [s.splat(0.0); M];
        for &(tap, offset) in p.taps {
            // SAFETY: the caller's promise.
            unsafe {
                let weights = s.load_tail(self.kernel.add(tap * p.channels), self.tail);
                let x = self.x.add(offset);
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = s.fma(s.load_tail(x.add(i * p.steps[2]), self.tail), weights, *sum);
                }
            }
        }
        for (i, sum) in sums.into_iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { s.store_tail(self.c.add(i * p.c_steps[2]), sum, self.tail) };
        }
    }
}

/// Some taps, each a sum over a block of windows.
pub(super) struct Taps<'a> {
    pub counts: [usize; 3],
    /// The taps: their number in the kernel, and floats from a window's corner.
    pub taps: &'a [(usize, usize)],
    pub channels: usize,
    /// The first window's corner, and from a window's to the next's.
    pub x: *const f32,
    pub steps: [usize; 3],
    /// The first window's gradient, and from a window's to the next's.
    pub dy: *const f32,
    pub dy_steps: [usize; 3],
    /// The gradient to the kernel.
    pub c: *mut f32,
    /// Whether the sums are added to what is there.
    pub add: bool,
}

impl Taps<'_> {
    /// # Safety
    /// The windows' elements and gradients are readable, and the taps' results writable.
    #[inline(always)]
    pub unsafe fn run<S: Simd>(&self, s: S) {
        for v in (0..self.channels).step_by(S::LANES) {
            for (first, count) in cut(self.taps.len(), ROWS) {
                let tail = s.tail(S::LANES.min(self.channels - v));
                let tile = TapsTile { taps: self, first, v, tail };
                // SAFETY: the caller's promise.
                unsafe { rows!(s, count, tile.sum) };
            }
        }
    }
}

/// A vector of channels of a few taps.
struct TapsTile<'a, S: Simd> {
    taps: &'a Taps<'a>,
    first: usize,
    v: usize,
    tail: S::Tail,
}

impl<S: Simd> TapsTile<'_, S> {
    /// # Safety
    /// There are `M` taps from the first on.
    #[inline(always)]
    unsafe fn sum<const M: usize>(&self, s: S) {
        let p = self.taps;
        let mut taps = [(0, 0); M];
        taps.copy_from_slice(&p.taps[self.first..self.first + M]);
        let mut sums = [s.splat(0.0); M];
        for d in 0..p.counts[0] {
            for h in 0..p.counts[1] {
                let mut x = p.x.wrapping_add(d * p.steps[0] + h * p.steps[1] + self.v);
                let mut dy = p.dy.wrapping_add(d * p.dy_steps[0] + h * p.dy_steps[1] + self.v);
                for _ in 0..p.counts[2] {
                    // SAFETY: the caller's promise.
                    unsafe {
                        let right = s.load_tail(dy, self.tail);
                        for (sum, (_, offset)) in sums.iter_mut().zip(taps) {
                            *sum = s.fma(s.load_tail(x.add(offset), self.tail), right, *sum);
                        }
                    }
                    (x, dy) = (x.wrapping_add(p.steps[2]), dy.wrapping_add(p.dy_steps[2]));
                }
            }
        }
        for (sum, (tap, _)) in sums.into_iter().zip(taps) {
            // SAFETY: the caller's promise.
            unsafe {
                let c = p.c.add(tap * p.channels + self.v);
                s.store_tail(c, if p.add { s.add(s.load_tail(c, self.tail), sum) } else { sum }, self.tail);
            }
        }
    }
}
