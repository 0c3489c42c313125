use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, class_numbers, needs_classes, ratio, weighted_mean};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The share of rows whose greatest output is that of the right class, for targets that are one-hot.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), arr2(&[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]));
    /// assert_eq!(CategoricalAccuracy.score(&t, &y, None)?, [2.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct CategoricalAccuracy;
}
kind!(CategoricalAccuracy = "categorical_accuracy");

impl Metric for CategoricalAccuracy {
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

/// 1 where the greatest output is that of the right class, else 0.
pub(super) fn right<'g>(target: Tensor<'g>, prediction: Tensor<'g>) -> Tensor<'g> {
    class_numbers(target, prediction).equal(prediction.argmax(-1)).cast(DType::F32)
}

impl Samples<dyn Metric> for CategoricalAccuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![Sample::new(CategoricalAccuracy, [ty.clone(), ty])]
    }
}
