//! Where the taps of windows fall: what convolution and pooling share.

use nervure_graph::Window;

/// Windows over images of three spatial axes; those that are not there have size 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Number of images.
    pub images: usize,
    /// Spatial sizes of the input.
    pub input: [usize; 3],
    /// Spatial sizes of the output: windows along each axis.
    pub output: [usize; 3],
    /// Elements of a window along each axis.
    pub size: [usize; 3],
    /// Distance between windows.
    pub strides: [usize; 3],
    /// Distance between elements of a window.
    pub dilation: [usize; 3],
    /// Elements put before the input.
    pub before: [usize; 3],
}

impl Geometry {
    /// Of an input `[n, spatial…, c]` and output `[n, spatial…, …]`.
    pub fn new(window: &Window, input: &[usize], output: &[usize]) -> Geometry {
        let s = window.size.len();
        let pad = |of: &dyn Fn(usize) -> usize, absent: usize| -> [usize; 3] {
            std::array::from_fn(|i| (i + s).checked_sub(3).map_or(absent, of))
        };
        Geometry {
            images: input[0],
            input: pad(&|i| input[i + 1], 1),
            output: pad(&|i| output[i + 1], 1),
            size: pad(&|i| window.size[i], 1),
            strides: pad(&|i| window.strides[i], 1),
            dilation: pad(&|i| window.dilation[i], 1),
            before: pad(&|i| window.pads(i, input[i + 1]).0, 0),
        }
    }

    /// Elements of a window.
    pub fn taps(&self) -> usize {
        self.size.iter().product()
    }

    /// Windows of an image.
    pub fn windows(&self) -> usize {
        self.output.iter().product()
    }

    /// Elements of an image, of one channel.
    pub fn pixels(&self) -> usize {
        self.input.iter().product()
    }

    /// Whether every window is one element, at the same place.
    pub fn is_pointwise(&self) -> bool {
        self.size == [1; 3] && self.strides == [1; 3] && self.before == [0; 3] && self.input == self.output
    }

    /// The elements of a window, in row-major order.
    pub fn all_taps(&self) -> Vec<Tap> {
        (0..self.taps())
            .map(|tap| {
                let index = split(tap, self.size);
                let at = std::array::from_fn(|i| index[i] * self.dilation[i]);
                Tap { at }
            })
            .collect()
    }

    /// Where a window begins, in the input.
    #[inline(always)]
    pub fn corner(&self, window: [usize; 3]) -> [isize; 3] {
        std::array::from_fn(|i| (window[i] * self.strides[i]) as isize - self.before[i] as isize)
    }

    /// The element of the input that a tap of a window meets; none in the padding.
    #[inline(always)]
    pub fn element(&self, corner: [isize; 3], tap: [usize; 3]) -> Option<usize> {
        let mut at = 0;
        for i in 0..3 {
            // Below zero is beyond every size.
            let element = (corner[i] + tap[i] as isize) as usize;
            if element >= self.input[i] {
                return None;
            }
            at = at * self.input[i] + element;
        }
        Some(at)
    }

    /// The window whose tap meets an element of the input, if there is one.
    #[inline(always)]
    pub fn window(&self, element: [usize; 3], tap: [usize; 3]) -> Option<usize> {
        let mut at = 0;
        for i in 0..3 {
            let offset = (element[i] + self.before[i]).checked_sub(tap[i])?;
            let window = if self.strides[i] == 1 { offset } else { offset / self.strides[i] };
            if window * self.strides[i] != offset || window >= self.output[i] {
                return None;
            }
            at = at * self.output[i] + window;
        }
        Some(at)
    }
}

/// An element of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tap {
    /// Its distance from the window's first element, along each axis.
    pub at: [usize; 3],
}

/// The indices of a place in row-major order.
#[inline(always)]
pub(crate) fn split(place: usize, sizes: [usize; 3]) -> [usize; 3] {
    [place / (sizes[1] * sizes[2]), place / sizes[2] % sizes[1], place % sizes[2]]
}
