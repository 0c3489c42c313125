use nervure_graph::{DType, Reduction, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::activations::Link;
use crate::losses::{Loss, Prediction, classes, clipped, smoothing};
use crate::network::batch;
use crate::word::{Sample, Samples, kind, setters};

/// −Σₖ tₖ ln pₖ over the last axis.
///
/// Target and prediction `[batch, …, classes]`; a target's row is one-hot, or a distribution. Where the prediction is a softmax's, or is said to
/// be logits z, ln p = z − ln Σ eᶻ; elsewhere p is divided by its sum and clipped to [1e-7, 1 − 1e-7]. With label smoothing s the target
/// is t (1 − s) + s / classes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoricalCrossentropy {
    from_logits: bool,
    label_smoothing: f64,
}
kind!(CategoricalCrossentropy = "categorical_crossentropy");

impl CategoricalCrossentropy {
    /// From probabilities, without smoothing.
    pub fn new() -> CategoricalCrossentropy {
        CategoricalCrossentropy::default()
    }

    setters! {
        /// Whether the prediction is the logits instead of the probabilities; default false.
        from_logits: bool,
        /// Share of each label that is spread over all classes, in [0, 1]; default 0.
        label_smoothing: f64,
    }
}

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
