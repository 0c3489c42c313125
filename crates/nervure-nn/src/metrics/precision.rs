use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::counts::{Decided, Rule};
use crate::metrics::{Direction, Metric, divide_no_nan};
use crate::network::batch;
use crate::word::{Sample, Samples, kind, setters};

/// True positives / (true positives + false positives): the share of positive answers that are right; 0 where there is none.
///
/// Of all outputs together, `[batch, …, n]`: an output counts as positive if it exceeds the threshold (default 0.5), or, with `top_k`, if it is among
/// the greatest k of its row.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Precision {
    thresholds: Option<f64>,
    top_k: Option<usize>,
    class_id: Option<usize>,
}
kind!(Precision = "precision");

impl Precision {
    /// Of all outputs, with a threshold of 0.5.
    pub fn new() -> Precision {
        Precision::default()
    }

    setters! {
        /// What an output has to exceed to count as positive; default 0.5, and none with `top_k`.
        thresholds: just f64,
        /// Only the greatest so many outputs of a row count as positive; default all.
        top_k: just usize,
        /// Only the output of this class is looked at; default all.
        class_id: just usize,
    }
}

impl Metric for Precision {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let rule = Rule { threshold: self.thresholds, top_k: self.top_k, class_id: self.class_id };
        let [tp, fp, _] = Decided::by(rule, target, prediction.value, weight).counts();
        vec![tp.sum_all(), fp.sum_all()]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        divide_no_nan(sums[0][0], sums[0][0] + sums[1][0])
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for Precision {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(Precision::new(), [ty(1), ty(1)]),
            Sample::new(Precision::new().thresholds(0.3).class_id(1), [ty(3), ty(3)]),
            Sample::new(Precision::new().top_k(2), [Type::new(DType::I32, [batch()]), ty(3)]),
        ]
    }
}
