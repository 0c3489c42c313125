use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// (ln(1 + t) − ln(1 + y))², mean over the last axis. Target and prediction `[batch, …, n]`; what is below 10⁻⁷ counts as that.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // (ln 4 − ln 2)².
    /// assert!((MeanSquaredLogarithmicError.values(arr2(&[[1.0]]), arr2(&[[3.0]]))?[0] - 0.4805).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct MeanSquaredLogarithmicError;
}
kind!(MeanSquaredLogarithmicError = "mean_squared_logarithmic_error" | "msle");

impl Loss for MeanSquaredLogarithmicError {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let log = |x: Tensor<'g>| x.max(x.constant(1e-7)).log1p();
        (log(prediction.value) - log(target)).square().mean(&[-1])
    }
}

impl Samples<dyn Loss> for MeanSquaredLogarithmicError {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(MeanSquaredLogarithmicError, [ty.clone(), ty])]
    }
}
