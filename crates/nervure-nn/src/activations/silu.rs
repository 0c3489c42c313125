use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = x / (1 + e⁻ˣ) (Ramachandran et al. 2017, "Searching for activation functions").
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Silu;
kind!(Silu = "silu" | "swish");

impl Activation for Silu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x * x.sigmoid()
    }
}

impl Samples<dyn Activation> for Silu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Silu, [])]
    }
}
