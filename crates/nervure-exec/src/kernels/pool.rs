//! Pooling, window by window, a vector of channels at a time.

use nervure_graph::PoolKind;

use super::window::{Geometry, Windows};
use super::{At, BufferId, Frame};
use crate::simd::{Kernel, Level, Simd};

/// What is done with the windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolStep {
    /// `(x)`: the greatest or the sum of each window.
    Forward(PoolKind),
    /// `(dy)`: to each element the gradients of the windows that meet it.
    SumGrad,
    /// `(dy, x)`: to the first greatest element of each window.
    MaxGrad,
    /// `(t, x)`: of each window the element of `t` where `x` is first greatest.
    Pick,
}

/// A pooling, or a gradient of one.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub level: Level,
    pub step: PoolStep,
    pub geometry: Geometry,
    pub channels: usize,
    /// The operands; the first twice where there is one.
    pub from: [At; 2],
    pub to: BufferId,
}

/// Channels of an image whose gradient is one part.
const CHANNELS: usize = 64;

impl Pool {
    /// Bytes of scratch that a worker needs.
    pub fn scratch(&self) -> usize {
        self.geometry.taps() * size_of::<usize>()
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let g = &self.geometry;
        let part = |image, windows, channels, scratch: *mut u8| Part {
            pool: self,
            image,
            windows,
            channels,
            from: self.from.map(|a| a.pointer(frame).cast::<f32>().cast_const()),
            to: frame.buffer(self.to).cast(),
            scratch: scratch.cast(),
        };
        let cost = g.taps() * self.channels / 4;
        match self.step {
            PoolStep::Forward(_) | PoolStep::Pick => {
                let row = g.output[2];
                let (rows, per_image) = (g.images * g.output[0] * g.output[1], g.output[0] * g.output[1]);
                frame.share_range(rows * row, 1, cost, |start, end, scratch| {
                    // A part of each image that the stretch meets.
                    let mut at = start;
                    while at < end {
                        let (image, first) = (at / (per_image * row), at % (per_image * row));
                        let last = (first + end - at).min(per_image * row);
                        self.level.run(part(image, (first, last), (0, self.channels), scratch));
                        at += last - first;
                    }
                });
            }
            PoolStep::SumGrad | PoolStep::MaxGrad => {
                let chunks = self.channels.div_ceil(CHANNELS);
                frame.share(g.images * chunks, g.images * g.windows() * cost, |i, scratch| {
                    let (image, first) = (i / chunks, i % chunks * CHANNELS);
                    let channels = (first, (first + CHANNELS).min(self.channels));
                    self.level.run(part(image, (0, g.windows()), channels, scratch));
                });
            }
        }
    }
}

/// Some windows of an image, and some channels; for a gradient all of the windows.
struct Part<'a> {
    pool: &'a Pool,
    image: usize,
    windows: (usize, usize),
    channels: (usize, usize),
    from: [*const f32; 2],
    to: *mut f32,
    scratch: *mut usize,
}

impl Kernel for Part<'_> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let g = &self.pool.geometry;
        let c = self.pool.channels;
        let (image, result) = (self.image * g.pixels() * c, self.image * g.windows() * c);
        let at = |base: *const f32, offset: usize| base.wrapping_add(offset);
        let is_grad = matches!(self.pool.step, PoolStep::SumGrad | PoolStep::MaxGrad);
        let is_tiled = g.is_tiled();
        if is_grad && !is_tiled {
            let (first, last) = self.channels;
            for pixel in 0..g.pixels() {
                let to = self.to.wrapping_add(image + pixel * c + first);
                // SAFETY: these channels of the image are the part's alone.
                unsafe { to.write_bytes(0, last - first) };
            }
        }
        let mut windows = Windows::new(g, self.windows.0);
        for w in self.windows.0..self.windows.1 {
            // SAFETY: the scratch has room for the elements of a window.
            let elements = unsafe { windows.elements(self.scratch) };
            windows.advance();
            let mut v = self.channels.0;
            while v < self.channels.1 {
                let n = S::LANES.min(self.channels.1 - v);
                let vector = Vector { s, n, tail: s.tail(n), elements, channels: c };
                let x = image + v;
                let y = result + w * c + v;
                // SAFETY: elements and windows are within their arrays, and what is written is the part's alone.
                unsafe {
                    match self.pool.step {
                        PoolStep::Forward(PoolKind::Max) => {
                            vector.write(self.to.add(y), vector.max(at(self.from[0], x)));
                        }
                        PoolStep::Forward(PoolKind::Sum) => {
                            vector.write(self.to.add(y), vector.sum(at(self.from[0], x)));
                        }
                        PoolStep::Pick => {
                            let picked = vector.pick(at(self.from[1], x), at(self.from[0], x));
                            vector.write(self.to.add(y), picked);
                        }
                        PoolStep::SumGrad => {
                            vector.spread(self.to.add(x), vector.read(at(self.from[0], y)), None, !is_tiled);
                        }
                        PoolStep::MaxGrad => {
                            let dy = vector.read(at(self.from[0], y));
                            let greatest = vector.greatest(at(self.from[1], x));
                            vector.spread(self.to.add(x), dy, Some(greatest), !is_tiled);
                        }
                    }
                }
                v += n;
            }
        }
    }
}

