use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use super::top_k_categorical_accuracy::among_first;
use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, needs_classes, ratio, weighted_mean};
use crate::network::batch;
use crate::word::{Sample, Samples, kind, setters};

/// The share of rows for which fewer than k classes have a greater output than the right one, for targets that are class numbers.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SparseTopKCategoricalAccuracy {
    k: usize,
}
kind!(SparseTopKCategoricalAccuracy = "sparse_top_k_categorical_accuracy");

impl Default for SparseTopKCategoricalAccuracy {
    fn default() -> SparseTopKCategoricalAccuracy {
        SparseTopKCategoricalAccuracy { k: 5 }
    }
}

impl SparseTopKCategoricalAccuracy {
    /// With k = 5.
    pub fn new() -> SparseTopKCategoricalAccuracy {
        SparseTopKCategoricalAccuracy::default()
    }

    setters! {
        /// Default 5.
        k: usize,
    }
}

impl Metric for SparseTopKCategoricalAccuracy {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        needs_classes(self, prediction.value);
        weighted_mean(among_first(self.k, target, prediction.value), weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums)
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for SparseTopKCategoricalAccuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 4.into()]);
        vec![Sample::new(SparseTopKCategoricalAccuracy::new().k(2), [Type::new(DType::I32, [batch()]), ty])]
    }
}
