use nervure_graph::Tensor;

use crate::activations::{Activation, cut};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = min(max((x + 1) / 2, 0), 1) (Blondel et al. 2019, "Learning with Fenchel-Young losses"). The derivative at −1 and at 1 is 0.
    pub struct SparseSigmoid;
}
kind!(SparseSigmoid = "sparse_sigmoid");

impl Activation for SparseSigmoid {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        cut((x + 1.0) / 2.0, 0.0, 1.0)
    }
}

impl Samples<dyn Activation> for SparseSigmoid {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(SparseSigmoid, [])]
    }
}
