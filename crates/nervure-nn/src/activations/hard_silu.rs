use nervure_graph::Tensor;

use crate::activations::{Activation, HardSigmoid};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x · min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, "Searching for MobileNetV3").
    pub struct HardSilu;
}
kind!(HardSilu = "hard_silu" | "hard_swish");

impl Activation for HardSilu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x * HardSigmoid.lower(x)
    }
}

impl Samples<dyn Activation> for HardSilu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(HardSilu, [])]
    }
}
