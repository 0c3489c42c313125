//! Images of other sizes: what layers that resize share.

use std::f64::consts::PI;

use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;

/// How pixels of a resized image come from those of the old one, whose centres lie half a pixel from its edges. At the edges only pixels that there are
/// count, and their weights are made to add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// The pixel in which the new centre lies.
    #[default]
    Nearest,
    /// Linear between neighbours, along each axis.
    Bilinear,
    /// Of four pixels along each axis, by cubic polynomials (Keys 1981, "Cubic convolution interpolation for digital image processing").
    Bicubic,
    /// Of six pixels along each axis: sinc windowed by sinc.
    Lanczos3,
    /// Of ten pixels along each axis: sinc windowed by sinc.
    Lanczos5,
}

/// Weights between old and new pixels along one axis that a layer may have: sizes come from files.
const WEIGHTS: usize = 1 << 22;

/// `x` with an axis of `to` elements.
///
/// With `antialias` each new pixel of a smaller image is made of all old ones that it covers.
///
/// # Errors
/// An axis whose size is not fixed, or too large.
pub(super) fn resize<'g>(
    cx: &Lower<'g>,
    layer: &dyn Layer,
    x: Tensor<'g>,
    (axis, to): (usize, usize),
    interpolation: Interpolation,
    antialias: bool,
) -> Result<Tensor<'g>> {
    let n = cx.fixed(layer, x, axis as isize)?;
    if n == to {
        return Ok(x);
    }
    if n == 0 || to == 0 || n.checked_mul(to).is_none_or(|weights| weights > WEIGHTS) {
        let expected = format!("old and new sizes of at least 1 and a product of at most {WEIGHTS}");
        return Err(cx.error(layer, expected, format!("{n} and {to}")));
    }
    let weights = cx.builder().floats(&[n, to], &interpolation.weights(n, to, antialias));
    let mut order: Vec<usize> = (0..x.rank()).filter(|&a| a != axis).collect();
    order.push(axis);
    let mut back: Vec<usize> = (0..x.rank() - 1).collect();
    back.insert(axis, x.rank() - 1);
    Ok(x.transpose(&order).matmul(weights).transpose(&back))
}

impl Interpolation {
    /// `[n, to]`: what each old pixel gives to each new one.
    fn weights(self, n: usize, to: usize, antialias: bool) -> Vec<f64> {
        let mut weights = vec![0.0; n * to];
        let scale = n as f64 / to as f64;
        let width = if antialias { scale.max(1.0) } else { 1.0 };
        for new in 0..to {
            let centre = (new as f64 + 0.5) * scale;
            if self == Interpolation::Nearest {
                weights[(centre as usize).min(n - 1) * to + new] = 1.0;
                continue;
            }
            let given = |old: usize| self.weight((centre - 0.5 - old as f64).abs() / width);
            let sum: f64 = (0..n).map(given).sum();
            for old in 0..n {
                weights[old * to + new] = given(old) / sum;
            }
        }
        weights
    }

    /// What a pixel at a distance counts.
    fn weight(self, x: f64) -> f64 {
        let lanczos = |radius: f64| {
            let sinc = |x: f64| (PI * x).sin() / (PI * x);
            if x == 0.0 {
                1.0
            } else if x < radius {
                sinc(x) * sinc(x / radius)
            } else {
                0.0
            }
        };
        match self {
            Interpolation::Nearest => f64::from(u8::from(x <= 0.5)),
            Interpolation::Bilinear => (1.0 - x).max(0.0),
            Interpolation::Bicubic if x < 1.0 => ((1.5 * x - 2.5) * x) * x + 1.0,
            Interpolation::Bicubic if x < 2.0 => ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0,
            Interpolation::Bicubic => 0.0,
            Interpolation::Lanczos3 => lanczos(3.0),
            Interpolation::Lanczos5 => lanczos(5.0),
        }
    }
}
