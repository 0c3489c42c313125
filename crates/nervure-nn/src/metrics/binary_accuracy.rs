use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, one_hot, ratio, weighted_mean};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The share of outputs for which (p > threshold) equals the target, 0 or 1. Target and prediction `[batch, …, n]`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(BinaryAccuracy::new().score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct BinaryAccuracy {
        /// What a prediction has to exceed to count as 1.
        threshold: f64 = 0.5,
    }
}
kind!(BinaryAccuracy = "binary_accuracy");

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
