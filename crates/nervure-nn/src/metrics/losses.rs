//! Losses as metrics: the weighted mean of their values.

use nervure_graph::Tensor;

use crate::losses;
use crate::losses::{Loss, Prediction};
use crate::metrics::{Direction, Metric, ratio, spread, weighted_mean};
use crate::word::{Sample, Samples};
use nervure_graph::DType;

macro_rules! metrics {
    ($($loss:ident),*) => {$(
        pub use losses::$loss;

        impl Metric for $loss {
            fn lower<'g>(
                &self,
                target: Tensor<'g>,
                prediction: Prediction<'g>,
                weight: Option<Tensor<'g>>,
            ) -> Vec<Tensor<'g>> {
                lower(self, target, prediction, weight)
            }

            fn result(&self, sums: &[Vec<f64>]) -> f64 {
                ratio(sums)
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Down)
            }
        }

        impl Samples<dyn Metric> for $loss {
            fn samples() -> Vec<Sample<dyn Metric>> {
                let own = <$loss as Samples<dyn Loss>>::samples().into_iter();
                own.filter_map(|s| Some(Sample::new(*s.word.as_any().downcast_ref::<$loss>()?, s.inputs))).collect()
            }
        }
    )*};
}
metrics!(
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge
);

fn lower<'g>(
    loss: &dyn Loss,
    target: Tensor<'g>,
    prediction: Prediction<'g>,
    weight: Option<Tensor<'g>>,
) -> Vec<Tensor<'g>> {
    let expected = loss.target(&prediction.value.ty());
    match expected {
        Ok(ty) if ty == target.ty() => {}
        Ok(ty) => target.builder().fail(loss.kind(), format!("a target {ty}"), target.ty()),
        Err(reason) => target.builder().fail(loss.kind(), "an output that fits", reason),
    }
    let values = loss.lower(target, prediction);
    let counts = loss.mask(target).map(|m| m.cast(DType::F32));
    let weight = match (weight, counts) {
        (Some(w), Some(c)) => Some(spread(w, c) * c),
        (w, c) => w.or(c),
    };
    weighted_mean(values, weight)
}
