use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, kind};

/// y = x − tanh x.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct TanhShrink;
kind!(TanhShrink = "tanh_shrink");

impl Activation for TanhShrink {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x - x.tanh()
    }
}

impl Samples<dyn Activation> for TanhShrink {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(TanhShrink, [])]
    }
}
