use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::counts::class_of;
use crate::metrics::histogram::{exceeded, exceeded_evenly, from_each, histograms, weights};
use crate::metrics::{Direction, Metric, divide_no_nan, one_hot};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, Word, kind};

/// Metrics that are the greatest of one number over thresholds at which another is great enough.
macro_rules! at {
    ($($(#[doc = $doc:literal])* $word:ident = $name:literal, $(#[doc = $of:literal])* $least:ident: $bound:expr, $best:expr;)*) => {$(
        settings! {
            $(#[doc = $doc])*
            ///
            /// Of all outputs together, `[batch, …, n]`, each in [0, 1]. The thresholds are 0, 1/(k − 1), 2/(k − 1), …, 1 for k of them, 0.5 for one; an output counts as
            /// positive if it exceeds the threshold. Where no threshold will do it is 0.
            pub struct $word {
                $(#[doc = $of])*
                $least: f64,
                /// Number of thresholds, at least 1.
                num_thresholds: usize = 200,
                /// Only the output of this class is looked at.
                class_id: just usize,
            }
        }
        kind!($word = $name);

        impl Metric for $word {
            fn lower<'g>(
                &self,
                target: Tensor<'g>,
                prediction: Prediction<'g>,
                weight: Option<Tensor<'g>>,
            ) -> Vec<Tensor<'g>> {
                let named = (stringify!($least), self.$least);
                lower(self, named, self.num_thresholds, self.class_id, target, prediction.value, weight)
            }

            fn result(&self, sums: &[Vec<f64>]) -> f64 {
                let (bound, best): (fn(Shares) -> f64, fn(Shares) -> f64) = ($bound, $best);
                let enough = at(sums).filter(|s| bound(*s) >= self.$least);
                enough.map(best).fold(0.0, f64::max)
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Up)
            }
        }

        impl Samples<dyn Metric> for $word {
            fn samples() -> Vec<Sample<dyn Metric>> {
                let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
                vec![
                    Sample::new($word::new(0.5), [ty(1), ty(1)]),
                    Sample::new($word::new(0.4).num_thresholds(1), [ty(2), ty(2)]),
                    Sample::new(
                        $word::new(0.3).num_thresholds(20).class_id(1),
                        [Type::new(DType::I32, [batch()]), ty(3)],
                    ),
                ]
            }
        }
    )*};
}

at! {
    /// The greatest sensitivity (the share of what is positive that is found) over thresholds at which the specificity (the share of what is negative that
    /// counts as that) is at least `specificity`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(SensitivityAtSpecificity::new(0.5).score(&t, &y, None)?, [1.0]);
    /// assert_eq!(SensitivityAtSpecificity::new(0.9).score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    SensitivityAtSpecificity = "sensitivity_at_specificity",
        /// The least specificity, in [0, 1].
        specificity: Shares::specificity, Shares::sensitivity;
    /// The greatest specificity (the share of what is negative that counts as that) over thresholds at which the sensitivity (the share of what is positive
    /// that is found) is at least `sensitivity`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(SpecificityAtSensitivity::new(0.5).score(&t, &y, None)?, [1.0]);
    /// assert_eq!(SpecificityAtSensitivity::new(0.9).score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    SpecificityAtSensitivity = "specificity_at_sensitivity",
        /// The least sensitivity, in [0, 1].
        sensitivity: Shares::sensitivity, Shares::specificity;
    /// The greatest precision (the share of positive answers that are right) over thresholds at which the recall (the share of what is positive that is
    /// found) is at least `recall`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(PrecisionAtRecall::new(0.5).score(&t, &y, None)?, [1.0]);
    /// assert_eq!(PrecisionAtRecall::new(0.9).score(&t, &y, None)?, [2.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    PrecisionAtRecall = "precision_at_recall",
        /// The least recall, in [0, 1].
        recall: Shares::sensitivity, Shares::precision;
    /// The greatest recall (the share of what is positive that is found) over thresholds at which the precision (the share of positive answers that are
    /// right) is at least `precision`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(RecallAtPrecision::new(0.6).score(&t, &y, None)?, [1.0]);
    /// assert_eq!(RecallAtPrecision::new(0.9).score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    RecallAtPrecision = "recall_at_precision",
        /// The least precision, in [0, 1].
        precision: Shares::precision, Shares::sensitivity;
}

/// What counts as positive at a threshold, and all.
#[derive(Debug, Clone, Copy)]
struct Shares {
    true_positives: f64,
    false_positives: f64,
    positives: f64,
    negatives: f64,
}

impl Shares {
    fn sensitivity(self) -> f64 {
        divide_no_nan(self.true_positives, self.positives)
    }

    fn specificity(self) -> f64 {
        divide_no_nan(self.negatives - self.false_positives, self.negatives)
    }

    fn precision(self) -> f64 {
        divide_no_nan(self.true_positives, self.true_positives + self.false_positives)
    }
}

fn lower<'g>(
    metric: &dyn Word,
    (name, least): (&str, f64),
    k: usize,
    class_id: Option<usize>,
    target: Tensor<'g>,
    p: Tensor<'g>,
    weight: Option<Tensor<'g>>,
) -> Vec<Tensor<'g>> {
    if !(1..=1_000_000).contains(&k) || !(0.0..=1.0).contains(&least) {
        let expected = format!("1 to 1000000 thresholds and a {name} of 0 to 1");
        p.builder().fail(metric.kind(), expected, format!("{k} and {least}"));
        return vec![p.sum_all(), p.sum_all()];
    }
    let of_class = |t: Tensor<'g>| class_id.map_or(t, |class| class_of(metric, t, class));
    let (t, w) = (of_class(one_hot(target, p)), of_class(weights(weight, p)));
    let p = of_class(p);
    let place = if k == 1 { exceeded(p, &[0.5]) } else { exceeded_evenly(p, k) };
    histograms(place, k + 1, false, t, p, w)
}

/// What there is at each threshold.
fn at(sums: &[Vec<f64>]) -> impl Iterator<Item = Shares> {
    let [positive, negative] = [0, 1].map(|i| from_each(&sums[i]));
    // Place i holds what exceeds i thresholds: what exceeds threshold i is in place i + 1 and beyond.
    (1..positive.len()).map(move |i| Shares {
        true_positives: positive[i],
        false_positives: negative[i],
        positives: positive[0],
        negatives: negative[0],
    })
}
