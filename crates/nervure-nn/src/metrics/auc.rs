use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::metrics::histogram::{exceeded, exceeded_evenly, from_each, histograms, weights};
use crate::metrics::{Direction, Metric, divide_no_nan};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The area under a curve that is drawn through as many points as there are thresholds: Keras's approximation, over all outputs
    /// together, `[batch, …, n]`, each in [0, 1]. Exact areas are [`exact::roc_auc`](crate::metrics::exact::roc_auc).
    ///
    /// The thresholds are −ε, 1/(k − 1), 2/(k − 1), …, 1 + ε for k of them; an output counts as positive at those that it exceeds. What the batch
    /// adds is the weight of positive and of negative targets between neighbouring thresholds. An area that is not defined, for want of a class, is 0.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// // Of four pairs of a positive and a negative, three are in order.
    /// assert!((Auc::new().score(&t, &y, None)?[0] - 0.75).abs() < 1e-9);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Auc {
        /// Number of thresholds, at least 2.
        num_thresholds: usize = 200,
        /// Of what the area is taken.
        curve: Curve = Curve::Roc,
        /// What lies between two points of the curve.
        summation_method: Summation = Summation::Interpolation,
        /// Thresholds of one's own, in [0, 1], beside −ε and 1 + ε: instead of those above.
        thresholds: some Vec<f64>,
        /// Whether each output has an area of its own, of which the mean is taken; else all outputs are one.
        multi_label: bool = false,
        /// The weight of each output: of its rows, or of its area in the mean.
        label_weights: some Vec<f64>,
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
    /// Precision gain over recall gain, 1 − π / (1 − π) · false positives / true positives and 1 − π / (1 − π) · false negatives / true positives with π the share
    /// of positives (Flach and Kull 2015, "Precision-recall-gain curves: PR analysis done right"). No gain is below 0 in recall.
    #[serde(rename = "PRGAIN")]
    PrGain,
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
        let (k, n) = (self.count(), p.dim(-1));
        let inside = |all: &[f64]| all.iter().all(|t| (0.0..=1.0).contains(t));
        if !(2..=1_000_000).contains(&k) || !self.thresholds.as_deref().is_none_or(inside) || n.as_const().is_none() {
            let expected = "2 to 1000000 thresholds of 0 to 1 and a fixed number of outputs";
            p.builder().fail("auc", expected, format!("{k} and {n}"));
            return vec![p.sum_all(), p.sum_all()];
        }
        // The number of thresholds, beside the first, that the output exceeds.
        let place = match &self.thresholds {
            Some(own) => exceeded(p, own),
            None => exceeded_evenly(p, k) - 1.0,
        };
        let place = place.max(place.constant(0.0));
        let mut weight = weights(weight, p);
        if let Some(of_labels) = &self.label_weights {
            if !n.is(of_labels.len()) || of_labels.iter().any(|w| w.is_nan() || *w < 0.0) {
                p.builder().fail("auc", format!("{n} label weights of at least 0"), format!("{of_labels:?}"));
                return vec![p.sum_all(), p.sum_all()];
            }
            if !self.multi_label {
                weight = weight * p.builder().floats(&[of_labels.len()], of_labels);
            }
        }
        histograms(place, k, self.multi_label, target, p, weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let k = self.count();
        let columns = sums[0].len() / k;
        let of = |c: usize| self.area(&sums[0][c * k..][..k], &sums[1][c * k..][..k]);
        match &self.label_weights {
            Some(weights) if self.multi_label => {
                let sum = (0..columns).zip(weights).map(|(c, w)| w * of(c)).sum();
                divide_no_nan(sum, weights.iter().sum())
            }
            Some(_) | None => (0..columns).map(of).sum::<f64>() / columns as f64,
        }
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Auc {
    /// The number of thresholds.
    fn count(&self) -> usize {
        self.thresholds.as_ref().map_or(self.num_thresholds, |own| own.len() + 2)
    }

    /// From what lies between each threshold and the next.
    fn area(&self, positive: &[f64], negative: &[f64]) -> f64 {
        let (tp, fp) = (from_each(positive), from_each(negative));
        let (p, n) = (tp[0], fp[0]);
        let steps = 0..tp.len() - 1;
        if (self.curve, self.summation_method) == (Curve::Pr, Summation::Interpolation) {
            return steps.map(|i| interpolated(tp[i], fp[i], tp[i + 1], fp[i + 1], p)).sum();
        }
        let recall = |i: usize| divide_no_nan(tp[i], p);
        let point = |i: usize| match self.curve {
            Curve::Roc => (divide_no_nan(fp[i], n), recall(i)),
            Curve::Pr => (recall(i), divide_no_nan(tp[i], tp[i] + fp[i])),
            Curve::PrGain if tp[i] == 0.0 => (0.0, 1.0),
            Curve::PrGain => {
                let gain = |wrong: f64| 1.0 - divide_no_nan(p, n) * wrong / tp[i];
                (gain(p - tp[i]).max(0.0), gain(fp[i]))
            }
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
                Auc::new()
                    .multi_label(true)
                    .label_weights([0.5, 1.0, 2.0])
                    .num_thresholds(10)
                    .summation_method(Summation::Minoring),
                [ty(3), ty(3)],
            ),
            Sample::new(
                Auc::new().thresholds([0.2, 0.7]).label_weights([0.5, 1.0]).curve(Curve::PrGain),
                [ty(2), ty(2)],
            ),
        ]
    }
}
