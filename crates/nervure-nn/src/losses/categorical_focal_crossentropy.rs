use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::Result;
use crate::activations::Link;
use crate::layers::Numbers;
use crate::losses::{Loss, Prediction, classes, clipped, focusing, smoothing};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// −Σₖ αₖ (1 − pₖ)^γ tₖ ln pₖ over the last axis: what is right already counts less (Lin et al. 2017, "Focal loss for dense object detection").
    ///
    /// Target and prediction `[batch, …, classes]`; a target's row is one-hot, or a distribution. Probabilities, logits and label smoothing are as in
    /// [`CategoricalCrossentropy`](crate::losses::CategoricalCrossentropy).
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // ln 2 / 16.
    /// assert!((CategoricalFocalCrossentropy::new().values(arr2(&[[0.0, 1.0]]), arr2(&[[0.5, 0.5]]))?[0] - 0.0433).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct CategoricalFocalCrossentropy {
        /// The weight of all classes, or of each.
        alpha: into Numbers = 0.25,
        /// γ, at least 0.
        gamma: f64 = 2.0,
        /// Whether the prediction is the logits instead of the probabilities.
        from_logits: bool = false,
        /// Share of each label that is spread over all classes, in [0, 1].
        label_smoothing: f64 = 0.0,
    }
}
kind!(CategoricalFocalCrossentropy = "categorical_focal_crossentropy");

impl Loss for CategoricalFocalCrossentropy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let s = self.label_smoothing;
        let classes = || target.builder().size(&target.dim(-1));
        let t = if s == 0.0 { target } else { target * (1.0 - s) + s / classes() };
        let (p, log) = match prediction.logits(self.from_logits, Link::Softmax) {
            Some(z) => {
                let log = z - z.reduce(Reduction::LogSumExp, &[-1]).expand(-1);
                (log.exp(), log)
            }
            None => {
                let p = clipped(prediction.value / prediction.value.sum(&[-1]).expand(-1));
                (p, p.log())
            }
        };
        let values = focusing(1.0 - p, self.gamma) * t * log;
        let weighted = match &self.alpha {
            Numbers::One(alpha) => values * *alpha,
            Numbers::Each(alphas) => values * target.builder().floats(&[alphas.len()], alphas),
        };
        -weighted.sum(&[-1])
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        smoothing(self.label_smoothing)?;
        super::gamma(self.gamma)?;
        let ty = classes(prediction)?;
        if let Numbers::Each(alphas) = &self.alpha
            && !ty.shape.last().is_some_and(|n| n.is(alphas.len()))
        {
            return Err(format!("expected an alpha for each class of {ty}, received {}", alphas.len()));
        }
        Ok(ty)
    }
}

impl Samples<dyn Loss> for CategoricalFocalCrossentropy {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        let weighted = CategoricalFocalCrossentropy::new().alpha([0.2, 0.3, 0.5]).gamma(1.5);
        vec![
            Sample::new(CategoricalFocalCrossentropy::new(), [ty.clone(), ty.clone()]),
            Sample::new(weighted.from_logits(true).label_smoothing(0.1), [ty.clone(), ty]),
        ]
    }
}
