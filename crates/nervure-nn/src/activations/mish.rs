use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x · tanh(ln(1 + eˣ)) (Misra 2019, "Mish: a self regularized non-monotonic activation function").
    pub struct Mish;
}
kind!(Mish = "mish");

impl Activation for Mish {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x * x.softplus().tanh()
    }
}

impl Samples<dyn Activation> for Mish {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Mish, [])]
    }
}
