//! Pooling, window by window, all channels at a time.

use nervure_graph::PoolKind;

use super::window::{Geometry, Tap, split};
use super::{At, BufferId, Frame};

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
    pub step: PoolStep,
    pub geometry: Geometry,
    pub taps: Vec<Tap>,
    pub channels: usize,
    /// The operands; the first twice where there is one.
    pub from: [At; 2],
    pub to: BufferId,
}

/// Channels that are done together.
const CHANNELS: usize = 64;

impl Pool {
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let frame = *frame;
        let g = self.geometry;
        let cost = g.taps() * self.channels;
        match self.step {
            PoolStep::Forward(kind) => {
                let windows = g.images * g.windows();
                frame.share_range(windows, 1, cost, |start, end, _| {
                    for w in start..end {
                        // SAFETY: the window's results are this call's alone.
                        unsafe { self.forward(&frame, kind, w) };
                    }
                });
            }
            PoolStep::Pick => {
                let windows = g.images * g.windows();
                frame.share_range(windows, 1, 2 * cost, |start, end, _| {
                    for w in start..end {
                        // SAFETY: the window's results are this call's alone.
                        unsafe { self.pick(&frame, w) };
                    }
                });
            }
            PoolStep::SumGrad => {
                let pixels = g.images * g.pixels();
                frame.share_range(pixels, 1, cost, |start, end, _| {
                    for p in start..end {
                        // SAFETY: the element's results are this call's alone.
                        unsafe { self.sum_grad(&frame, p) };
                    }
                });
            }
            PoolStep::MaxGrad => {
                frame.share_range(g.images, 1, 2 * cost * g.windows(), |start, end, _| {
                    for n in start..end {
                        // SAFETY: the image's results are this call's alone.
                        unsafe { self.max_grad(&frame, n) };
                    }
                });
            }
        }
    }

    /// # Safety
    /// As [`Pool::run`].
    unsafe fn forward(&self, frame: &Frame, kind: PoolKind, w: usize) {
        let g = &self.geometry;
        let (n, window) = (w / g.windows(), split(w % g.windows(), g.output));
        let c = self.channels;
        // SAFETY: windows and elements are within their arrays.
        unsafe {
            let x = self.from[0].pointer(frame).cast::<f32>().add(n * g.pixels() * c);
            let to = std::slice::from_raw_parts_mut(frame.buffer(self.to).cast::<f32>().add(w * c), c);
            to.fill(match kind {
                PoolKind::Max => f32::NEG_INFINITY,
                PoolKind::Sum => 0.0,
            });
            let corner = g.corner(window);
            for tap in &self.taps {
                let Some(e) = g.element(corner, tap.at) else { continue };
                let x = std::slice::from_raw_parts(x.add(e * c), c);
                match kind {
                    PoolKind::Max => {
                        for (to, &x) in to.iter_mut().zip(x) {
                            *to = if x > *to || x.is_nan() { x } else { *to };
                        }
                    }
                    PoolKind::Sum => to.iter_mut().zip(x).for_each(|(to, &x)| *to += x),
                }
            }
        }
    }

    /// # Safety
    /// As [`Pool::run`].
    unsafe fn sum_grad(&self, frame: &Frame, p: usize) {
        let g = &self.geometry;
        let (n, element) = (p / g.pixels(), split(p % g.pixels(), g.input));
        let c = self.channels;
        // SAFETY: windows and elements are within their arrays.
        unsafe {
            let dy = self.from[0].pointer(frame).cast::<f32>().add(n * g.windows() * c);
            let to = std::slice::from_raw_parts_mut(frame.buffer(self.to).cast::<f32>().add(p * c), c);
            to.fill(0.0);
            for tap in &self.taps {
                let Some(w) = g.window(element, tap.at) else { continue };
                let dy = std::slice::from_raw_parts(dy.add(w * c), c);
                to.iter_mut().zip(dy).for_each(|(to, &dy)| *to += dy);
            }
        }
    }

    /// # Safety
    /// As [`Pool::run`].
    unsafe fn max_grad(&self, frame: &Frame, n: usize) {
        let g = &self.geometry;
        let c = self.channels;
        // SAFETY: windows and elements are within their arrays.
        unsafe {
            let dy = self.from[0].pointer(frame).cast::<f32>().add(n * g.windows() * c);
            let x = self.from[1].pointer(frame).cast::<f32>().add(n * g.pixels() * c);
            let to = frame.buffer(self.to).cast::<f32>().add(n * g.pixels() * c);
            std::slice::from_raw_parts_mut(to, g.pixels() * c).fill(0.0);
            for w in 0..g.windows() {
                for first in (0..c).step_by(CHANNELS) {
                    let count = CHANNELS.min(c - first);
                    let at = self.greatest(x, split(w, g.output), first, count);
                    for (i, &e) in at.iter().enumerate().take(count) {
                        if e != usize::MAX {
                            *to.add(e * c + first + i) += *dy.add(w * c + first + i);
                        }
                    }
                }
            }
        }
    }

    /// # Safety
    /// As [`Pool::run`].
    unsafe fn pick(&self, frame: &Frame, w: usize) {
        let g = &self.geometry;
        let c = self.channels;
        let (n, window) = (w / g.windows(), split(w % g.windows(), g.output));
        // SAFETY: windows and elements are within their arrays.
        unsafe {
            let t = self.from[0].pointer(frame).cast::<f32>().add(n * g.pixels() * c);
            let x = self.from[1].pointer(frame).cast::<f32>().add(n * g.pixels() * c);
            let to = frame.buffer(self.to).cast::<f32>().add(w * c);
            for first in (0..c).step_by(CHANNELS) {
                let count = CHANNELS.min(c - first);
                let at = self.greatest(x, window, first, count);
                for (i, &e) in at.iter().enumerate().take(count) {
                    *to.add(first + i) = if e == usize::MAX { 0.0 } else { *t.add(e * c + first + i) };
                }
            }
        }
    }

    /// For each of `count` channels the element that is first greatest in a window; the greatest number where the window lies in
    /// the padding.
    ///
    /// # Safety
    /// `x` is an image of the input.
    unsafe fn greatest(
        &self,
        x: *const f32,
        window: [usize; 3],
        first: usize,
        count: usize,
    ) -> [usize; CHANNELS] {
        let g = &self.geometry;
        let mut at = [usize::MAX; CHANNELS];
        let mut best = [f32::NEG_INFINITY; CHANNELS];
        let corner = g.corner(window);
        for tap in &self.taps {
            let Some(e) = g.element(corner, tap.at) else { continue };
            // SAFETY: the element is within the image.
            let x = unsafe { std::slice::from_raw_parts(x.add(e * self.channels + first), count) };
            for (i, &x) in x.iter().enumerate() {
                let better = at[i] == usize::MAX || (!best[i].is_nan() && (x > best[i] || x.is_nan()));
                if better {
                    (at[i], best[i]) = (e, x);
                }
            }
        }
        at
    }
}
