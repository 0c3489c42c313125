use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{
    BinaryAccuracy, CategoricalAccuracy, Direction, Metric, SparseCategoricalAccuracy, ratio,
};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The share of right answers, in the form that fits the shapes, as Keras chooses it: [`BinaryAccuracy`] for one output,
    /// [`SparseCategoricalAccuracy`] where the target is class numbers, else [`CategoricalAccuracy`].
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(Accuracy.score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Accuracy;
}
kind!(Accuracy = "accuracy" | "acc");

impl Metric for Accuracy {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        if prediction.value.dim(-1).is(1) {
            BinaryAccuracy::new().lower(target, prediction, weight)
        } else if target.rank() < prediction.value.rank() {
            SparseCategoricalAccuracy.lower(target, prediction, weight)
        } else {
            CategoricalAccuracy.lower(target, prediction, weight)
        }
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums)
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for Accuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |dtype, n: usize| Type::new(dtype, [batch(), n.into()]);
        vec![
            Sample::new(Accuracy, [ty(DType::F32, 1), ty(DType::F32, 1)]),
            Sample::new(Accuracy, [ty(DType::F32, 3), ty(DType::F32, 3)]),
            Sample::new(Accuracy, [Type::new(DType::I32, [batch()]), ty(DType::F32, 3)]),
        ]
    }
}
