//! Convolutions, of channels-last images, without a matrix of their windows: sums run along the images as they lie, or along a copy of a
//! block with zeros around it where windows meet the padding; or, for windows of 3 × 3, over transformed tiles in fewer products.

mod depthwise;
mod kernel_grad;
mod pass;
mod product;
mod tile;
mod winograd;

use kernel_grad::KernelGrad;
use product::Products;
use winograd::{WinogradKernelGrad, WinogradProducts};

use super::gemm::Sizes;
use super::tape::Tape;
use super::window::Geometry;
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
    /// Instructions.
    pub level: Level,
    /// Which.
    pub kind: ConvKind,
    /// Number of groups.
    pub groups: usize,
    /// Sizes of the product of each group.
    pub sizes: Sizes,
    /// The operands.
    pub from: [At; 2],
    /// The result.
    pub to: BufferId,
    /// Memory of [`Conv::room`] bytes.
    pub room: BufferId,
    /// Whether the room has the packed kernel, of [`Conv::keep`], for as long as this stays.
    pub is_kept: bool,
    /// Elementwise operations on what was computed, block by block.
    pub tail: Option<Tape>,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Products(Products),
    Winograd(WinogradProducts),
    KernelGrad(Box<KernelGrad>),
    WinogradKernelGrad(WinogradKernelGrad),
}

impl Conv {
    /// Of an input and output of which a group has that many channels.
    pub fn new(
        level: Level,
        kind: ConvKind,
        geometry: &Geometry,
        groups: usize,
        (c, o): (usize, usize),
        (from, to): ([At; 2], BufferId),
    ) -> Conv {
        let g = geometry;
        let (windows, pixels) = (g.images * g.windows(), g.images * g.pixels());
        let sizes = match kind {
            ConvKind::Forward => Sizes { m: windows, n: o, k: g.taps() * c },
            ConvKind::InputGrad => Sizes { m: pixels, n: c, k: g.taps() * o },
            ConvKind::KernelGrad => Sizes { m: g.taps() * c, n: o, k: windows },
        };
        let (g, channels) = flatten(geometry, groups, (c, o));
        let how = match (kind, winograd::pays(kind, &g, groups, channels)) {
            (ConvKind::Forward, false) => How::Products(Products::forward(&g, groups, channels)),
            (ConvKind::Forward, true) => How::Winograd(WinogradProducts::forward(&g, channels)),
            (ConvKind::InputGrad, false) => How::Products(Products::input_grad(&g, groups, channels)),
            (ConvKind::InputGrad, true) => How::Winograd(WinogradProducts::input_grad(&g, channels)),
            (ConvKind::KernelGrad, false) => How::KernelGrad(Box::new(KernelGrad::new(&g, groups, channels))),
            (ConvKind::KernelGrad, true) => How::WinogradKernelGrad(WinogradKernelGrad::new(&g, channels)),
        };
        Conv { level, kind, groups, sizes, from, to, room: 0, is_kept: false, tail: None, how }
    }

    /// Number of elements of the result.
    pub fn len(&self) -> usize {
        self.groups.saturating_mul(self.sizes.m).saturating_mul(self.sizes.n)
    }

    /// Work, in the time of a floating-point operation.
    pub fn cost(&self) -> usize {
        let tail = self.tail.as_ref().map_or(0, |t| t.cost);
        self.len().saturating_mul(self.sizes.k / 8 + tail)
    }

    /// Whether the elements of a block lie side by side, row by row.
    pub fn can_have_tail(&self) -> bool {
        self.tail.is_none()
            && match &self.how {
                How::Products(p) => p.is_whole(),
                How::Winograd(_) => true,
                How::KernelGrad(_) | How::WinogradKernelGrad(_) => false,
            }
    }

    /// Bytes of memory that it needs while it runs.
    pub fn room(&self) -> usize {
        4 * match &self.how {
            How::Products(p) => p.room(self.level),
            How::Winograd(p) => p.room(self.level),
            How::KernelGrad(k) => k.room(),
            How::WinogradKernelGrad(k) => k.room(),
        }
    }

