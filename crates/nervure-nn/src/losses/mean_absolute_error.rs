use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// |t − y|, mean over the last axis. Target and prediction `[batch, …, n]`.
    pub struct MeanAbsoluteError;
}
kind!(MeanAbsoluteError = "mean_absolute_error" | "mae");

impl Loss for MeanAbsoluteError {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        (prediction.value - target).abs().mean(&[-1])
    }
}

impl Samples<dyn Loss> for MeanAbsoluteError {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(MeanAbsoluteError, [ty.clone(), ty])]
    }
}
