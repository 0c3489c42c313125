use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// max(1 − t y, 0), mean over the last axis, with t −1 or 1. Target and prediction `[batch, …, n]`. A target 0 counts as −1, so that 0/1 labels do too.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert_eq!(Hinge.values(arr2(&[[1.0, -1.0]]), arr2(&[[0.5, 0.5]]))?, [1.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Hinge;
}
kind!(Hinge = "hinge");

impl Loss for Hinge {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        margins(target, prediction.value).mean(&[-1])
    }
}

/// max(1 − t y, 0), t −1 where it is 0.
pub(super) fn margins<'g>(target: Tensor<'g>, y: Tensor<'g>) -> Tensor<'g> {
    let zero = target.constant(0.0);
    let t = target.equal(zero).select(target.constant(-1.0), target);
    (1.0 - t * y).max(zero)
}

impl Samples<dyn Loss> for Hinge {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(Hinge, [ty.clone(), ty])]
    }
}
