//! Metrics: how good a network is.

use nervure_graph::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::losses::Prediction;
use crate::word::{Word, family};
use crate::{IntoArray, Result, score};

mod counts;
pub mod exact;
mod histogram;

family! {
    Metric "metric" {
        accuracy: Accuracy;
        at_thresholds: PrecisionAtRecall, RecallAtPrecision, SensitivityAtSpecificity, SpecificityAtSensitivity;
        auc: Auc;
        balanced_accuracy: BalancedAccuracy;
        binary_accuracy: BinaryAccuracy;
        categorical_accuracy: CategoricalAccuracy;
        confusion: FalseNegatives, FalsePositives, TrueNegatives, TruePositives;
        correlation: ConcordanceCorrelation, CosineSimilarity, PearsonCorrelation;
        f_score: F1Score, FBetaScore;
        iou: BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU;
        losses: BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, Hinge, Huber, KLDivergence, LogCosh,
            MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError, MeanSquaredLogarithmicError, Poisson,
            SparseCategoricalCrossentropy, SquaredHinge;
        named: Named;
        precision: Precision, Recall;
        r2_score: R2Score;
        root_mean_squared_error: RootMeanSquaredError;
        sparse_categorical_accuracy: SparseCategoricalAccuracy;
        top_k_categorical_accuracy: SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy;
    }
}

pub use auc::{Curve, Summation};
pub use f_score::Average;
pub use precision::{Among, Answers, ShareOfPositives, Truths};
pub use r2_score::Aggregation;
pub use top_k_categorical_accuracy::{Class, Number, OneHot, TopK};

/// A metric that is gathered batch by batch: sums, written in primitives, and a number from them.
///
/// The sums over batches are kept in `f64` by the caller, so that they stay exact for any number of rows. Classes may come as numbers or
/// one-hot, as the loss wants them: the metrics of this crate take both.
///
/// ```
/// use nervure_nn::losses::Prediction;
/// use nervure_nn::metrics::Metric;
/// use nervure_nn::{Kind, Tensor};
/// use serde::{Deserialize, Serialize};
///
/// /// Mean of y − t over rows: whether predictions are too high or too low. Weights do not count.
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct Bias;
///
/// impl Kind for Bias {
///     const KIND: &'static str = "bias";
/// }
///
/// impl Metric for Bias {
///     fn lower<'g>(&self, t: Tensor<'g>, y: Prediction<'g>, _weight: Option<Tensor<'g>>) -> Vec<Tensor<'g>> {
///         let error = y.value - t;
///         vec![error.sum_all(), error.ones_like().sum_all()]
///     }
///
///     fn result(&self, sums: &[Vec<f64>]) -> f64 {
///         sums[0][0] / sums[1][0]
///     }
/// }
/// ```
pub trait Metric: Word {
    /// The key under which it is reported.
    fn name(&self) -> String {
        self.kind().into()
    }

    /// What a batch adds to the sums, floats: `weight` (of the target's leading axes) counts each row, 1 where there is none.
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>>;

    /// The number from the sums, in the order of [`Metric::lower`].
    fn result(&self, sums: &[Vec<f64>]) -> f64;

    /// A number a class, or a threshold, where the metric is one of each: reported as `name_0`, `name_1`, … instead of the one number.
    fn per_class(&self, _sums: &[Vec<f64>]) -> Option<Vec<f64>> {
        None
    }

    /// The number of arrays, or those of each class, without a network; each row counts 1 where there are no weights.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (t, y) = (ndarray::arr2(&[[1.0], [0.0], [1.0]]), ndarray::arr2(&[[0.9], [0.2], [0.4]]));
    /// assert_eq!(BinaryAccuracy::new().score(&t, &y, None)?, [2.0 / 3.0]);
    /// assert_eq!(BinaryAccuracy::new().score(&t, &y, Some(&[1.0, 1.0, 2.0]))?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// Arrays that the metric does not take.
    fn score(
        &self,
        target: impl IntoArray,
        prediction: impl IntoArray,
        weights: Option<&[f32]>,
    ) -> Result<Vec<f64>>
    where
        Self: Sized,
    {
        score::score(self, target.into_array(), prediction.into_array(), weights)
    }

    /// Whether more is better: what callbacks that watch the metric go by. Where a metric does not say, they have to be told.
    fn direction(&self) -> Option<Direction> {
        None
    }

    /// The metric under another key.
    fn named(self, name: &str) -> Named
    where
        Self: Sized,
    {
        Named::new(self, name)
    }
}

/// Whether more of a number is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    Up,
    /// Less is better.
    Down,
}

/// Σ weight · value and Σ weight: what a weighted mean needs. The weight is that of the leading axes of `values`.
pub(crate) fn weighted_mean<'g>(values: Tensor<'g>, weight: Option<Tensor<'g>>) -> Vec<Tensor<'g>> {
    let weight = weight.map_or_else(|| values.ones_like(), |w| spread(w, values));
    vec![(values * weight).sum_all(), weight.sum_all()]
}

/// A weight of the leading axes, repeated over the others of `like`.
pub(crate) fn spread<'g>(weight: Tensor<'g>, like: Tensor<'g>) -> Tensor<'g> {
    let mut shape = weight.shape();
    shape.resize(like.rank(), 1.into());
    weight.reshape(shape).broadcast_to(like.shape())
}

/// A ratio of sums, NaN over nothing.
pub(crate) fn ratio(sums: &[Vec<f64>]) -> f64 {
    sums[0][0] / sums[1][0]
}

/// a / b, 0 where b is 0: Keras's rule for precision and the like.
pub(crate) fn divide_no_nan(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// The target as floats of the prediction's shape: class numbers become one-hot.
fn one_hot<'g>(target: Tensor<'g>, prediction: Tensor<'g>) -> Tensor<'g> {
    if target.rank() < prediction.rank() {
        return target.cast(DType::I32).one_hot(prediction.dim(-1));
    }
    target.cast(DType::F32)
}

/// The target as class numbers `[batch, …]`: one-hot rows become the place of the greatest.
fn class_numbers<'g>(target: Tensor<'g>, prediction: Tensor<'g>) -> Tensor<'g> {
    if target.rank() < prediction.rank() { target.cast(DType::I32) } else { target.argmax(-1) }
}

/// Records that a metric of classes was given an output of one number.
fn needs_classes(metric: &dyn Word, prediction: Tensor<'_>) {
    if prediction.dim(-1).is(1) {
        prediction.builder().fail(metric.kind(), "an output of at least 2 classes", prediction.ty());
    }
}
