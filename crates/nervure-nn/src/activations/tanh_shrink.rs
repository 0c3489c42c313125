use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x − tanh x.
    pub struct TanhShrink;
}
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
