use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = min(max(x, −1), 1). The derivative at −1 and at 1 is 1.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct HardTanh;
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
