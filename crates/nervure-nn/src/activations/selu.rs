use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::activations::elu::exponential_below;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = λx for x > 0, else λα(eˣ − 1), with λ = 1.0507009873554805 and α = 1.6732632423543772 (Klambauer et al. 2017, "Self-normalizing neural
    /// networks"). The derivative at 0 is λα.
    pub struct Selu;
}
kind!(Selu = "selu");

impl Activation for Selu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        const SCALE: f64 = 1.050_700_987_355_480_5;
        const ALPHA: f64 = 1.673_263_242_354_377_2;
        exponential_below(x, ALPHA, 1.0) * SCALE
    }
}

impl Samples<dyn Activation> for Selu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Selu, [])]
    }
}
