use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::losses::{Loss, Prediction, numbers};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// With e = |t − y|: e² / 2 where e ≤ δ, else δ e − δ² / 2; mean over the last axis. Target and prediction `[batch, …, n]`
    /// (Huber 1964, "Robust estimation of a location parameter").
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert_eq!(Huber::new().values(arr2(&[[0.0], [0.0]]), arr2(&[[0.5], [3.0]]))?, [0.125, 2.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct Huber {
        /// Where the square ends and the line begins, above 0.
        delta: f64 = 1.0,
    }
}
kind!(Huber = "huber" | "huber_loss");

impl Loss for Huber {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let e = (prediction.value - target).abs();
        let line = e * self.delta - 0.5 * self.delta * self.delta;
        e.less_equal(e.constant(self.delta)).select(0.5 * e.square(), line).mean(&[-1])
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        if self.delta > 0.0 && self.delta.is_finite() {
            return numbers(prediction);
        }
        Err(format!("expected a delta above 0, received {}", self.delta))
    }
}

impl Samples<dyn Loss> for Huber {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![
            Sample::new(Huber::new(), [ty.clone(), ty.clone()]),
            Sample::new(Huber::new().delta(0.3), [ty.clone(), ty]),
        ]
    }
}
