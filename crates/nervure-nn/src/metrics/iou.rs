use nervure_graph::{DType, Dim, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, divide_no_nan, spread};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, Word, kind};

settings! {
    /// The mean over chosen classes of intersection over union: tp / (tp + fp + fn) of each, by how often each class was taken for each. A class that neither targets
    /// nor answers have does not count.
    ///
    /// Target and prediction `[batch, …]` of class numbers, or `[batch, …, classes]` of which the greatest is the class. What is no class is not counted.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[0, 0, 1, 1]]), arr2(&[[0.0, 1.0, 0.0, 1.0]]));
    /// assert_eq!(IoU::new(2, [0]).score(&t, &y, None)?, [1.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct IoU {
        /// Number of classes.
        num_classes: usize,
        /// The classes of which the mean is taken.
        target_class_ids: into Vec<usize>,
        /// A target with which a place does not count.
        ignore_class: just i64,
        /// Whether targets are class numbers.
        sparse_y_true: bool = true,
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = true,
    }
}
kind!(IoU = "iou");

settings! {
    /// [`IoU`] over all classes.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[0, 0, 1, 1]]), arr2(&[[0.0, 1.0, 0.0, 1.0]]));
    /// assert_eq!(MeanIoU::new(2).score(&t, &y, None)?, [1.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct MeanIoU {
        /// Number of classes.
        num_classes: usize,
        /// A target with which a place does not count.
        ignore_class: just i64,
        /// Whether targets are class numbers.
        sparse_y_true: bool = true,
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = true,
    }
}
kind!(MeanIoU = "mean_iou");

settings! {
    /// [`IoU`] for targets that are one-hot.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), arr2(&[[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]));
    /// assert_eq!(OneHotIoU::new(2, [1]).score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct OneHotIoU {
        /// Number of classes.
        num_classes: usize,
        /// The classes of which the mean is taken.
        target_class_ids: into Vec<usize>,
        /// A class with which a place does not count.
        ignore_class: just i64,
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = false,
    }
}
kind!(OneHotIoU = "one_hot_iou");

settings! {
    /// [`IoU`] over all classes for targets that are one-hot.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), arr2(&[[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]));
    /// assert_eq!(OneHotMeanIoU::new(2).score(&t, &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct OneHotMeanIoU {
        /// Number of classes.
        num_classes: usize,
        /// A class with which a place does not count.
        ignore_class: just i64,
        /// Whether predictions are class numbers.
        sparse_y_pred: bool = false,
    }
}
kind!(OneHotMeanIoU = "one_hot_mean_iou");

settings! {
    /// [`IoU`] of two classes: an output that is at least the threshold is of class 1, else of class 0.
    ///
    /// Target and prediction `[batch, …]`, targets 0 or 1.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[0.0, 1.0, 0.0, 1.0]]), arr2(&[[0.1, 0.2, 0.4, 0.7]]));
    /// assert_eq!(BinaryIoU::new().threshold(0.3).score(&t, &y, None)?, [1.0 / 3.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct BinaryIoU {
        /// The classes of which the mean is taken.
        target_class_ids: into Vec<usize> = [0, 1],
        /// What an output has to reach to count as class 1.
        threshold: f64 = 0.5,
    }
}
kind!(BinaryIoU = "binary_iou");

/// Classes that are counted: how often each was taken for each is as many numbers squared.
const CLASSES: usize = 1000;

/// What a metric of this file counts.
struct Counted<'a> {
    metric: &'a dyn Word,
    classes: usize,
    ignored: Option<i64>,
    /// Those of which the mean is taken; all, where none are named.
    chosen: Option<&'a [usize]>,
}

impl Counted<'_> {
    /// How often each class, `[classes, classes]` in a row, was taken for each.
    fn lower<'g>(&self, t: Tensor<'g>, y: Tensor<'g>, weight: Option<Tensor<'g>>) -> Vec<Tensor<'g>> {
        let n = self.classes;
        let fail = |expected: String, received: String| t.builder().fail(self.metric.kind(), expected, received);
        let ids = self.chosen.unwrap_or(&[0]);
        if !(1..=CLASSES).contains(&n) || ids.is_empty() || ids.iter().any(|&id| id >= n) {
            fail(format!("1 to {CLASSES} classes and ids below their number"), format!("{n} and {ids:?}"));
        } else if t.shape() != y.shape() {
            fail("a target and a prediction of the same places".into(), format!("{} and {}", t.ty(), y.ty()));
        } else {
            let class = |x: Tensor<'g>| x.greater_equal(x.constant(0.0)) & x.less(x.constant(n as f64));
            let counts = class(t) & class(y);
            let counts =
                self.ignored.map_or(counts, |ignored| counts & t.not_equal(t.constant(ignored as f64)));
            let place = counts.select(t * n as f64 + y, t.constant(0.0));
            let one = counts.cast(DType::F32);
            let weight = weight.map_or(one, |w| one * spread(w, one));
            let all = t.shape().iter().fold(Dim::from(1), |n, d| n * d);
            return vec![place.reshape([all.clone()]).scatter_add(weight.reshape([all]), 0, n * n)];
        }
        vec![y.cast(DType::F32).sum_all()]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let (n, counts) = (self.classes, &sums[0]);
        let of_class = |c: usize| {
            let either: f64 = (0..n).map(|i| counts[c * n + i] + counts[i * n + c]).sum();
            let both = counts[c * n + c];
            (both, either - both)
        };
        let all: Vec<usize> = (0..n).collect();
        let chosen = self.chosen.unwrap_or(&all).iter().map(|&c| of_class(c));
        let there: Vec<_> = chosen.filter(|(_, either)| *either > 0.0).collect();
        divide_no_nan(there.iter().map(|(both, either)| both / either).sum(), there.len() as f64)
    }
}

