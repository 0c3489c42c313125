use nervure_graph::Tensor;

use crate::activations::{Activation, Relu};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x for x > 0, else negative_slope · x (Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models"). The derivative
    /// at 0 is `negative_slope`.
    pub value LeakyRelu {
        /// Slope up to 0.
        negative_slope: f64 = 0.2,
    }
}
kind!(LeakyRelu = "leaky_relu");

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
