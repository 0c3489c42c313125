use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = ln(1 / (1 + e⁻ˣ)), without overflow.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct LogSigmoid;
kind!(LogSigmoid = "log_sigmoid");

impl Activation for LogSigmoid {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        -(-x).softplus()
    }
}

impl Samples<dyn Activation> for LogSigmoid {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(LogSigmoid, [])]
    }
}
