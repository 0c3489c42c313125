//! Convolutions of 3 × 3 windows by Winograd's minimal filtering F(2 × 2, 3 × 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural
//! Networks", 2015): 16 products for a tile of 2 × 2 outputs, where the sum over taps takes 36.
//!
//! Along one axis, two neighbouring outputs of a filter `g` of three taps over four elements `d` are `Aᵀ[(G g) ⊙ (Bᵀ d)]`, with
//!
//! ```text
//!      ⎛1  0 −1  0⎞        ⎛1  0  0⎞
//! Bᵀ = ⎜0  1  1  0⎟    G = ⎜½  ½  ½⎟    Aᵀ = ⎛1  1  1  0⎞
//!      ⎜0 −1  1  0⎟        ⎜½ −½  ½⎟         ⎝0  1 −1 −1⎠
//!      ⎝0  1  0 −1⎠        ⎝0  0  1⎠
//! ```
//!
//! and a tile is that along both: `Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A`. The sum over channels is taken before `Aᵀ…A`, so that what remains are 16
//! products of matrices, tiles × channels by channels × output channels. The gradient to the input is the same with the kernel turned about;
//! that to the kernel is the transpose: `Gᵀ[(A dy Aᵀ) ⊙ (Bᵀ d B)]G`, summed over tiles before `Gᵀ…G`.
//!
//! An output is computed of its own window's elements alone, as without: a NaN or a huge value reaches no other. The sums before and after the
//! products make the error up to twice that of sums over taps (the tests of plans measure it). F(4 × 4, 3 × 3) takes 2.25 products an output rather
//! than 4, but its factors of up to 8 cancel: its error is several times larger, and what one element has is felt by outputs that do not meet it.

mod kernel_grad;
mod product;
mod tiling;
mod transform;

pub(super) use kernel_grad::WinogradKernelGrad;
pub(super) use product::WinogradProducts;

use super::super::window::Geometry;
use super::ConvKind;

/// Outputs of a tile along an axis.
const OUTPUTS: usize = 2;
/// Elements of a tile along an axis.
const ELEMENTS: usize = 4;
/// Products of a tile, for a pair of channels.
const PRODUCTS: usize = ELEMENTS * ELEMENTS;

/// Channels, of both sides, from which on tiles are faster: they take 0.8 of the time of sums over taps with 16, 0.65 with 32 and 0.5 with 64, for
/// transforms grow with the channels and products with their square.
const CHANNELS: usize = 16;
/// Pairs of channels up to which the gradient to the kernel is faster so: its sums, 16 for each pair, are to stay in the second cache (with
/// 64 × 64 it takes 0.6 of the time, with 256 × 256 1.1).
const PAIRS: usize = 64 * 64;

/// Whether a result is faster by tiles: of a convolution of so many channels to so many, whatever the number of images, which may not change a bit of
/// one.
pub(super) fn pays(kind: ConvKind, g: &Geometry, groups: usize, (c, o): (usize, usize)) -> bool {
    let is_plain = g.size == [1, 3, 3] && g.strides == [1; 3] && g.dilation == [1; 3];
    let is_flat = g.input[0] == 1 && g.output[0] == 1 && g.before[0] == 0;
    let (result, fits) = match kind {
        ConvKind::Forward => (g.output, true),
        ConvKind::InputGrad => (g.input, true),
        ConvKind::KernelGrad => (g.output, c * o <= PAIRS),
    };
    // Tiles reach beyond the edges: there are to be 3 products of sums over taps for each 2 of tiles at least.
    let tiles = result.map(|n| n.div_ceil(OUTPUTS));
    let is_filled = 2 * 9 * result[1] * result[2] >= 3 * PRODUCTS * tiles[1] * tiles[2];
    is_plain && is_flat && groups == 1 && c.min(o) >= CHANNELS && fits && is_filled
}
