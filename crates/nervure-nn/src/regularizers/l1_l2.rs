use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::regularizers::Regularizer;
use crate::word::{Sample, Samples, kind};

/// l1 · Σ|x| + l2 · Σx².
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1L2 {
    l1: f64,
    l2: f64,
}
kind!(L1L2 | "l1_l2");

impl L1L2 {
    /// The penalties with factors `l1` and `l2` (Keras's defaults: 0).
    pub fn new(l1: f64, l2: f64) -> L1L2 {
        L1L2 { l1, l2 }
    }
}

impl Default for L1L2 {
    fn default() -> L1L2 {
        L1L2 { l1: 0.0, l2: 0.0 }
    }
}

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
