use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::regularizers::Regularizer;
use crate::word::{Sample, Samples, kind};

/// l2 · Σx².
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct L2 {
    l2: f64,
}
kind!(L2 | "l2");

impl L2 {
    /// The penalty with factor `l2` (Keras's default: 0.01).
    pub fn new(l2: f64) -> L2 {
        L2 { l2 }
    }
}

impl Default for L2 {
    fn default() -> L2 {
        L2 { l2: 0.01 }
    }
}

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
