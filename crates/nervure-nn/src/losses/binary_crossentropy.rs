use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::activations::Link;
use crate::losses::{Loss, Prediction, binary_crossentropies, numbers, smoothing};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// −(t ln p + (1 − t) ln(1 − p)), mean over the last axis.
    ///
    /// Target and prediction `[batch, …, n]`, each target in [0, 1]. Where the prediction is a sigmoid's, the loss is computed from the
    /// sigmoid's operand z as (1 − t) softplus(z) + t softplus(−z), which is exact for probabilities near 0 and 1 too; elsewhere p is clipped to
    /// [1e-7, 1 − 1e-7]. With label smoothing s the target is t (1 − s) + s / 2.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // ln 2.
    /// assert!((BinaryCrossentropy::new().values(arr2(&[[1.0]]), arr2(&[[0.5]]))?[0] - 0.6931).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct BinaryCrossentropy {
        /// Whether the prediction is the logit instead of the probability.
        from_logits: bool = false,
        /// Share of each label that is moved to the middle, in [0, 1].
        label_smoothing: f64 = 0.0,
    }
}
kind!(BinaryCrossentropy = "binary_crossentropy" | "bce");

impl Loss for BinaryCrossentropy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let s = self.label_smoothing;
        let t = if s == 0.0 { target } else { target * (1.0 - s) + 0.5 * s };
        let logits = prediction.logits(self.from_logits, Link::Sigmoid);
        binary_crossentropies(t, prediction, logits).mean(&[-1])
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        smoothing(self.label_smoothing)?;
        numbers(prediction)
    }
}

impl Samples<dyn Loss> for BinaryCrossentropy {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![
            Sample::new(BinaryCrossentropy::new(), [ty.clone(), ty.clone()]),
            Sample::new(BinaryCrossentropy::new().from_logits(true).label_smoothing(0.2), [ty.clone(), ty]),
        ]
    }
}
