use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = tanh x.
    pub struct Tanh;
}
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
