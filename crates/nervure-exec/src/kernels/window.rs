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

    /// Whether every element is in one window.
    pub fn is_tiled(&self) -> bool {
        (0..3).all(|i| {
            let plain = self.before[i] == 0 && (self.dilation[i] == 1 || self.size[i] == 1);
            plain && self.size[i] == self.strides[i] && self.input[i] == self.output[i] * self.size[i]
        })
    }
}

/// The windows of an image, one after the other, and the elements that they meet.
pub(crate) struct Windows<'a> {
    geometry: &'a Geometry,
    at: [usize; 3],
}

impl<'a> Windows<'a> {
    /// From a window on, which there may not be.
    pub fn new(geometry: &'a Geometry, first: usize) -> Windows<'a> {
        let at = if geometry.windows() == 0 { [0; 3] } else { split(first, geometry.output) };
        Windows { geometry, at }
    }

    /// On to the next.
    #[inline(always)]
    pub fn advance(&mut self) {
        for axis in (0..3).rev() {
            self.at[axis] += 1;
            if self.at[axis] < self.geometry.output[axis] {
                return;
            }
            self.at[axis] = 0;
        }
    }

    /// Numbers of the elements of the input that the window meets, in row-major order.
    ///
    /// # Safety
    /// `room` has room for as many as a window has elements; they are there until it is next written.
    #[inline(always)]
    pub unsafe fn elements<'r>(&self, room: *mut usize) -> &'r [usize] {
        let g = self.geometry;
        // Taps before the first and from the end on meet the padding.
        let axis = |i: usize| {
            let corner = (self.at[i] * g.strides[i]) as isize - g.before[i] as isize;
            let dilation = g.dilation[i] as isize;
            let below = |bound: isize| ((bound - corner + dilation - 1).div_euclid(dilation)).max(0) as usize;
            let end = if dilation == 1 {
                (g.input[i] as isize - corner).max(0) as usize
            } else {
                below(g.input[i] as isize)
            };
            let start = if corner >= 0 { 0 } else { below(0) };
            (corner, start, end.min(g.size[i]))
        };
        let [(d, d0, d1), (h, h0, h1), (w, w0, w1)] = [axis(0), axis(1), axis(2)];
        let mut count = 0;
        for i in d0..d1 {
            let plane = (d + (i * g.dilation[0]) as isize) as usize * g.input[1];
            for j in h0..h1 {
                let row = (plane + (h + (j * g.dilation[1]) as isize) as usize) * g.input[2];
                for k in w0..w1 {
                    // SAFETY: the caller's promise.
                    unsafe { *room.add(count) = row + (w + (k * g.dilation[2]) as isize) as usize };
                    count += 1;
                }
            }
        }
        // SAFETY: they were just written.
        unsafe { std::slice::from_raw_parts(room, count) }
    }
}

/// The indices of a place in row-major order.
#[inline(always)]
pub(crate) fn split(place: usize, sizes: [usize; 3]) -> [usize; 3] {
    [place / (sizes[1] * sizes[2]), place / sizes[2] % sizes[1], place % sizes[2]]
}
