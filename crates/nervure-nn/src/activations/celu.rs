use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::activations::elu::exponential_below;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// y = x for x > 0, else alpha · (e^(x / alpha) − 1) (Barron 2017, "Continuously differentiable exponential linear units").
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Celu {
    alpha: f64,
}
kind!(Celu = "celu");
defaults!(Celu { alpha: 1.0 });

impl Celu {
    setters! {
        /// What y tends to below, with the sign changed; default 1.
        alpha: f64,
    }
}

impl Activation for Celu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        exponential_below(x, self.alpha, 1.0 / self.alpha)
    }
}

impl Samples<dyn Activation> for Celu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Celu, []), Sample::new(Celu.alpha(0.5), [])]
    }
}
