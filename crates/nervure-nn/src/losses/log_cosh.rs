use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// ln cosh(y − t), mean over the last axis: (y − t)² / 2 for small errors, |y − t| − ln 2 for great ones. Target and prediction `[batch, …, n]`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert!((LogCosh.values(arr2(&[[0.0]]), arr2(&[[100.0]]))?[0] - 99.3069).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct LogCosh;
}
kind!(LogCosh = "log_cosh" | "logcosh" | "LogCoshError");

impl Loss for LogCosh {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let e = prediction.value - target;
        (e + (e * -2.0).softplus() - std::f64::consts::LN_2).mean(&[-1])
    }
}

impl Samples<dyn Loss> for LogCosh {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(LogCosh, [ty.clone(), ty])]
    }
}
