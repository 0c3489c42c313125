use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x.
    pub struct Linear;
}
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
