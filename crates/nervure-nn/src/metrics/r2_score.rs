use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, divide_no_nan, spread};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// R² = 1 − Σ w (t − y)² / Σ w (t − mean of t)², of each output over all rows, and their average. Target and prediction `[batch, n]`. An output whose
    /// target never changes counts as 0.
    ///
    /// The sums of t and t² are of `f32` within a batch: for targets whose mean is a thousand times their spread they say little.
    #[derive(Copy)]
    pub struct R2Score {
        /// How one R² comes from those of the outputs.
        class_aggregation: Aggregation = Aggregation::UniformAverage,
    }
}
kind!(R2Score = "r2_score");

/// How one R² comes from those of the outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Their mean.
    #[default]
    UniformAverage,
    /// Their mean, each weighted by its target's variance.
    VarianceWeightedAverage,
}

impl Metric for R2Score {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let y = prediction.value;
        if y.rank() != 2 || target.ty() != y.ty() {
            y.builder().fail(
                "r2_score",
                format!("target and output f32[batch, n], target {}", y.ty()),
                target.ty(),
            );
            return vec![y.sum_all(); 4];
        }
        let w = weight.map_or_else(|| y.ones_like(), |w| spread(w, y));
        let sum = |t: Tensor<'g>| (w * t).sum(&[0]);
        vec![w.sum(&[0]), sum(target), sum(target.square()), sum((target - y).square())]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let outputs = sums[0].len();
        let totals: Vec<f64> =
            (0..outputs).map(|i| sums[2][i] - sums[1][i] * sums[1][i] / sums[0][i]).collect();
        let score = |i: usize| {
            let raw = 1.0 - sums[3][i] / totals[i];
            if raw.is_infinite() { 0.0 } else { raw }
        };
        match self.class_aggregation {
            Aggregation::UniformAverage => (0..outputs).map(score).sum::<f64>() / outputs as f64,
            Aggregation::VarianceWeightedAverage => {
                let all: f64 = totals.iter().sum();
                divide_no_nan((0..outputs).map(|i| score(i) * totals[i]).sum(), all)
            }
        }
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for R2Score {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![
            Sample::new(R2Score::new(), [ty.clone(), ty.clone()]),
            Sample::new(
                R2Score::new().class_aggregation(Aggregation::VarianceWeightedAverage),
                [ty.clone(), ty],
            ),
        ]
    }
}
