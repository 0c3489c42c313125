use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::{Ones, Zeros};
use crate::layers::Layer;
use crate::layers::axes::{Axes, mean_over};
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance (Σ(x − mean)² / n) of each row over `axis` (Ba et al. 2016, "Layer
    /// normalization").
    ///
    /// With `rms_scaling` y = gamma · x / √(variance + epsilon), as in Keras, where the argument is deprecated for its name: it is no root mean square. The
    /// shape stays. Weights, of the sizes of the axes: `gamma`, `beta`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([4]).add(LayerNormalization::new().epsilon(0.0)).build(Seed(1))?;
    /// let y = model.predict(ndarray::arr2(&[[1.0_f32, 1.0, 5.0, 5.0]]))?;
    /// let expected = [-1.0, -1.0, 1.0, 1.0];
    /// assert!(y.as_f32().unwrap().iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-6));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct LayerNormalization {
        /// The axes over which a row is normalized.
        axis: into Axes = -1,
        /// What is added to the variance.
        epsilon: f64 = 1e-3,
        /// Whether beta is added.
        center: bool = true,
        /// Whether gamma multiplies.
        scale: bool = true,
        /// Whether x is only divided. Gamma multiplies in any case then, and beta is left out.
        rms_scaling: bool = false,
        /// beta
        beta: weight Zeros,
        /// gamma
        gamma: weight Ones,
    }
}
kind!(LayerNormalization);

impl Layer for LayerNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let axes = self.axis.some_of(cx, self, x)?;
        let (deviation, factor) = standardize(x, &axes.over(), self.epsilon);
        let y = (if self.rms_scaling { x } else { deviation }) * factor;
        let gamma = (self.scale || self.rms_scaling).then_some(&self.gamma);
        let beta = (self.center && !self.rms_scaling).then_some(&self.beta);
        Ok(vec![axes.affine(cx, y, gamma, beta)])
    }
}

/// x − mean, and 1 / √(variance + epsilon), over axes.
pub(super) fn standardize<'g>(x: Tensor<'g>, over: &[isize], epsilon: f64) -> (Tensor<'g>, Tensor<'g>) {
    let deviation = x - mean_over(x, over);
    (deviation, (mean_over(deviation.square(), over) + epsilon).rsqrt())
}

impl Samples<dyn Layer> for LayerNormalization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into(), 4.into()]);
        vec![
            Sample::new(LayerNormalization::new(), [Type::new(DType::F32, [batch(), 4.into()])]),
            Sample::new(LayerNormalization::new().axis([1, 2]).gamma_regularizer(L2::new(0.1)), [x.clone()]),
            Sample::new(LayerNormalization::new().axis([1]).center(false).epsilon(0.1), [x.clone()]),
            Sample::new(LayerNormalization::new().rms_scaling(true), [x]),
        ]
    }
}
