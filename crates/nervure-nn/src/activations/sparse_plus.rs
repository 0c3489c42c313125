use nervure_graph::Tensor;

use crate::activations::{Activation, cut};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = 0 for x ≤ −1, x for x ≥ 1, (x + 1)² / 4 between (Blondel et al. 2019, "Learning with Fenchel-Young losses").
    pub struct SparsePlus;
}
kind!(SparsePlus = "sparse_plus");

impl Activation for SparsePlus {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let between = cut(x, -1.0, 1.0);
        x.greater_equal(x.constant(1.0)).select(x, (between + 1.0).square() / 4.0)
    }
}

impl Samples<dyn Activation> for SparsePlus {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(SparsePlus, [])]
    }
}
