use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::activations::elu::exponential_below;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x for x > 0, else alpha · (e^(x / alpha) − 1) (Barron 2017, "Continuously differentiable exponential linear units").
    pub value Celu {
        /// What y tends to below, with the sign changed.
        alpha: f64 = 1.0,
    }
}
kind!(Celu = "celu");

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
