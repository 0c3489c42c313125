use std::fmt;
use std::marker::PhantomData;

use nervure_graph::{DType, Tensor, Type};

use crate::layers::Numbers;
use crate::losses::Prediction;
use crate::metrics::counts::{Counts, Decided, Rule};
use crate::metrics::{Direction, Metric, divide_no_nan};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// The share of true positives in the positive answers (precision), or in what is positive (recall): 0 where there is neither.
    ///
    /// Of all outputs together, `[batch, …, n]`: an output counts as positive if it exceeds the threshold (default 0.5), or, with `top_k`, if it is among
    /// the greatest k of its row. With several thresholds there is a number of each, reported as `precision_0`, `precision_1`, ….
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(Precision::new().thresholds([0.2, 0.7]).score(&t, &y, None)?, [2.0 / 3.0, 1.0]);
    /// assert_eq!(Recall::new().thresholds([0.2, 0.7]).score(&t, &y, None)?, [1.0, 0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct ShareOfPositives[Among][Among] {
        /// What an output has to exceed to count as positive, one or several: 0.5 where neither this nor `top_k` is given.
        thresholds: some Numbers,
        /// Only the greatest so many outputs of a row count as positive.
        top_k: just usize,
        /// Only the output of this class is looked at.
        class_id: just usize,
        among: skip PhantomData<Among> = PhantomData,
    }
}

kind! {
    /// True positives / (true positives + false positives): the share of positive answers that are right. See [`ShareOfPositives`].
    pub type Precision = ShareOfPositives<Answers>; = "precision"
}
kind! {
    /// True positives / (true positives + false negatives): the share of what is positive that is found. See [`ShareOfPositives`].
    pub type Recall = ShareOfPositives<Truths>; = "recall"
}

/// Of what true positives are a share.
pub trait Among: fmt::Debug + Clone + Copy + Send + Sync + 'static {
    /// What else there is, from the false positives and the false negatives.
    fn others<'g>(false_positives: Tensor<'g>, false_negatives: Tensor<'g>) -> Tensor<'g>;
}

/// Of the positive answers.
#[derive(Debug, Clone, Copy)]
pub struct Answers;

/// Of what is positive.
#[derive(Debug, Clone, Copy)]
pub struct Truths;

impl Among for Answers {
    fn others<'g>(false_positives: Tensor<'g>, _: Tensor<'g>) -> Tensor<'g> {
        false_positives
    }
}

impl Among for Truths {
    fn others<'g>(_: Tensor<'g>, false_negatives: Tensor<'g>) -> Tensor<'g> {
        false_negatives
    }
}

impl<A: Among> Metric for ShareOfPositives<A>
where
    Self: Kind,
{
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let rule = Rule { thresholds: self.thresholds.as_ref(), top_k: self.top_k, class_id: self.class_id };
        let Counts { true_positives, false_positives, false_negatives, .. } =
            Decided::by(rule, self, target, prediction.value, weight).counts();
        vec![true_positives, A::others(false_positives, false_negatives)]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        divide_no_nan(sums[0][0], sums[0][0] + sums[1][0])
    }

    fn per_class(&self, sums: &[Vec<f64>]) -> Option<Vec<f64>> {
        let of = |(tp, others): (&f64, &f64)| divide_no_nan(*tp, tp + others);
        (sums[0].len() > 1).then(|| sums[0].iter().zip(&sums[1]).map(of).collect())
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl<A: Among> Samples<dyn Metric> for ShareOfPositives<A>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(Self::new(), [ty(1), ty(1)]),
            Sample::new(Self::new().thresholds([0.3, 0.6]).class_id(1), [ty(3), ty(3)]),
            Sample::new(Self::new().top_k(2), [Type::new(DType::I32, [batch()]), ty(3)]),
        ]
    }
}
