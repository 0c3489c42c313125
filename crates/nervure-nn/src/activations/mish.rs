use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = x · tanh(ln(1 + eˣ)) (Misra 2019, "Mish: a self regularized non-monotonic activation function").
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Mish;
kind!(Mish = "mish");

impl Activation for Mish {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x * x.softplus().tanh()
    }
}

impl Samples<dyn Activation> for Mish {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Mish, [])]
    }
}
