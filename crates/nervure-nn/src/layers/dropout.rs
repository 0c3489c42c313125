use nervure_graph::{DType, Shape, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::{Lower, Noise};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, sets each element to 0 with probability `rate` and divides the others by 1 − rate; otherwise the identity. Any shape
    /// (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting").
    ///
    /// What is dropped follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct Dropout {
        /// The share that is dropped, at least 0 and below 1.
        rate: f64,
        /// The shape in which elements are dropped together: along an axis of size 1 all or none; `None` stands for the input's size. Without it, that of the
        /// input.
        noise_shape: some Vec<Option<usize>>,
    }
}
kind!(Dropout);

impl Layer for Dropout {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, noise) = (inputs[0], self.noise(cx)?);
        let shape = noise_shape(cx, self, x, &self.noise_shape)?;
        Ok(vec![noise.map_or(x, |noise| self.drop(x, noise.uniform(shape)))])
    }
}

impl Dropout {
    /// What decides about elements while training.
    ///
    /// # Errors
    /// A rate that is none.
    pub(super) fn noise<'g>(&self, cx: &mut Lower<'g>) -> Result<Option<Noise<'g>>> {
        checked_rate(cx, self, self.rate)?;
        Ok((cx.training() && self.rate != 0.0).then(|| cx.noise()))
    }

    /// x without the elements for which a number of [0, 1) is below the rate.
    pub(super) fn drop<'b>(&self, x: Tensor<'b>, uniform: Tensor<'b>) -> Tensor<'b> {
        let kept = uniform.greater_equal(uniform.constant(self.rate));
        kept.select(x * (1.0 / (1.0 - self.rate)), x.constant(0.0))
    }
}

/// Whether `rate` is a share that may be dropped.
///
/// # Errors
/// One that is not.
pub(super) fn checked_rate(cx: &Lower<'_>, layer: &dyn Layer, rate: f64) -> Result<()> {
    if (0.0..1.0).contains(&rate) {
        return Ok(());
    }
    Err(cx.error(layer, "a rate of at least 0 and below 1", rate))
}

/// The shape in which elements of `x` are dropped together.
///
/// # Errors
/// One that does not broadcast to that of `x`.
pub(super) fn noise_shape(
    cx: &Lower<'_>,
    layer: &dyn Layer,
    x: Tensor<'_>,
    noise: &Option<Vec<Option<usize>>>,
) -> Result<Shape> {
    let mut shape = x.shape();
    let Some(noise) = noise else { return Ok(shape) };
    let broadcasts = noise.iter().zip(&shape).all(|(n, d)| n.is_none_or(|n| n == 1 || d.is(n)));
    if noise.len() != shape.len() || !broadcasts {
        return Err(cx.error(layer, format!("an input to which {noise:?} broadcasts"), x.ty()));
    }
    for (d, n) in shape.iter_mut().zip(noise) {
        *d = n.map_or(d.clone(), Into::into);
    }
    Ok(shape)
}

impl Samples<dyn Layer> for Dropout {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Dropout::new(0.4), [Type::new(DType::F32, [batch(), 6.into()])]),
            Sample::new(
                Dropout::new(0.5).noise_shape([None, Some(1), Some(3)]),
                [Type::new(DType::F32, [batch(), 4.into(), 3.into()])],
            ),
        ]
    }
}
