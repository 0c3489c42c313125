use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::initializers::{Initializer, Ones, Zeros};
use crate::layers::Layer;
use crate::layers::axes::{Axes, along};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::regularizers::{L2, Regularizer};
use crate::word::{Object, Sample, Samples, kind, setters};

/// y = gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance (Σ(x − mean)² / n) of each row over `axis` (Ba et al. 2016, "Layer
/// normalization").
///
/// With `rms_scaling` y = gamma · x / √(variance + epsilon), as in Keras, where the argument is deprecated for its name: it is no root mean square. The
/// shape stays. Weights, of the sizes of the axes: `gamma`, `beta`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayerNormalization {
    axis: Axes,
    epsilon: f64,
    center: bool,
    scale: bool,
    rms_scaling: bool,
    beta_initializer: Object<dyn Initializer>,
    gamma_initializer: Object<dyn Initializer>,
    beta_regularizer: Option<Object<dyn Regularizer>>,
    gamma_regularizer: Option<Object<dyn Regularizer>>,
}
kind!(LayerNormalization);

impl LayerNormalization {
    /// Over the last axis, with gamma and beta.
    pub fn new() -> LayerNormalization {
        LayerNormalization {
            axis: (-1).into(),
            epsilon: 1e-3,
            center: true,
            scale: true,
            rms_scaling: false,
            beta_initializer: Zeros.into(),
            gamma_initializer: Ones.into(),
            beta_regularizer: None,
            gamma_regularizer: None,
        }
    }

    setters! {
        /// The axes over which a row is normalized; default −1.
        axis: into Axes,
        /// What is added to the variance; default 0.001.
        epsilon: f64,
        /// Whether beta is added; default true.
        center: bool,
        /// Whether gamma multiplies; default true.
        scale: bool,
        /// Whether x is only divided; default false. Gamma multiplies in any case then, and beta is left out.
        rms_scaling: bool,
        /// Default zeros.
        beta_initializer: into Object<dyn Initializer>,
        /// Default ones.
        gamma_initializer: into Object<dyn Initializer>,
        /// A penalty on beta; default none.
        beta_regularizer: some Object<dyn Regularizer>,
        /// A penalty on gamma; default none.
        gamma_regularizer: some Object<dyn Regularizer>,
    }
}

impl Default for LayerNormalization {
    fn default() -> LayerNormalization {
        LayerNormalization::new()
    }
}

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
            let gamma = Weight::new("gamma", sizes.clone(), self.gamma_initializer.clone());
            y = y * along(cx.weight(gamma.regularizer(&self.gamma_regularizer)), &axes, x);
        }
        if self.center && !self.rms_scaling {
            let beta = Weight::new("beta", sizes, self.beta_initializer.clone());
            y = y + along(cx.weight(beta.regularizer(&self.beta_regularizer)), &axes, x);
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
