use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = min(max(x, −1), 1). The derivative at −1 and at 1 is 1.
    pub struct HardTanh;
}
kind!(HardTanh = "hard_tanh");

impl Activation for HardTanh {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let (low, high) = (x.constant(-1.0), x.constant(1.0));
        x.less(low).select(low, x.greater(high).select(high, x))
    }
}

impl Samples<dyn Activation> for HardTanh {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(HardTanh, [])]
    }
}
