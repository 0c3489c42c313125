use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// y = x for |x| > threshold, else 0.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HardShrink {
    threshold: f64,
}
kind!(HardShrink = "hard_shrink");
defaults!(HardShrink { threshold: 0.5 });

impl HardShrink {
    setters! {
        /// Up to where y is 0; default 0.5.
        threshold: f64,
    }
}

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
