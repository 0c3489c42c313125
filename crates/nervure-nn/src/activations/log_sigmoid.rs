use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = ln(1 / (1 + e⁻ˣ)), without overflow.
    pub struct LogSigmoid;
}
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
