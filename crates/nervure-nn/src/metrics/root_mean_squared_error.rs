use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, one_hot, ratio, weighted_mean};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// √ of the mean of (t − y)². Target and prediction `[batch, …, n]`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// assert_eq!(RootMeanSquaredError.score(arr2(&[[0.0, 0.0]]), arr2(&[[1.0, 7.0]]), None)?, [5.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct RootMeanSquaredError;
}
kind!(RootMeanSquaredError = "root_mean_squared_error" | "rmse");

impl Metric for RootMeanSquaredError {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let y = prediction.value;
        weighted_mean((y - one_hot(target, y)).square().mean(&[-1]), weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums).sqrt()
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Down)
    }
}

impl Samples<dyn Metric> for RootMeanSquaredError {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(RootMeanSquaredError, [ty.clone(), ty])]
    }
}
