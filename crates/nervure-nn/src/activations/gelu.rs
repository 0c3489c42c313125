use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x · Φ(x) = x · (1 + erf(x / √2)) / 2; approximately, where asked for, x · (1 + tanh(√(2 / π) (x + 0.044715 x³))) / 2 (Hendrycks and Gimpel
    /// 2016, "Gaussian error linear units").
    pub value Gelu {
        /// Whether to take the approximation.
        approximate: bool = false,
    }
}
kind!(Gelu = "gelu");

impl Activation for Gelu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let odd = if self.approximate {
            ((x + 0.044_715 * x * x * x) * (2.0 / std::f64::consts::PI).sqrt()).tanh()
        } else {
            (x * std::f64::consts::FRAC_1_SQRT_2).erf()
        };
        // So written, the gradient reads x itself and Φ, and nothing else has to be kept for it.
        x * (odd * 0.5 + 0.5)
    }
}

impl Samples<dyn Activation> for Gelu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Gelu, []), Sample::new(Gelu.approximate(true), [])]
    }
}
