use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, class_numbers, needs_classes, ratio, weighted_mean};
use crate::network::batch;
use crate::word::{Sample, Samples, kind, setters};

/// The share of rows for which fewer than k classes have a greater output than the right one, for targets that are one-hot.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TopKCategoricalAccuracy {
    k: usize,
}
kind!(TopKCategoricalAccuracy = "top_k_categorical_accuracy");

impl Default for TopKCategoricalAccuracy {
    fn default() -> TopKCategoricalAccuracy {
        TopKCategoricalAccuracy { k: 5 }
    }
}

impl TopKCategoricalAccuracy {
    /// With k = 5.
    pub fn new() -> TopKCategoricalAccuracy {
        TopKCategoricalAccuracy::default()
    }

    setters! {
        /// Default 5.
        k: usize,
    }
}

impl Metric for TopKCategoricalAccuracy {
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

/// 1 where fewer than `k` classes have a greater output than the right one, else 0. An output that is no number is never right.
pub(super) fn among_first<'g>(k: usize, target: Tensor<'g>, prediction: Tensor<'g>) -> Tensor<'g> {
    let class = class_numbers(target, prediction);
    let own = prediction.gather(class.expand(-1), prediction.rank() - 1);
    let greater = prediction.greater(own).cast(DType::F32).sum(&[-1]);
    let own = own.reshape(class.shape());
    (greater.less(greater.constant(k as f64)) & own.is_finite()).cast(DType::F32)
}

impl Samples<dyn Metric> for TopKCategoricalAccuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 4.into()]);
        vec![Sample::new(TopKCategoricalAccuracy::new().k(2), [ty.clone(), ty])]
    }
}
