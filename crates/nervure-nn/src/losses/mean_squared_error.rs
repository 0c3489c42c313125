use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// (t − y)², mean over the last axis. Target and prediction `[batch, …, n]`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert_eq!(MeanSquaredError.values(arr2(&[[1.0, 2.0]]), arr2(&[[1.0, 4.0]]))?, [2.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct MeanSquaredError;
}
kind!(MeanSquaredError = "mean_squared_error" | "mse");

impl Loss for MeanSquaredError {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        (prediction.value - target).square().mean(&[-1])
    }
}

impl Samples<dyn Loss> for MeanSquaredError {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(MeanSquaredError, [ty.clone(), ty])]
    }
}
