//! Convolutions as products of matrices of which one is read out of images, block by block, and never stored.

use std::ops::Range;

use super::gemm::{self, Panels, Sizes, Strided};
use super::window::{Geometry, split};
use super::{At, BufferId, Frame};
use crate::simd::Level;

/// Which of the three products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConvKind {
    /// `(x, kernel)` → y: rows are windows, terms are taps and channels.
    Forward,
    /// `(dy, kernel)` → dx: rows are elements of the input, terms are taps and output channels.
    InputGrad,
    /// `(x, dy)` → dkernel: rows are taps and channels, terms are windows.
    KernelGrad,
}

/// A convolution or a gradient of one.
#[derive(Debug, Clone)]
pub(crate) struct Conv {
    pub level: Level,
    pub kind: ConvKind,
    pub geometry: Geometry,
    pub groups: usize,
    /// Channels of the input and of the output, of one group.
    pub channels: (usize, usize),
    pub a: At,
    pub b: At,
    pub to: BufferId,
    /// Room for the packed right operands.
    pub packed: BufferId,
}

impl Conv {
    /// Sizes of the product of each group.
    pub fn sizes(&self) -> Sizes {
        let g = &self.geometry;
        let (c, o) = self.channels;
        match self.kind {
            ConvKind::Forward => Sizes { m: g.images * g.windows(), n: o, k: g.taps() * c },
            ConvKind::InputGrad => Sizes { m: g.images * g.pixels(), n: c, k: g.taps() * o },
            ConvKind::KernelGrad => Sizes { m: g.taps() * c, n: o, k: g.images * g.windows() },
        }
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let (c, o) = self.channels;
        let (all_c, all_o) = (c * self.groups, o * self.groups);
        let a = Shared(self.a.pointer(frame).cast::<f32>());
        let b = Shared(self.b.pointer(frame).cast::<f32>());
        let to = Shared(frame.buffer(self.to).cast::<f32>());
        let geometry = self.geometry;
        // SAFETY: the operands are as compiled; groups write columns of their own.
        unsafe {
            match self.kind {
                ConvKind::Forward => {
                    let right = |g: usize| Strided { base: b.add(g * o), lane: 1, term: all_o as isize };
                    let to = |g: usize| to.add(g * o);
                    if geometry.is_pointwise() {
                        let left = |g: usize| Strided { base: a.add(g * c), lane: all_c as isize, term: 1 };
                        return self.multiply(frame, &left, &right, &to, all_o);
                    }
                    let left = |g: usize| Windows { x: a.add(g * c), geometry, channels: c, pixel: all_c };
                    self.multiply(frame, &left, &right, &to, all_o);
                }
                ConvKind::InputGrad => {
                    let left = |g: usize| Pixels { dy: a.add(g * o), geometry, channels: o, pixel: all_o };
                    let right = |g: usize| Turned { kernel: b.add(g * o), channels: (c, o), tap: all_o };
                    self.multiply(frame, &left, &right, &|g| to.add(g * c), all_c);
                }
                ConvKind::KernelGrad => {
                    let left = |g: usize| Taps { x: a.add(g * c), geometry, channels: c, pixel: all_c };
                    let right = |g: usize| Strided { base: b.add(g * o), lane: 1, term: all_o as isize };
                    self.multiply(frame, &left, &right, &|g| to.add(g * o), all_o);
                }
            }
        }
    }

    /// # Safety
    /// As [`gemm::multiply`].
    unsafe fn multiply<A: Panels, B: Panels>(
        &self,
        frame: &Frame,
        left: &(impl Fn(usize) -> A + Sync),
        right: &(impl Fn(usize) -> B + Sync),
        to: &(impl Fn(usize) -> *mut f32 + Sync),
        row: usize,
    ) {
        let packed = frame.buffer(self.packed).cast();
        let (sizes, groups) = (self.sizes(), self.groups);
        // SAFETY: the caller's promise.
        unsafe {
            let right = (groups, right, &|g: usize| g);
            gemm::multiply(self.level, frame, sizes, groups, left, right, packed, (to, row));
        }
    }
}

/// A pointer that the parts of a kernel share.
struct Shared(*mut f32);

// SAFETY: parts write disjoint elements through it.
unsafe impl Sync for Shared {}

impl Shared {
    fn add(&self, n: usize) -> *mut f32 {
        self.0.wrapping_add(n)
    }
}

macro_rules! reads_alone {
    ($($name:ident)*) => {$(
        // SAFETY: reads alone, of buffers that nobody writes meanwhile.
        unsafe impl Sync for $name {}
    )*};
}
reads_alone! { Windows Pixels Turned Taps }

