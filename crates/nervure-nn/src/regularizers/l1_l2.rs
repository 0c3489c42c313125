use nervure_graph::Tensor;

use crate::regularizers::Regularizer;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// l1 · Σ|x| + l2 · Σx².
    #[derive(Copy)]
    pub struct L1L2 {
        /// The factor of Σ|x|.
        l1: given f64 = 0.0,
        /// The factor of Σx².
        l2: given f64 = 0.0,
    }
}
kind!(L1L2 | "l1_l2");

impl Regularizer for L1L2 {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.abs().sum_all() * self.l1 + x.square().sum_all() * self.l2
    }
}

impl Samples<dyn Regularizer> for L1L2 {
    fn samples() -> Vec<Sample<dyn Regularizer>> {
        vec![Sample::new(L1L2::default(), []), Sample::new(L1L2::new(0.1, 0.2), [])]
    }
}
