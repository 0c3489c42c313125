use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = tanh x.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Tanh;
kind!(Tanh = "tanh");

impl Activation for Tanh {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.tanh()
    }
}

impl Samples<dyn Activation> for Tanh {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Tanh, [])]
    }
}
