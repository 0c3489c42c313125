use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// 100 · |t − y| / max(|t|, 10⁻⁷), mean over the last axis. Target and prediction `[batch, …, n]`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert_eq!(MeanAbsolutePercentageError.values(arr2(&[[4.0, 2.0]]), arr2(&[[5.0, 2.0]]))?, [12.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct MeanAbsolutePercentageError;
}
kind!(MeanAbsolutePercentageError = "mean_absolute_percentage_error" | "mape");

impl Loss for MeanAbsolutePercentageError {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let size = target.abs().max(target.constant(1e-7));
        ((target - prediction.value) / size).abs().mean(&[-1]) * 100.0
    }
}

impl Samples<dyn Loss> for MeanAbsolutePercentageError {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(MeanAbsolutePercentageError, [ty.clone(), ty])]
    }
}
