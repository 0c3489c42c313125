use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// y = x − threshold for x > threshold, x + threshold for x < −threshold, else 0.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SoftShrink {
    threshold: f64,
}
kind!(SoftShrink = "soft_shrink");
defaults!(SoftShrink { threshold: 0.5 });

impl SoftShrink {
    setters! {
        /// Up to where y is 0; default 0.5.
        threshold: f64,
    }
}

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
