use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, one_hot, ratio, weighted_mean};
use crate::network::batch;
use crate::word::{Sample, Samples, kind, setters};

/// The share of outputs for which (p > threshold) equals the target, 0 or 1. Target and prediction `[batch, …, n]`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BinaryAccuracy {
    threshold: f64,
}
kind!(BinaryAccuracy = "binary_accuracy");

impl Default for BinaryAccuracy {
    fn default() -> BinaryAccuracy {
        BinaryAccuracy { threshold: 0.5 }
    }
}

impl BinaryAccuracy {
    /// With a threshold of 0.5.
    pub fn new() -> BinaryAccuracy {
        BinaryAccuracy::default()
    }

    setters! {
        /// What a prediction has to exceed to count as 1; default 0.5.
        threshold: f64,
    }
}

impl Metric for BinaryAccuracy {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let p = prediction.value;
        let said = p.greater(p.constant(self.threshold)).cast(DType::F32);
        weighted_mean(said.equal(one_hot(target, p)).cast(DType::F32).mean(&[-1]), weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums)
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for BinaryAccuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(BinaryAccuracy::new().threshold(0.3), [ty.clone(), ty])]
    }
}
