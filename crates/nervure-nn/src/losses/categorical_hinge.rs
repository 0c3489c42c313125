use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::losses::{Loss, Prediction, classes};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// max(1 + maxₖ (1 − tₖ) yₖ − Σₖ tₖ yₖ, 0) over the last axis: the right class is to lead by 1 (Weston and Watkins 1999, "Support vector machines for
    /// multi-class pattern recognition"). Target one-hot, target and prediction `[batch, …, classes]`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert_eq!(CategoricalHinge.values(arr2(&[[0.0, 1.0, 0.0]]), arr2(&[[2.0, 0.5, 1.0]]))?, [2.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct CategoricalHinge;
}
kind!(CategoricalHinge = "categorical_hinge");

impl Loss for CategoricalHinge {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let y = prediction.value;
        let right = (target * y).sum(&[-1]);
        let others = ((1.0 - target) * y).reduce(Reduction::Max, &[-1]);
        let lead = others - right + 1.0;
        lead.max(lead.constant(0.0))
    }

    fn target(&self, prediction: &Type) -> crate::Result<Type, String> {
        classes(prediction)
    }
}

impl Samples<dyn Loss> for CategoricalHinge {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        vec![Sample::new(CategoricalHinge, [ty.clone(), ty])]
    }
}
