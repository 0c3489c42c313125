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
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [4.0], [3.0]]), arr2(&[[2.0], [4.0], [4.0]]));
    /// assert!((R2Score::new().score(&t, &y, None)?[0] - 4.0 / 7.0).abs() < 1e-6);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct R2Score {
        /// How one R² comes from those of the outputs; without it each output is reported, as `r2_score_0`, `r2_score_1`, ….
        class_aggregation: into Option<Aggregation> = Some(Aggregation::UniformAverage),
        /// Number of regressors p, where it is not 0: the adjusted 1 − (1 − R²)(n − 1) / (n − p − 1) with n targets, in all rows and outputs.
        num_regressors: usize = 0,
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
            return vec![y.sum_all(); 5];
        }
        let w = weight.map_or_else(|| y.ones_like(), |w| spread(w, y));
        let sum = |t: Tensor<'g>| (w * t).sum(&[0]);
        let count = y.ones_like().sum_all();
        vec![w.sum(&[0]), sum(target), sum(target.square()), sum((target - y).square()), count]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let scores = scores(sums);
        let raw = match self.class_aggregation {
            Some(Aggregation::UniformAverage) | None => {
                scores.iter().map(|s| s.0).sum::<f64>() / scores.len() as f64
            }
            Some(Aggregation::VarianceWeightedAverage) => divide_no_nan(
                scores.iter().map(|(score, total)| score * total).sum(),
                scores.iter().map(|s| s.1).sum(),
            ),
        };
        self.adjusted(raw, sums)
    }

    fn per_class(&self, sums: &[Vec<f64>]) -> Option<Vec<f64>> {
        let each = || scores(sums).into_iter().map(|(score, _)| self.adjusted(score, sums)).collect();
        (self.class_aggregation.is_none() && sums[0].len() > 1).then(each)
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl R2Score {
    /// As it is where there are too few targets to adjust it by.
    fn adjusted(&self, score: f64, sums: &[Vec<f64>]) -> f64 {
        let (n, p) = (sums[4][0], self.num_regressors as f64);
        if self.num_regressors == 0 || p >= n - 1.0 {
            return score;
        }
        1.0 - (1.0 - score) * (n - 1.0) / (n - p - 1.0)
    }
}

/// R² of each output, and Σ w (t − mean of t)².
fn scores(sums: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let of = |i: usize| {
        let total = sums[2][i] - sums[1][i] * sums[1][i] / sums[0][i];
        let raw = 1.0 - sums[3][i] / total;
        (if raw.is_infinite() { 0.0 } else { raw }, total)
    };
    (0..sums[0].len()).map(of).collect()
}

impl Samples<dyn Metric> for R2Score {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![
            Sample::new(R2Score::new(), [ty.clone(), ty.clone()]),
            Sample::new(
                R2Score::new().class_aggregation(Aggregation::VarianceWeightedAverage),
                [ty.clone(), ty.clone()],
            ),
            Sample::new(R2Score::new().class_aggregation(None).num_regressors(1), [ty.clone(), ty]),
        ]
    }
}
