use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = x for x > threshold, else default_value.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    threshold: f64,
    default_value: f64,
}
kind!(Threshold = "threshold");

impl Threshold {
    /// What is at most `threshold` becomes `default_value`.
    pub fn new(threshold: f64, default_value: f64) -> Threshold {
        Threshold { threshold, default_value }
    }
}

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
