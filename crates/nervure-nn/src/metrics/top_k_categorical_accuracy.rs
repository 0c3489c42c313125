use std::fmt;
use std::marker::PhantomData;

use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, class_numbers, needs_classes, ratio, weighted_mean};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// The share of rows for which fewer than k classes have a greater output than the right one.
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// use nervure_nn::metrics::*;
    /// let y = arr2(&[[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]);
    /// assert_eq!(SparseTopKCategoricalAccuracy::new().k(2).score(arr1(&[1, 2]), &y, None)?, [0.5]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct TopK[Target][Target] {
        /// Among how many classes of the greatest outputs the right one has to be.
        k: usize = 5,
        target: skip PhantomData<Target> = PhantomData,
    }
}

kind! {
    /// The share of rows for which fewer than k classes have a greater output than the right one, for targets that are one-hot: see [`TopK`].
    pub type TopKCategoricalAccuracy = TopK<OneHot>; = "top_k_categorical_accuracy"
}
kind! {
    /// The share of rows for which fewer than k classes have a greater output than the right one, for targets that are class numbers: see [`TopK`].
    pub type SparseTopKCategoricalAccuracy = TopK<Number>; = "sparse_top_k_categorical_accuracy"
}

/// How a target says its class.
pub trait Class: fmt::Debug + Clone + Copy + Send + Sync + 'static {
    /// The type of a target of `n` classes.
    fn ty(n: usize) -> Type;
}

/// 1 at the class, else 0.
#[derive(Debug, Clone, Copy)]
pub struct OneHot;

/// The class's number.
#[derive(Debug, Clone, Copy)]
pub struct Number;

impl Class for OneHot {
    fn ty(n: usize) -> Type {
        Type::new(DType::F32, [batch(), n.into()])
    }
}

impl Class for Number {
    fn ty(_: usize) -> Type {
        Type::new(DType::I32, [batch()])
    }
}

impl<C: Class> Metric for TopK<C>
where
    Self: Kind,
{
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        needs_classes(self, prediction.value);
        weighted_mean(among_first(self.k, target, prediction.value), weight)
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        ratio(sums)
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

/// 1 where fewer than `k` classes have a greater output than the right one, else 0. An output that is no number is never right.
fn among_first<'g>(k: usize, target: Tensor<'g>, prediction: Tensor<'g>) -> Tensor<'g> {
    let class = class_numbers(target, prediction);
    let own = prediction.gather(class.expand(-1), prediction.rank() - 1);
    let greater = prediction.greater(own).cast(DType::F32).sum(&[-1]);
    let own = own.reshape(class.shape());
    (greater.less(greater.constant(k as f64)) & own.is_finite()).cast(DType::F32)
}

impl<C: Class> Samples<dyn Metric> for TopK<C>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Metric>> {
        vec![Sample::new(Self::new().k(2), [C::ty(4), OneHot::ty(4)])]
    }
}
