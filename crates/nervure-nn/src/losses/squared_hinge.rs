use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction, hinge::margins};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// max(1 − t y, 0)², mean over the last axis, with t −1 or 1. Target and prediction `[batch, …, n]`. A target 0 counts as −1, so that 0/1 labels do too.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert_eq!(SquaredHinge.values(arr2(&[[1.0, -1.0]]), arr2(&[[0.5, 0.5]]))?, [1.25]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct SquaredHinge;
}
kind!(SquaredHinge = "squared_hinge");

impl Loss for SquaredHinge {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        margins(target, prediction.value).square().mean(&[-1])
    }
}

impl Samples<dyn Loss> for SquaredHinge {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(SquaredHinge, [ty.clone(), ty])]
    }
}