    /// Bytes of scratch that a worker needs.
    pub fn scratch(&self) -> usize {
        self.copied() + self.tail.as_ref().map_or(0, |t| t.scratch)
    }

    /// Bytes of scratch that copies of blocks need.
    fn copied(&self) -> usize {
        let floats = match &self.how {
            How::Products(p) => p.scratch(),
            How::Winograd(p) => p.scratch(),
            How::KernelGrad(k) => k.scratch(),
            How::WinogradKernelGrad(k) => k.scratch(),
        };
        (4 * floats).next_multiple_of(64)
    }

    /// Whether it goes by transformed tiles.
    pub fn is_winograd(&self) -> bool {
        matches!(self.how, How::Winograd(_) | How::WinogradKernelGrad(_))
    }

    /// Whether it packs its second operand, the kernel.
    pub fn packs(&self) -> bool {
        match &self.how {
            How::Products(_) | How::Winograd(_) => self.room() > 0,
            How::KernelGrad(_) | How::WinogradKernelGrad(_) => false,
        }
    }

    /// Packs the kernel where it is kept.
    ///
    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn keep(&self, frame: &Frame) {
        if self.is_kept {
            // SAFETY: the caller's promise.
            unsafe { self.pack(frame, &self.operands(frame)) };
        }
    }

    /// # Safety
    /// As [`Conv::run`].
    unsafe fn pack(&self, frame: &Frame, operands: &Operands) {
        // SAFETY: the operands are as compiled.
        unsafe {
            match &self.how {
                How::Products(p) => p.pack(self.level, frame, operands),
                How::Winograd(p) => p.pack(self.level, frame, operands),
                How::KernelGrad(_) | How::WinogradKernelGrad(_) => {}
            }
        }
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for; what is kept was packed since the kernel last changed.
    pub unsafe fn run(&self, frame: &Frame) {
        let operands = self.operands(frame);
        let tail = self.tail.as_ref().map(|tape| (tape, self.copied()));
        // SAFETY: the operands are as compiled.
        unsafe {
            if !self.is_kept {
                self.pack(frame, &operands);
            }
            match &self.how {
                How::Products(p) => p.run(self.level, frame, &operands, tail),
                How::Winograd(p) => p.run(self.level, frame, &operands, tail),
                How::KernelGrad(k) => k.run(self.level, frame, &operands),
                How::WinogradKernelGrad(k) => k.run(self.level, frame, &operands),
            }
        }
    }

    fn operands(&self, frame: &Frame) -> Operands {
        Operands {
            a: Shared(self.from[0].pointer(frame).cast()),
            b: Shared(self.from[1].pointer(frame).cast()),
            to: Shared(frame.buffer(self.to).cast()),
            room: Shared(frame.buffer(self.room).cast()),
        }
    }
}

/// The same convolution with as few axes as it has: where windows are elements, all images are one row of them; where there is but one
/// window, its elements are channels.
fn flatten(g: &Geometry, groups: usize, (c, o): (usize, usize)) -> (Geometry, (usize, usize)) {
    let (mut g, mut channels) = (*g, (c, o));
    let is_dense = (0..3).all(|i| g.size[i] == 1 || g.dilation[i] == 1);
    if groups == 1 && is_dense && g.size == g.input && g.output == [1; 3] && g.before == [0; 3] {
        channels.0 = c * g.taps();
        (g.input, g.size, g.strides) = ([1; 3], [1; 3], [1; 3]);
    }
    if g.is_pointwise() {
        let row = [1, 1, g.images * g.pixels()];
        (g.images, g.input, g.output) = (1, row, row);
    }
    (g, channels)
}

/// What a convolution reads and writes.
struct Operands {
    a: Shared,
    b: Shared,
    to: Shared,
    room: Shared,
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
