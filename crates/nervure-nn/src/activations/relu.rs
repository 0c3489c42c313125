use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = max(x, 0).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Relu;
kind!(Relu = "relu");

impl Activation for Relu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        // Not `max`: the derivative at 0 is 0, as in Keras, and NaN stays NaN.
        x.less_equal(x.constant(0.0)).select(x.constant(0.0), x)
    }
}

impl Samples<dyn Activation> for Relu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Relu, [])]
    }
}
