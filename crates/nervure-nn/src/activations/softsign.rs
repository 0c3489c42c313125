use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x / (|x| + 1).
    pub struct Softsign;
}
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
