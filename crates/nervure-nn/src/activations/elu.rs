use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x for x > 0, else alpha · (eˣ − 1) (Clevert et al. 2016, "Fast and accurate deep network learning by exponential linear units"). The
    /// derivative at 0 is `alpha`.
    pub value Elu {
        /// What y tends to below, with the sign changed.
        alpha: f64 = 1.0,
    }
}
kind!(Elu = "elu");

impl Activation for Elu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        exponential_below(x, self.alpha, 1.0)
    }
}

impl Samples<dyn Activation> for Elu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Elu, []), Sample::new(Elu.alpha(0.5), [])]
    }
}

/// x above 0, scale · (e^(rate · x) − 1) up to 0: the form of `elu`, `selu` and `celu`.
pub(super) fn exponential_below(x: Tensor<'_>, scale: f64, rate: f64) -> Tensor<'_> {
    let above = x.greater(x.constant(0.0));
    // The exponential of a great x would be infinite, and 0 times its derivative no number.
    let below = above.select(x.constant(0.0), x);
    let exponent = if rate == 1.0 { below } else { below * rate };
    above.select(x, exponent.expm1() * scale)
}
