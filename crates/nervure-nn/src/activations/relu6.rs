use nervure_graph::Tensor;

use crate::activations::{Activation, cut};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = min(max(x, 0), 6). The derivative at 0 and at 6 is 0.
    pub struct Relu6;
}
kind!(Relu6 = "relu6");

impl Activation for Relu6 {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        cut(x, 0.0, 6.0)
    }
}

impl Samples<dyn Activation> for Relu6 {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Relu6, [])]
    }
}