/// Class numbers, as they are or as the places of the greatest.
fn numbers(sparse: bool, x: Tensor<'_>) -> Tensor<'_> {
    if sparse { x.cast(DType::I32) } else { x.argmax(-1) }
}

macro_rules! metrics {
    ($($word:ident: |$this:ident| $counted:expr, |$y:ident| $predicted:expr, |$t:ident| $target:expr;)*) => {$(
        impl $word {
            fn counted(&self) -> Counted<'_> {
                let $this = self;
                let (classes, ignored, chosen) = $counted;
                Counted { metric: self, classes, ignored, chosen }
            }
        }

        impl Metric for $word {
            fn lower<'g>(
                &self,
                $t: Tensor<'g>,
                prediction: Prediction<'g>,
                weight: Option<Tensor<'g>>,
            ) -> Vec<Tensor<'g>> {
                let ($this, $y) = (self, prediction.value);
                let (target, predicted) = ($target, $predicted);
                self.counted().lower(target, predicted, weight)
            }

            fn result(&self, sums: &[Vec<f64>]) -> f64 {
                self.counted().result(sums)
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Up)
            }
        }
    )*};
}
metrics! {
    IoU: |this| (this.num_classes, this.ignore_class, Some(&this.target_class_ids[..])),
        |y| numbers(this.sparse_y_pred, y), |t| numbers(this.sparse_y_true, t);
    MeanIoU: |this| (this.num_classes, this.ignore_class, None),
        |y| numbers(this.sparse_y_pred, y), |t| numbers(this.sparse_y_true, t);
    OneHotIoU: |this| (this.num_classes, this.ignore_class, Some(&this.target_class_ids[..])),
        |y| numbers(this.sparse_y_pred, y), |t| numbers(false, t);
    OneHotMeanIoU: |this| (this.num_classes, this.ignore_class, None),
        |y| numbers(this.sparse_y_pred, y), |t| numbers(false, t);
    BinaryIoU: |this| (2, None, Some(&this.target_class_ids[..])),
        |y| y.greater_equal(y.constant(this.threshold)).cast(DType::I32), |t| numbers(true, t);
}

fn ty(dtype: DType, rest: &[usize]) -> Type {
    Type::new(dtype, [batch()].into_iter().chain(rest.iter().map(|&n| n.into())).collect::<Vec<_>>())
}

impl Samples<dyn Metric> for IoU {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let of_outputs = IoU::new(3, [0, 2]).ignore_class(1).sparse_y_pred(false);
        vec![
            Sample::new(IoU::new(3, [1]), [ty(DType::I32, &[2]), ty(DType::F32, &[2])]),
            Sample::new(of_outputs, [ty(DType::I32, &[2]), ty(DType::F32, &[2, 3])]),
        ]
    }
}

impl Samples<dyn Metric> for MeanIoU {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let of_outputs = MeanIoU::new(3).sparse_y_true(false).sparse_y_pred(false);
        vec![
            Sample::new(MeanIoU::new(3), [ty(DType::I32, &[2]), ty(DType::F32, &[2])]),
            Sample::new(of_outputs, [ty(DType::F32, &[2, 3]), ty(DType::F32, &[2, 3])]),
        ]
    }
}

impl Samples<dyn Metric> for OneHotIoU {
    fn samples() -> Vec<Sample<dyn Metric>> {
        vec![Sample::new(OneHotIoU::new(3, [0, 2]), [ty(DType::F32, &[3]), ty(DType::F32, &[3])])]
    }
}

impl Samples<dyn Metric> for OneHotMeanIoU {
    fn samples() -> Vec<Sample<dyn Metric>> {
        vec![Sample::new(OneHotMeanIoU::new(3), [ty(DType::F32, &[3]), ty(DType::F32, &[3])])]
    }
}

impl Samples<dyn Metric> for BinaryIoU {
    fn samples() -> Vec<Sample<dyn Metric>> {
        vec![Sample::new(BinaryIoU::new().threshold(0.4), [ty(DType::F32, &[2]), ty(DType::F32, &[2])])]
    }
}
