use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = ln(1 + eˣ), without overflow.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Softplus;
kind!(Softplus = "softplus");

impl Activation for Softplus {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.softplus()
    }
}

impl Samples<dyn Activation> for Softplus {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Softplus, [])]
    }
}
