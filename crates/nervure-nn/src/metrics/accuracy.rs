use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::metrics::{Metric, ratio, weighted_mean};
use crate::network::batch;
use crate::word::{Sample, Samples, kind};

/// The share of right answers, in the form that fits the shapes, as Keras chooses it: one output: p > 0.5 equals the target; as many targets
/// as outputs: the places of the greatest are equal; else: the place of the greatest output equals the target, a class number.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Accuracy;
kind!(Accuracy = "accuracy");

impl Metric for Accuracy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Tensor<'g>, weight: Option<Tensor<'g>>) -> Vec<Tensor<'g>> {
        let right = if prediction.dim(-1).is(1) {
            let t = target.cast(DType::F32).reshape(prediction.shape());
            let p = prediction.greater(prediction.constant(0.5)).cast(DType::F32);
            p.equal(t).cast(DType::F32).mean(&[-1])
        } else if target.shape() == prediction.shape() {
            target.argmax(-1).equal(prediction.argmax(-1)).cast(DType::F32)
        } else {
            let place = prediction.argmax(-1);
            place.equal(target.cast(DType::I32).reshape(place.shape())).cast(DType::F32)
        };
        weighted_mean(right, weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums)
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
