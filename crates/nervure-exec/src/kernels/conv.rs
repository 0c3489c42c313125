//! Convolutions as products of matrices of which one is read out of images, block by block, and never stored.

use std::ops::Range;

use super::gemm::{Panels, Products, Sizes, Strided, clear_rest};
use super::window::{Geometry, Tap, split};
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
    pub taps: Vec<Tap>,
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
        let (geometry, taps) = (self.geometry, &*self.taps);
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
                    let left =
                        |g: usize| Windows { x: a.add(g * c), geometry, taps, channels: c, pixel: all_c };
                    self.multiply(frame, &left, &right, &to, all_o);
                }
                ConvKind::InputGrad => {
                    let left =
                        |g: usize| Pixels { dy: a.add(g * o), geometry, taps, channels: o, pixel: all_o };
                    let right = |g: usize| Turned { kernel: b.add(g * o), channels: (c, o), tap: all_o };
                    self.multiply(frame, &left, &right, &|g| to.add(g * c), all_c);
                }
                ConvKind::KernelGrad => {
                    let left = |g: usize| Taps { x: a.add(g * c), geometry, taps, channels: c, pixel: all_c };
                    let right = |g: usize| Strided { base: b.add(g * o), lane: 1, term: all_o as isize };
                    self.multiply(frame, &left, &right, &|g| to.add(g * o), all_o);
                }
            }
        }
    }

    /// # Safety
    /// As [`Products::run`].
    unsafe fn multiply<A: Panels, B: Panels>(
        &self,
        frame: &Frame,
        left: &(impl Fn(usize) -> A + Sync),
        right: &(impl Fn(usize) -> B + Sync),
        to: &(dyn Fn(usize) -> *mut f32 + Sync),
        row: usize,
    ) {
        let products = Products {
            level: self.level,
            sizes: self.sizes(),
            count: self.groups,
            left,
            rights: self.groups,
            right,
            right_of: &|group| group,
            packed: frame.buffer(self.packed).cast(),
            result: to,
            row,
        };
        // SAFETY: the caller's promise.
        unsafe { products.run(frame) }
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
        unsafe impl Sync for $name<'_> {}
    )*};
}
reads_alone! { Windows Pixels Taps }

/// Rows are windows, terms taps and channels: what the windows meet of the input.
struct Windows<'a> {
    x: *const f32,
    geometry: Geometry,
    taps: &'a [Tap],
    channels: usize,
    /// From a pixel to the next.
    pixel: usize,
}

impl Panels for Windows<'_> {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let g = &self.geometry;
        let terms = k.len();
        for lane in 0..count {
            let row = first + lane;
            let (n, window) = (row / g.windows(), split(row % g.windows(), g.output));
            let x = self.x.wrapping_add(n * g.pixels() * self.pixel);
            let corner = g.corner(window);
            let to = to.wrapping_add(lane / width * width * terms + lane % width);
            // SAFETY: the caller's promise; elements of the input are met within it.
            unsafe {
                if g.is_within(corner) {
                    let x = x.wrapping_offset(g.pixel(corner) * self.pixel as isize);
                    runs(k.clone(), self.channels, |at, tap, c, len| {
                        let from = x.wrapping_add(self.taps[tap].offset * self.pixel + c);
                        spread(to.add(at * width), width, from, len);
                    });
                } else {
                    runs(k.clone(), self.channels, |at, tap, c, len| {
                        match g.element(corner, self.taps[tap].at) {
                            Some(e) => {
                                spread(to.add(at * width), width, x.wrapping_add(e * self.pixel + c), len);
                            }
                            None => zero(to.add(at * width), width, len),
                        }
                    });
                }
            }
        }
        // SAFETY: the caller's promise.
        unsafe { clear_rest(count, terms, width, to) };
    }
}

/// Rows are elements of the input, terms taps and output channels: the gradients of the windows that meet the element.
struct Pixels<'a> {
    dy: *const f32,
    geometry: Geometry,
    taps: &'a [Tap],
    channels: usize,
    /// From a window to the next.
    pixel: usize,
}

