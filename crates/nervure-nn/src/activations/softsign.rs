use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = x / (|x| + 1).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Softsign;
kind!(Softsign = "softsign");

impl Activation for Softsign {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x / (x.abs() + 1.0)
    }
}

impl Samples<dyn Activation> for Softsign {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Softsign, [])]
    }
}
