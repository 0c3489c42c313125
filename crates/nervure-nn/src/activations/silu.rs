use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x / (1 + e⁻ˣ) (Ramachandran et al. 2017, "Searching for activation functions").
    pub struct Silu;
}
kind!(Silu = "silu" | "swish");

impl Activation for Silu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x * x.sigmoid()
    }
}

impl Samples<dyn Activation> for Silu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Silu, [])]
    }
}