/// A vector of channels of the elements of a window.
struct Vector<'a, S: Simd> {
    s: S,
    /// Channels that there are.
    n: usize,
    tail: S::Tail,
    /// Numbers of the elements in the image.
    elements: &'a [usize],
    channels: usize,
}

impl<S: Simd> Vector<'_, S> {
    /// # Safety
    /// `n` floats are readable at `p`.
    #[inline(always)]
    unsafe fn read(&self, p: *const f32) -> S::F {
        // SAFETY: the caller's promise.
        unsafe { if self.n == S::LANES { self.s.load(p) } else { self.s.load_tail(p, self.tail) } }
    }

    /// # Safety
    /// `n` floats are writable at `p`.
    #[inline(always)]
    unsafe fn write(&self, p: *mut f32, v: S::F) {
        // SAFETY: the caller's promise.
        unsafe { if self.n == S::LANES { self.s.store(p, v) } else { self.s.store_tail(p, v, self.tail) } }
    }

    /// # Safety
    /// `of` is an image, at the first channel.
    #[inline(always)]
    unsafe fn element(&self, of: *const f32, e: usize) -> S::F {
        // SAFETY: the caller's promise.
        unsafe { self.read(of.add(e * self.channels)) }
    }

    /// NaN where one is.
    ///
    /// # Safety
    /// `x` is an image, at the first channel.
    #[inline(always)]
    unsafe fn max(&self, x: *const f32) -> S::F {
        let mut best = self.s.splat(f32::NEG_INFINITY);
        for &e in self.elements {
            // SAFETY: the caller's promise.
            best = self.s.max(unsafe { self.element(x, e) }, best);
        }
        best
    }

    /// # Safety
    /// `x` is an image, at the first channel.
    #[inline(always)]
    unsafe fn sum(&self, x: *const f32) -> S::F {
        let mut sum = self.s.splat(0.0);
        for &e in self.elements {
            // SAFETY: the caller's promise.
            sum = self.s.add(sum, unsafe { self.element(x, e) });
        }
        sum
    }

    /// Where an element is not greater than the best before it, and not the first NaN.
    #[inline(always)]
    fn is_worse(&self, x: S::F, best: S::F) -> S::M {
        let s = self.s;
        s.or(s.le(x, best), s.not(s.eq(best, best)))
    }

    /// The elements of `t` where `x` is first greatest; zero of a window that lies in the padding.
    ///
    /// # Safety
    /// `x` and `t` are images, at the first channel.
    #[inline(always)]
    unsafe fn pick(&self, x: *const f32, t: *const f32) -> S::F {
        let Some((&first, rest)) = self.elements.split_first() else { return self.s.splat(0.0) };
        // SAFETY: the caller's promise.
        let (mut best, mut picked) = unsafe { (self.element(x, first), self.element(t, first)) };
        for &e in rest {
            // SAFETY: the caller's promise.
            let (x, t) = unsafe { (self.element(x, e), self.element(t, e)) };
            let worse = self.is_worse(x, best);
            (best, picked) = (self.s.select(worse, best, x), self.s.select(worse, picked, t));
        }
        picked
    }

    /// Which of the window's elements is first greatest.
    ///
    /// # Safety
    /// `x` is an image, at the first channel.
    #[inline(always)]
    unsafe fn greatest(&self, x: *const f32) -> S::I {
        let s = self.s;
        let number = |i: usize| s.float_of(s.splat_i(i as i32));
        let mut at = number(0);
        if let Some((&first, rest)) = self.elements.split_first() {
            // SAFETY: the caller's promise.
            let mut best = unsafe { self.element(x, first) };
            for (i, &e) in rest.iter().enumerate() {
                // SAFETY: the caller's promise.
                let x = unsafe { self.element(x, e) };
                let worse = self.is_worse(x, best);
                (best, at) = (s.select(worse, best, x), s.select(worse, at, number(i + 1)));
            }
        }
        s.bits(at)
    }

    /// Gives `dy` to all elements, or to one in each lane, and zero to the others; adds it to what is there, or not.
    ///
    /// # Safety
    /// `dx` is an image, at the first channel.
    #[inline(always)]
    unsafe fn spread(&self, dx: *mut f32, dy: S::F, only: Option<S::I>, add: bool) {
        let s = self.s;
        for (i, &e) in self.elements.iter().enumerate() {
            let given = match only {
                Some(at) => s.select(s.eq_i(at, s.splat_i(i as i32)), dy, s.splat(0.0)),
                None => dy,
            };
            // SAFETY: the caller's promise.
            unsafe {
                let dx = dx.add(e * self.channels);
                self.write(dx, if add { s.add(self.read(dx), given) } else { given });
            }
        }
    }
}
