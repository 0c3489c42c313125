use nervure_graph::Tensor;

use crate::activations::{Activation, cut};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = min(max(x + 3, 0), 6) / 6. The derivative at −3 and at 3 is 0.
    pub struct HardSigmoid;
}
kind!(HardSigmoid = "hard_sigmoid");

impl Activation for HardSigmoid {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        cut(x + 3.0, 0.0, 6.0) / 6.0
    }
}

impl Samples<dyn Activation> for HardSigmoid {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(HardSigmoid, [])]
    }
}
