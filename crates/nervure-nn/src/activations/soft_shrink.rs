use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x − threshold for x > threshold, x + threshold for x < −threshold, else 0.
    pub value SoftShrink {
        /// Up to where y is 0.
        threshold: f64 = 0.5,
    }
}
kind!(SoftShrink = "soft_shrink");

impl Activation for SoftShrink {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let within = x.abs().less_equal(x.constant(self.threshold));
        within.select(x.constant(0.0), x - x.sign() * self.threshold)
    }
}

impl Samples<dyn Activation> for SoftShrink {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(SoftShrink, []), Sample::new(SoftShrink.threshold(1.0), [])]
    }
}
