use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = ln(1 + eˣ), without overflow.
    pub struct Softplus;
}
kind!(Softplus = "softplus");

impl Activation for Softplus {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.softplus()
    }
}

impl Samples<dyn Activation> for Softplus {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Softplus, [])]
    }
}
