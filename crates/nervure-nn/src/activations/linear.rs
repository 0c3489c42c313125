use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = x.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Linear;
kind!(Linear = "linear");

impl Activation for Linear {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x
    }
}

impl Samples<dyn Activation> for Linear {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Linear, [])]
    }
}