/// Rows are windows, terms taps and channels: what the windows meet of the input.
struct Windows {
    x: *const f32,
    geometry: Geometry,
    channels: usize,
    /// From a pixel to the next.
    pixel: usize,
}

impl Panels for Windows {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let g = &self.geometry;
        let image = g.pixels() * self.pixel;
        for lane in 0..width {
            let row = first + lane;
            let (n, window) = (row / g.windows(), split(row % g.windows(), g.output));
            let source = |tap| g.element(window, g.tap(tap)).filter(|_| lane < count);
            // SAFETY: the caller's promise; elements of the input are met within it.
            unsafe {
                runs(k.clone(), self.channels, |at, tap, c, len| {
                    let to = to.add(at * width + lane);
                    match source(tap) {
                        Some(e) => {
                            spread(to, width, self.x.wrapping_add(n * image + e * self.pixel + c), len);
                        }
                        None => zero(to, width, len),
                    }
                });
            }
        }
    }
}

/// Rows are elements of the input, terms taps and output channels: the gradients of the windows that meet the element.
struct Pixels {
    dy: *const f32,
    geometry: Geometry,
    channels: usize,
    /// From a window to the next.
    pixel: usize,
}

impl Panels for Pixels {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let g = &self.geometry;
        let image = g.windows() * self.pixel;
        for lane in 0..width {
            let row = first + lane;
            let (n, element) = (row / g.pixels(), split(row % g.pixels(), g.input));
            let source = |tap| g.window(element, g.tap(tap)).filter(|_| lane < count);
            // SAFETY: the caller's promise; windows are within the output.
            unsafe {
                runs(k.clone(), self.channels, |at, tap, c, len| {
                    let to = to.add(at * width + lane);
                    match source(tap) {
                        Some(w) => {
                            spread(to, width, self.dy.wrapping_add(n * image + w * self.pixel + c), len);
                        }
                        None => zero(to, width, len),
                    }
                });
            }
        }
    }
}

/// Columns are input channels, terms taps and output channels: the kernel turned about.
struct Turned {
    kernel: *const f32,
    channels: (usize, usize),
    /// From an input channel of the kernel to the next.
    tap: usize,
}

impl Panels for Turned {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let (inputs, outputs) = self.channels;
        for lane in 0..width {
            // SAFETY: the caller's promise.
            unsafe {
                runs(k.clone(), outputs, |at, tap, o, len| {
                    let to = to.add(at * width + lane);
                    if lane < count {
                        let from = self.kernel.wrapping_add((tap * inputs + first + lane) * self.tap + o);
                        spread(to, width, from, len);
                    } else {
                        zero(to, width, len);
                    }
                });
            }
        }
    }
}

/// Rows are taps and channels, terms are windows: what the windows meet of the input, turned about.
struct Taps {
    x: *const f32,
    geometry: Geometry,
    channels: usize,
    /// From a pixel to the next.
    pixel: usize,
}

impl Panels for Taps {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let g = &self.geometry;
        let image = g.pixels() * self.pixel;
        let rows = g.windows();
        for (at, term) in k.enumerate() {
            let (n, window) = (term / rows, split(term % rows, g.output));
            // SAFETY: the caller's promise; elements of the input are met within it.
            unsafe {
                let to = to.add(at * width);
                runs(first..first + count, self.channels, |lane, tap, c, len| {
                    let to = to.add(lane);
                    match g.element(window, g.tap(tap)) {
                        Some(e) => {
                            let from = self.x.wrapping_add(n * image + e * self.pixel + c);
                            spread(to, 1, from, len);
                        }
                        None => zero(to, 1, len),
                    }
                });
                zero(to.add(count), 1, width - count);
            }
        }
    }
}

/// Cuts a range of (tap, channel) pairs at the taps: calls `f` with the place in the range, the tap, its first channel and their number.
#[inline(always)]
fn runs(range: Range<usize>, channels: usize, mut f: impl FnMut(usize, usize, usize, usize)) {
    let mut at = range.start;
    while at < range.end {
        let (tap, c) = (at / channels, at % channels);
        let len = (channels - c).min(range.end - at);
        f(at - range.start, tap, c, len);
        at += len;
    }
}

/// # Safety
/// `len` floats are readable at `from` and writable at every `stride`th place from `to`.
#[inline(always)]
unsafe fn spread(to: *mut f32, stride: usize, from: *const f32, len: usize) {
    for i in 0..len {
        // SAFETY: the caller's promise.
        unsafe { *to.add(i * stride) = *from.add(i) };
    }
}

/// # Safety
/// `len` floats are writable at every `stride`th place from `to`.
#[inline(always)]
unsafe fn zero(to: *mut f32, stride: usize, len: usize) {
    for i in 0..len {
        // SAFETY: the caller's promise.
        unsafe { *to.add(i * stride) = 0.0 };
    }
}
