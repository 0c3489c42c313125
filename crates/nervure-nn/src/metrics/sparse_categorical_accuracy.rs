use nervure_graph::{DType, Tensor, Type};

use super::categorical_accuracy::right;
use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, needs_classes, ratio, weighted_mean};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The share of rows whose greatest output is that of the right class, for targets that are class numbers.
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// use nervure_nn::metrics::*;
    /// let y = arr2(&[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]);
    /// assert_eq!(SparseCategoricalAccuracy.score(arr1(&[0, 1, 1]), &y, None)?, [2.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct SparseCategoricalAccuracy;
}
kind!(SparseCategoricalAccuracy = "sparse_categorical_accuracy");

impl Metric for SparseCategoricalAccuracy {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        needs_classes(self, prediction.value);
        weighted_mean(right(target, prediction.value), weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums)
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for SparseCategoricalAccuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        vec![Sample::new(SparseCategoricalAccuracy, [Type::new(DType::I32, [batch()]), ty])]
    }
}
