use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::Result;
use crate::activations::Link;
use crate::losses::{Loss, Prediction, classes, clipped, smoothing};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// −Σₖ tₖ ln pₖ over the last axis.
    ///
    /// Target and prediction `[batch, …, classes]`; a target's row is one-hot, or a distribution. Where the prediction is a softmax's, or is said to
    /// be logits z, ln p = z − ln Σ eᶻ; elsewhere p is divided by its sum and clipped to [1e-7, 1 − 1e-7]. With label smoothing s the target
    /// is t (1 − s) + s / classes.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // ln 2.
    /// assert!((CategoricalCrossentropy::new().values(arr2(&[[0.0, 1.0]]), arr2(&[[0.5, 0.5]]))?[0] - 0.6931).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct CategoricalCrossentropy {
        /// Whether the prediction is the logits instead of the probabilities.
        from_logits: bool = false,
        /// Share of each label that is spread over all classes, in [0, 1].
        label_smoothing: f64 = 0.0,
    }
}
kind!(CategoricalCrossentropy = "categorical_crossentropy");

impl Loss for CategoricalCrossentropy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let s = self.label_smoothing;
        let classes = || target.builder().size(&target.dim(-1));
        let t = if s == 0.0 { target } else { target * (1.0 - s) + s / classes() };
        let log = match prediction.logits(self.from_logits, Link::Softmax) {
            Some(z) => z - z.reduce(Reduction::LogSumExp, &[-1]).expand(-1),
            None => clipped(prediction.value / prediction.value.sum(&[-1]).expand(-1)).log(),
        };
        -(t * log).sum(&[-1])
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        smoothing(self.label_smoothing)?;
        classes(prediction)
    }
}

impl Samples<dyn Loss> for CategoricalCrossentropy {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        let long = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(CategoricalCrossentropy::new(), [ty.clone(), ty]),
            Sample::new(
                CategoricalCrossentropy::new().from_logits(true).label_smoothing(0.1),
                [long.clone(), long],
            ),
        ]
    }
}
