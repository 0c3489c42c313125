use nervure_graph::Tensor;

use crate::regularizers::Regularizer;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// l1 · Σ|x|.
    #[derive(Copy)]
    pub struct L1 {
        /// The factor.
        l1: given f64 = 0.01,
    }
}
kind!(L1 | "l1");

impl Regularizer for L1 {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.abs().sum_all() * self.l1
    }
}

impl Samples<dyn Regularizer> for L1 {
    fn samples() -> Vec<Sample<dyn Regularizer>> {
        vec![Sample::new(L1::default(), []), Sample::new(L1::new(0.1), [])]
    }
}
