use nervure_graph::Tensor;

use crate::regularizers::Regularizer;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// l2 · Σx².
    #[derive(Copy)]
    pub struct L2 {
        /// The factor.
        l2: given f64 = 0.01,
    }
}
kind!(L2 | "l2");

impl Regularizer for L2 {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.square().sum_all() * self.l2
    }
}

impl Samples<dyn Regularizer> for L2 {
    fn samples() -> Vec<Sample<dyn Regularizer>> {
        vec![Sample::new(L2::default(), []), Sample::new(L2::new(0.1), [])]
    }
}
