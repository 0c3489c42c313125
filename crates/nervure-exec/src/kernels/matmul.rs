//! Matrix products over strided operands.

use super::gemm::{self, Products, Sizes, Strided, Tiles};
use super::{BufferId, Frame};
use crate::simd::Level;

/// An operand: where its matrices lie in a buffer, in elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand {
    /// The buffer.
    pub buffer: BufferId,
    /// The first element.
    pub offset: isize,
    /// From a row (of the left) or column (of the right) to the next.
    pub lane: isize,
    /// From a term of the sums to the next.
    pub term: isize,
}

/// `c[i] = a[i] · b[i]` for each `i` of a batch.
#[derive(Debug, Clone)]
pub(crate) struct MatMul {
    /// Instructions.
    pub level: Level,
    /// Sizes of each product.
    pub sizes: Sizes,
    /// Axes of the batch, outermost first: size, stride of `a`, stride of `b`.
    pub batch: Vec<(usize, isize, isize)>,
    /// The left operand.
    pub a: Operand,
    /// The right operand.
    pub b: Operand,
    /// The result, row-major.
    pub c: BufferId,
    /// Room for the packed right operands; none where they are read as they lie.
    pub packed: Option<BufferId>,
}

/// Bytes of a right operand that is read as it lies rather than packed: it stays in the first cache.
const SMALL: usize = 16 << 10;

impl MatMul {
    /// Whether the right operand is read as it lies.
    pub fn is_direct(level: Level, sizes: Sizes, b_lane: isize) -> bool {
        let small = sizes.k * sizes.n * 4 <= SMALL || sizes.m <= Tiles::of(level).rows;
        (b_lane == 1 || sizes.n == 1) && small
    }

    /// Number of products.
    pub fn count(&self) -> usize {
        self.batch.iter().map(|b| b.0).product()
    }

    /// Number of unequal right operands: axes of the batch along which it repeats count once.
    pub fn rights(&self) -> usize {
        self.batch.iter().filter(|b| b.2 != 0).map(|b| b.0).product()
    }

    /// # Safety
    /// The frame's buffers are those that the kernel was compiled for.
    pub unsafe fn run(&self, frame: &Frame) {
        let Sizes { m, n, k } = self.sizes;
        let count = self.count();
        if m == 0 || n == 0 || count == 0 {
            return;
        }
        let frame = *frame;
        let left = move |product: usize| {
            let (at, _, _) = self.place(product);
            let base = frame.buffer(self.a.buffer).cast::<f32>().wrapping_offset(self.a.offset + at);
            Strided { base, lane: self.a.lane, term: self.a.term }
        };
        let right_at = move |at: isize| {
            let base = frame.buffer(self.b.buffer).cast::<f32>().wrapping_offset(self.b.offset + at);
            Strided { base, lane: self.b.lane, term: self.b.term }
        };
        let result = move |product: usize| frame.buffer(self.c).cast::<f32>().wrapping_add(product * m * n);
        let Some(packed) = self.packed else {
            let (rows, columns) = (m.div_ceil(64), n.div_ceil(512));
            frame.share(count * rows * columns, count * m * n * k / 8, |part, _| {
                let (product, part) = (part / (rows * columns), part % (rows * columns));
                let (i, j) = (part / columns * 64, part % columns * 512);
                let range = (i..(i + 64).min(m), j..(j + 512).min(n), k);
                let b = right_at(self.place(product).1);
                // SAFETY: the operands are as compiled, the columns of `b` lie side by side, and the part's elements are its alone.
                unsafe {
                    gemm::multiply_direct(self.level, range, left(product), b, result(product), n);
                }
            });
            return;
        };
        let right = move |which: usize| {
            let (mut which, mut at) = (which, 0);
            for &(size, _, stride) in self.batch.iter().rev().filter(|b| b.2 != 0) {
                at += (which % size) as isize * stride;
                which /= size;
            }
            right_at(at)
        };
        let right_of = move |product: usize| self.place(product).2;
        let packed = frame.buffer(packed).cast();
        // SAFETY: the operands are as compiled, and the room is for this kernel alone.
        unsafe {
            Products {
                level: self.level,
                sizes: self.sizes,
                count,
                left: &left,
                rights: self.rights(),
                right: &right,
                right_of: &right_of,
                packed,
                result: &result,
                row: n,
            }
            .run(&frame);
        }
    }

    /// Offsets of a product's operands, and the number of its right operand.
    fn place(&self, product: usize) -> (isize, isize, usize) {
        let (mut rest, mut a, mut b, mut which, mut rights) = (product, 0, 0, 0, 1);
        for &(size, a_stride, b_stride) in self.batch.iter().rev() {
            let i = rest % size;
            rest /= size;
            a += i as isize * a_stride;
            b += i as isize * b_stride;
            if b_stride != 0 {
                which += i * rights;
                rights *= size;
            }
        }
        (a, b, which)
    }
}
