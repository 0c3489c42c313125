use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x for x > threshold, else default_value.
    #[derive(Copy)]
    pub struct Threshold {
        /// What x has to exceed to stay.
        threshold: f64,
        /// What y is where it does not.
        default_value: f64,
    }
}
kind!(Threshold = "threshold");

impl Activation for Threshold {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.less_equal(x.constant(self.threshold)).select(x.constant(self.default_value), x)
    }
}

impl Samples<dyn Activation> for Threshold {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Threshold::new(0.3, -1.0), [])]
    }
}
