use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::activations::Link;
use crate::losses::{Loss, Prediction, binary_crossentropies, focusing, numbers, smoothing};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// −(1 − pₜ)^γ ln pₜ, mean over the last axis, with pₜ = p where the target is 1 and 1 − p where it is 0: what is right already counts less (Lin et al.
    /// 2017, "Focal loss for dense object detection").
    ///
    /// Target and prediction `[batch, …, n]`, each target in [0, 1]; for targets between, pₜ = t p + (1 − t)(1 − p) and the logarithm is that of
    /// [`BinaryCrossentropy`](crate::losses::BinaryCrossentropy), with its precision.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // ln 2 / 4.
    /// assert!((BinaryFocalCrossentropy::new().values(arr2(&[[1.0]]), arr2(&[[0.5]]))?[0] - 0.1733).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct BinaryFocalCrossentropy {
        /// Whether targets 1 weigh `alpha` and targets 0 weigh 1 − `alpha`.
        apply_class_balancing: bool = false,
        /// The weight of targets 1 where classes are balanced, in [0, 1].
        alpha: f64 = 0.25,
        /// γ, at least 0.
        gamma: f64 = 2.0,
        /// Whether the prediction is the logit instead of the probability.
        from_logits: bool = false,
        /// Share of each label that is moved to the middle, in [0, 1].
        label_smoothing: f64 = 0.0,
    }
}
kind!(BinaryFocalCrossentropy = "binary_focal_crossentropy");

impl Loss for BinaryFocalCrossentropy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let s = self.label_smoothing;
        let t = if s == 0.0 { target } else { target * (1.0 - s) + 0.5 * s };
        let logits = prediction.logits(self.from_logits, Link::Sigmoid);
        let p = logits.map_or(prediction.value, |z| z.sigmoid());
        // 1 − pₜ, without the difference.
        let wrong = t * (1.0 - p) + (1.0 - t) * p;
        let mut values = focusing(wrong, self.gamma) * binary_crossentropies(t, prediction, logits);
        if self.apply_class_balancing {
            values = values * (t * self.alpha + (1.0 - t) * (1.0 - self.alpha));
        }
        values.mean(&[-1])
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        smoothing(self.label_smoothing)?;
        if !(0.0..=1.0).contains(&self.alpha) {
            return Err(format!("expected an alpha of 0 to 1, received {}", self.alpha));
        }
        super::gamma(self.gamma)?;
        numbers(prediction)
    }
}

impl Samples<dyn Loss> for BinaryFocalCrossentropy {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        let balanced = BinaryFocalCrossentropy::new().apply_class_balancing(true).alpha(0.4).gamma(1.5);
        vec![
            Sample::new(BinaryFocalCrossentropy::new(), [ty.clone(), ty.clone()]),
            Sample::new(balanced.from_logits(true).label_smoothing(0.2), [ty.clone(), ty]),
        ]
    }
}
