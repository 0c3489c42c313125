use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::{Ones, Zeros};
use crate::layers::Layer;
use crate::layers::axes::{Axes, along};
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
        let axes = self.axis.of(cx, self, x)?;
        if axes.is_empty() {
            return Err(cx.error(self, "at least one axis", "none"));
        }
        let sizes: Vec<usize> = axes.iter().map(|a| a.1).collect();
        let over: Vec<isize> = axes.iter().map(|a| a.0 as isize).collect();
        let deviation = x - x.mean(&over).keep_axes(x, &over);
        let variance = deviation.square().mean(&over).keep_axes(x, &over);
        let mut y = (if self.rms_scaling { x } else { deviation }) * (variance + self.epsilon).rsqrt();
        if self.scale || self.rms_scaling {
            y = y * along(cx.weight(self.gamma.weight("gamma", sizes.clone())), &axes, x);
        }
        if self.center && !self.rms_scaling {
            y = y + along(cx.weight(self.beta.weight("beta", sizes)), &axes, x);
        }
        Ok(vec![y])
    }
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
