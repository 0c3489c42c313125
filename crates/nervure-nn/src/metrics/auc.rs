use nervure_graph::{DType, Dim, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, divide_no_nan, one_hot, spread};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The area under a curve that is drawn through as many points as there are thresholds: Keras's approximation, over all outputs
    /// together, `[batch, …, n]`, each in [0, 1]. Exact areas are [`exact::roc_auc`](crate::metrics::exact::roc_auc).
    ///
    /// The thresholds are −ε, 1/(k − 1), 2/(k − 1), …, 1 + ε for k of them; an output counts as positive at those that it exceeds. What the batch
    /// adds is the weight of positive and of negative targets between neighbouring thresholds. An area that is not defined, for want of a class, is 0.
    #[derive(Copy)]
    pub struct Auc {
        /// Number of thresholds, at least 2.
        num_thresholds: usize = 200,
        /// Of what the area is taken.
        curve: Curve = Curve::Roc,
        /// What lies between two points of the curve.
        summation_method: Summation = Summation::Interpolation,
        /// Whether each output has an area of its own, of which the mean is taken; else all outputs are one.
        multi_label: bool = false,
        /// Whether the outputs are logits, to which a sigmoid is applied first.
        from_logits: bool = false,
    }
}
kind!(Auc = "auc");

/// Of what the area is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Curve {
    /// Share of positives found over share of negatives taken for positive.
    #[default]
    #[serde(rename = "ROC")]
    Roc,
    /// Precision over recall.
    #[serde(rename = "PR")]
    Pr,
}

/// What lies between two points of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Summation {
    /// A line; for precision over recall the curve of Davis and Goadrich 2006, "The relationship between precision-recall and ROC curves".
    #[default]
    Interpolation,
    /// The lower of the two.
    Minoring,
    /// The higher of the two.
    Majoring,
}

impl Metric for Auc {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let p = if self.from_logits { prediction.value.sigmoid() } else { prediction.value };
        let (k, n) = (self.num_thresholds, p.dim(-1));
        let Some(n) = n.as_const().filter(|_| (2..=1_000_000).contains(&k)) else {
            p.builder().fail(
                "auc",
                "2 to 1000000 thresholds and a fixed number of outputs",
                format!("{k} and {n}"),
            );
            return vec![p.sum_all(), p.sum_all()];
        };
        // The number of thresholds, beside the first, that the output exceeds.
        let bucket = (p * (k - 1) as f64).ceil() - 1.0;
        let bucket = bucket.clamp(0.0, (k - 1) as f64).cast(DType::I32);
        let columns = if self.multi_label { n } else { 1 };
        let bucket = if self.multi_label {
            bucket + p.builder().iota(DType::I32, p.shape(), p.rank() - 1) * k as f64
        } else {
            bucket
        };
        let t = one_hot(target, p);
        // No bucket holds what is no number: it makes the area none either.
        let weight = weight.map_or_else(|| p.ones_like(), |w| spread(w, p)) + p * 0.0;
        let all = p.shape().iter().fold(Dim::from(1), |n, d| n * d);
        let place = bucket.reshape([all.clone()]);
        let histogram = |w: Tensor<'g>| place.scatter_add(w.reshape([all.clone()]), 0, columns * k);
        vec![histogram(weight * t), histogram(weight * (1.0 - t))]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let k = self.num_thresholds;
        let columns = sums[0].len() / k;
        let of = |c: usize| self.area(&sums[0][c * k..][..k], &sums[1][c * k..][..k]);
        (0..columns).map(of).sum::<f64>() / columns as f64
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Auc {
    fn area(&self, positive: &[f64], negative: &[f64]) -> f64 {
        let (tp, fp) = (above(positive), above(negative));
        let (p, n) = (tp[0], fp[0]);
        let steps = 0..tp.len() - 1;
        if (self.curve, self.summation_method) == (Curve::Pr, Summation::Interpolation) {
            return steps.map(|i| interpolated(tp[i], fp[i], tp[i + 1], fp[i + 1], p)).sum();
        }
        let recall = |i: usize| divide_no_nan(tp[i], p);
        let point = |i: usize| match self.curve {
            Curve::Roc => (divide_no_nan(fp[i], n), recall(i)),
            Curve::Pr => (recall(i), divide_no_nan(tp[i], tp[i] + fp[i])),
        };
        let height = |a: f64, b: f64| match self.summation_method {
            Summation::Interpolation => (a + b) / 2.0,
            Summation::Minoring => a.min(b),
            Summation::Majoring => a.max(b),
        };
        steps
            .map(|i| {
                let ((x0, y0), (x1, y1)) = (point(i), point(i + 1));
                (x0 - x1) * height(y0, y1)
            })
            .sum()
    }
}

/// From what lies between thresholds what lies above each.
fn above(between: &[f64]) -> Vec<f64> {
    let mut sums = between.to_vec();
    for i in (1..sums.len()).rev() {
        sums[i - 1] += sums[i];
    }
    sums
}

/// The area between two points of a precision-recall curve, the first of which has the lower threshold, with `p` positives in all.
fn interpolated(tp0: f64, fp0: f64, tp1: f64, fp1: f64, p: f64) -> f64 {
    let (said0, said1) = (tp0 + fp0, tp1 + fp1);
    let found = tp0 - tp1;
    let slope = divide_no_nan(found, (said0 - said1).max(0.0));
    let intercept = tp1 - slope * said1;
    let ratio = if said0 > 0.0 && said1 > 0.0 { said0 / said1 } else { 1.0 };
    divide_no_nan(slope * (found + intercept * ratio.ln()), p)
}

impl Samples<dyn Metric> for Auc {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(Auc::new(), [ty(1), ty(1)]),
            Sample::new(Auc::new().curve(Curve::Pr).from_logits(true), [ty(1), ty(1)]),
            Sample::new(
                Auc::new().multi_label(true).num_thresholds(10).summation_method(Summation::Minoring),
                [ty(3), ty(3)],
            ),
        ]
    }
}
