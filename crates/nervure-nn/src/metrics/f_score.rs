use nervure_graph::{DType, Reduction, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::counts::Decided;
use crate::metrics::{Direction, Metric, divide_no_nan};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// (1 + β²) · precision · recall / (β² · precision + recall) of each class, and their average: recall weighs β times as much as precision (van Rijsbergen
    /// 1979, "Information retrieval").
    ///
    /// Target and prediction `[batch, …, n]`, or class numbers as target. Without a threshold the greatest output of a row counts as positive, each of several equal ones; for a
    /// single output the threshold is 0.5 unless set (by Keras's rule a single output would always be positive).
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), arr2(&[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]));
    /// assert_eq!(FBetaScore::new().beta(2.0).score(&t, &y, None)?, [5.0 / 6.0, 5.0 / 9.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct FBetaScore {
        /// How one number comes from those of the classes; without it each class is reported, as `fbeta_score_0`, `fbeta_score_1`, ….
        average: just Average,
        /// β, above 0.
        beta: f64 = 1.0,
        /// What an output has to exceed to count as positive; without it the greatest does.
        threshold: just f64,
    }
}
kind!(FBetaScore = "fbeta_score");

settings! {
    /// 2 · precision · recall / (precision + recall) of each class, and their average: [`FBetaScore`] with β = 1.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), arr2(&[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]));
    /// assert_eq!(F1Score::new().score(&t, &y, None)?, [2.0 / 3.0, 2.0 / 3.0]);
    /// assert_eq!(F1Score::new().average(Average::Macro).score(&t, &y, None)?, [2.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct F1Score {
        /// How one number comes from those of the classes; without it each class is reported, as `f1_score_0`, `f1_score_1`, ….
        average: just Average,
        /// What an output has to exceed to count as positive; without it the greatest does.
        threshold: just f64,
    }
}
kind!(F1Score = "f1_score");

/// How one number comes from those of the classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// Of the counts of all classes together.
    Micro,
    /// The mean over classes.
    Macro,
    /// The mean over classes, each weighted by how often it is right.
    Weighted,
}

impl FBetaScore {
    /// (1 + β²) tp / ((1 + β²) tp + β² fn + fp), which is the formula in counts; 0 over nothing.
    fn score(&self, tp: f64, fp: f64, missed: f64) -> f64 {
        let square = self.beta * self.beta;
        let found = (1.0 + square) * tp;
        divide_no_nan(found, found + square * missed + fp)
    }

    fn of_classes(&self, sums: &[Vec<f64>]) -> Vec<f64> {
        let counts = sums[0].iter().zip(&sums[1]).zip(&sums[2]);
        counts.map(|((&tp, &fp), &missed)| self.score(tp, fp, missed)).collect()
    }
}

impl Metric for FBetaScore {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let p = prediction.value;
        if !(self.beta > 0.0 && self.beta.is_finite()) {
            p.builder().fail("fbeta_score", "a beta above 0", self.beta);
        }
        let said = match self.threshold.or(p.dim(-1).is(1).then_some(0.5)) {
            Some(threshold) => p.greater(p.constant(threshold)),
            // Keras's: an output of 0 is no answer, greatest or not.
            None => {
                let greatest = p.greater_equal(p.reduce(Reduction::Max, &[-1]).expand(-1));
                greatest & p.abs().greater(p.constant(1e-9))
            }
        };
        let counts = Decided::of(target, p, said.cast(DType::F32), weight).counts();
        vec![counts.true_positives, counts.false_positives, counts.false_negatives]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let classes = self.of_classes(sums);
        let sum = |i: usize| sums[i].iter().sum::<f64>();
        match self.average {
            Some(Average::Micro) => self.score(sum(0), sum(1), sum(2)),
            Some(Average::Macro) | None => classes.iter().sum::<f64>() / classes.len() as f64,
            Some(Average::Weighted) => {
                let support = |c: usize| sums[0][c] + sums[2][c];
                let total: f64 = (0..classes.len()).map(support).sum();
                classes.iter().enumerate().map(|(c, f)| divide_no_nan(f * support(c), total)).sum()
            }
        }
    }

    fn per_class(&self, sums: &[Vec<f64>]) -> Option<Vec<f64>> {
        (self.average.is_none() && sums[0].len() > 1).then(|| self.of_classes(sums))
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl F1Score {
    fn general(&self) -> FBetaScore {
        FBetaScore { average: self.average, beta: 1.0, threshold: self.threshold }
    }
}

impl Metric for F1Score {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        self.general().lower(target, prediction, weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        self.general().result(sums)
    }

    fn per_class(&self, sums: &[Vec<f64>]) -> Option<Vec<f64>> {
        self.general().per_class(sums)
    }

    fn direction(&self) -> Option<Direction> {
        self.general().direction()
    }
}

impl Samples<dyn Metric> for FBetaScore {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(FBetaScore::new(), [ty(1), ty(1)]),
            Sample::new(FBetaScore::new().beta(2.0), [Type::new(DType::I32, [batch()]), ty(3)]),
            Sample::new(FBetaScore::new().beta(0.5).average(Average::Weighted).threshold(0.4), [ty(3), ty(3)]),
        ]
    }
}

impl Samples<dyn Metric> for F1Score {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(F1Score::new(), [ty(1), ty(1)]),
            Sample::new(F1Score::new(), [Type::new(DType::I32, [batch()]), ty(3)]),
            Sample::new(F1Score::new().average(Average::Weighted).threshold(0.4), [ty(3), ty(3)]),
        ]
    }
}
