use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::{Activation, Relu};
use crate::word::{Sample, Samples, defaults, kind, setters};

/// y = x for x > 0, else negative_slope · x (Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models"). The derivative
/// at 0 is `negative_slope`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeakyRelu {
    negative_slope: f64,
}
kind!(LeakyRelu = "leaky_relu");
defaults!(LeakyRelu { negative_slope: 0.2 });

impl LeakyRelu {
    setters! {
        /// Slope up to 0; default 0.2.
        negative_slope: f64,
    }
}

impl Activation for LeakyRelu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        Relu.negative_slope(self.negative_slope).lower(x)
    }
}

impl Samples<dyn Activation> for LeakyRelu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(LeakyRelu, []), Sample::new(LeakyRelu.negative_slope(0.3), [])]
    }
}
