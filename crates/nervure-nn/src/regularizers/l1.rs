use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::regularizers::Regularizer;
use crate::word::{Sample, Samples, kind};

/// l1 · Σ|x|.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L1 {
    l1: f64,
}
kind!(L1 | "l1");

impl L1 {
    /// The penalty with factor `l1` (Keras's default: 0.01).
    pub fn new(l1: f64) -> L1 {
        L1 { l1 }
    }
}

impl Default for L1 {
    fn default() -> L1 {
        L1 { l1: 0.01 }
    }
}

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
