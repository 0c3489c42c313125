use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = eˣ.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Exponential;
kind!(Exponential = "exponential");

impl Activation for Exponential {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.exp()
    }
}

impl Samples<dyn Activation> for Exponential {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Exponential, [])]
    }
}
