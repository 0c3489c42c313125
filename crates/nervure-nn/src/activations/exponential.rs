use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = eˣ.
    pub struct Exponential;
}
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