impl Panels for Pixels<'_> {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let g = &self.geometry;
        let terms = k.len();
        for lane in 0..count {
            let row = first + lane;
            let (n, element) = (row / g.pixels(), split(row % g.pixels(), g.input));
            let dy = self.dy.wrapping_add(n * g.windows() * self.pixel);
            let to = to.wrapping_add(lane / width * width * terms + lane % width);
            // SAFETY: the caller's promise; windows are within the output.
            unsafe {
                if let Some(first) = g.all_windows(element) {
                    let dy = dy.wrapping_add(first * self.pixel);
                    runs(k.clone(), self.channels, |at, tap, c, len| {
                        let from = dy.wrapping_sub(self.taps[tap].windows * self.pixel).wrapping_add(c);
                        spread(to.add(at * width), width, from, len);
                    });
                    continue;
                }
                runs(k.clone(), self.channels, |at, tap, c, len| {
                    match g.window(element, self.taps[tap].at) {
                        Some(w) => {
                            spread(to.add(at * width), width, dy.wrapping_add(w * self.pixel + c), len)
                        }
                        None => zero(to.add(at * width), width, len),
                    }
                });
            }
        }
        // SAFETY: the caller's promise.
        unsafe { clear_rest(count, terms, width, to) };
    }
}

/// Columns are input channels, terms taps and output channels: the kernel turned about.
struct Turned {
    kernel: *const f32,
    channels: (usize, usize),
    /// From an input channel of the kernel to the next.
    tap: usize,
}

// SAFETY: reads alone, of buffers that nobody writes meanwhile.
unsafe impl Sync for Turned {}

impl Panels for Turned {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let (inputs, outputs) = self.channels;
        let terms = k.len();
        for lane in 0..count {
            let to = to.wrapping_add(lane / width * width * terms + lane % width);
            // SAFETY: the caller's promise.
            unsafe {
                runs(k.clone(), outputs, |at, tap, o, len| {
                    let from = self.kernel.wrapping_add((tap * inputs + first + lane) * self.tap + o);
                    spread(to.add(at * width), width, from, len);
                });
            }
        }
        // SAFETY: the caller's promise.
        unsafe { clear_rest(count, terms, width, to) };
    }
}

/// Rows are taps and channels, terms are windows: what the windows meet of the input, turned about.
struct Taps<'a> {
    x: *const f32,
    geometry: Geometry,
    taps: &'a [Tap],
    channels: usize,
    /// From a pixel to the next.
    pixel: usize,
}

impl Panels for Taps<'_> {
    unsafe fn pack(&self, first: usize, count: usize, k: Range<usize>, width: usize, to: *mut f32) {
        let g = &self.geometry;
        let terms = k.len();
        if terms == 0 {
            // There may be no windows by which to divide.
            return;
        }
        let (mut n, mut window) = (k.start / g.windows(), split(k.start % g.windows(), g.output));
        for at in 0..terms {
            let corner = g.corner(window);
            let within = g.is_within(corner);
            let x = self.x.wrapping_add(n * g.pixels() * self.pixel);
            let base = g.pixel(corner);
            let to = to.wrapping_add(at * width);
            // SAFETY: the caller's promise; elements of the input are met within it.
            unsafe {
                runs(first..first + count, self.channels, |mut lane, tap, mut c, mut len| {
                    let tap = &self.taps[tap];
                    let element = if within {
                        Some((base + tap.offset as isize) as usize)
                    } else {
                        g.element(corner, tap.at)
                    };
                    // A run may go on in the next panel.
                    while len > 0 {
                        let part = len.min(width - lane % width);
                        let to = to.add(lane / width * width * terms + lane % width);
                        match element {
                            Some(e) => spread(to, 1, x.wrapping_add(e * self.pixel + c), part),
                            None => zero(to, 1, part),
                        }
                        (lane, c, len) = (lane + part, c + part, len - part);
                    }
                });
            }
            for axis in (0..3).rev() {
                window[axis] += 1;
                if window[axis] < g.output[axis] {
                    break;
                }
                window[axis] = 0;
                n += usize::from(axis == 0);
            }
        }
        // SAFETY: the caller's promise.
        unsafe { clear_rest(count, terms, width, to) };
    }
}

/// Cuts a range of (tap, channel) pairs at the taps: calls `f` with the place in the range, the tap, its first channel and their number.
#[inline(always)]
fn runs(range: Range<usize>, channels: usize, mut f: impl FnMut(usize, usize, usize, usize)) {
    let (mut tap, mut c) = (range.start / channels, range.start % channels);
    let mut at = 0;
    while at < range.len() {
        let len = (channels - c).min(range.len() - at);
        f(at, tap, c, len);
        at += len;
        (tap, c) = (tap + 1, 0);
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
