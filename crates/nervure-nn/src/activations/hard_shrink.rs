use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x for |x| > threshold, else 0.
    pub value HardShrink {
        /// Up to where y is 0.
        threshold: f64 = 0.5,
    }
}
kind!(HardShrink = "hard_shrink");

impl Activation for HardShrink {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.abs().less_equal(x.constant(self.threshold)).select(x.constant(0.0), x)
    }
}

impl Samples<dyn Activation> for HardShrink {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(HardShrink, []), Sample::new(HardShrink.threshold(1.0), [])]
    }
}
