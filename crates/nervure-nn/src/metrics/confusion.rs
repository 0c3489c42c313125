use nervure_graph::{DType, Tensor, Type};

use crate::layers::Numbers;
use crate::losses::Prediction;
use crate::metrics::counts::{Decided, Rule};
use crate::metrics::{Direction, Metric};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

/// The four counts of answers, as metrics.
macro_rules! counts {
    ($($(#[doc = $doc:literal])* $word:ident = $name:literal, $field:ident $direction:ident;)*) => {$(
        settings! {
            $(#[doc = $doc])*
            ///
            /// Of all outputs together, `[batch, …, n]`; rows with a weight count as so many. With several thresholds there is a number of each,
            /// reported with `_0`, `_1`, … at the end.
            pub struct $word {
                /// What an output has to exceed to count as positive, one or several: 0.5 where none is given.
                thresholds: some Numbers,
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
                let rule = Rule { thresholds: self.thresholds.as_ref(), ..Rule::default() };
                vec![Decided::by(rule, self, target, prediction.value, weight).counts().$field]
            }

            fn result(&self, sums: &[Vec<f64>]) -> f64 {
                sums[0][0]
            }

            fn per_class(&self, sums: &[Vec<f64>]) -> Option<Vec<f64>> {
                (sums[0].len() > 1).then(|| sums[0].clone())
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::$direction)
            }
        }

        impl Samples<dyn Metric> for $word {
            fn samples() -> Vec<Sample<dyn Metric>> {
                let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
                vec![
                    Sample::new($word::new(), [ty(1), ty(1)]),
                    Sample::new($word::new().thresholds([0.3, 0.6]), [Type::new(DType::I32, [batch()]), ty(3)]),
                ]
            }
        }
    )*};
}

counts! {
    /// How many outputs exceed the threshold whose target is 1.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(TruePositives::new().score(&t, &y, None)?, [1.0]);
    /// assert_eq!(TruePositives::new().thresholds([0.2, 0.95]).score(&t, &y, None)?, [2.0, 0.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    TruePositives = "true_positives", true_positives Up;
    /// How many outputs exceed the threshold whose target is 0.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(FalsePositives::new().score(&t, &y, None)?, [1.0]);
    /// assert_eq!(FalsePositives::new().thresholds([0.05, 0.7]).score(&t, &y, None)?, [2.0, 0.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    FalsePositives = "false_positives", false_positives Down;
    /// How many outputs do not exceed the threshold whose target is 0.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(TrueNegatives::new().score(&t, &y, None)?, [1.0]);
    /// assert_eq!(TrueNegatives::new().thresholds([0.05, 0.7]).score(&t, &y, None)?, [0.0, 2.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    TrueNegatives = "true_negatives", true_negatives Up;
    /// How many outputs do not exceed the threshold whose target is 1.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// let (t, y) = (arr2(&[[1.0], [1.0], [0.0], [0.0]]), arr2(&[[0.9], [0.3], [0.6], [0.1]]));
    /// assert_eq!(FalseNegatives::new().score(&t, &y, None)?, [1.0]);
    /// assert_eq!(FalseNegatives::new().thresholds([0.2, 0.95]).score(&t, &y, None)?, [0.0, 2.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    FalseNegatives = "false_negatives", false_negatives Down;
}
