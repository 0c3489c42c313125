use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Prediction, cosine};
use crate::metrics::{Direction, Metric, ratio, weighted_mean};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, Word, kind};

/// Means of a number that says how alike target and prediction are along an axis.
macro_rules! metrics {
    ($($(#[doc = $doc:literal])* $word:ident = $name:literal, $of:expr;)*) => {$(
        settings! {
            $(#[doc = $doc])*
            ///
            /// Target and prediction `[batch, …, n]`; the mean over rows of the number of each, Keras's rule.
            #[derive(Copy)]
            pub struct $word {
                /// The axis along which they are compared, not that of the batch.
                axis: isize = -1,
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
                let y = prediction.value;
                if !fits(self, self.axis, target, y) {
                    return vec![y.sum_all(), y.sum_all()];
                }
                weighted_mean($of(target, y, self.axis), weight)
            }

            fn result(&self, sums: &[Vec<f64>]) -> f64 {
                ratio(sums)
            }

            fn direction(&self) -> Option<Direction> {
                Some(Direction::Up)
            }
        }

        impl Samples<dyn Metric> for $word {
            fn samples() -> Vec<Sample<dyn Metric>> {
                let ty = Type::new(DType::F32, [batch(), 3.into()]);
                let long = Type::new(DType::F32, [batch(), 4.into(), 2.into()]);
                vec![
                    Sample::new($word::new(), [ty.clone(), ty]),
                    Sample::new($word::new().axis(1), [long.clone(), long]),
                ]
            }
        }
    )*};
}

metrics! {
    /// Σ t y / (‖t‖ ‖y‖): 1 where target and prediction point the same way, −1 where they are opposed, 0 where one of them is 0.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// assert!((CosineSimilarity::new().score(arr2(&[[3.0, 4.0]]), arr2(&[[4.0, 3.0]]), None)?[0] - 0.96).abs() < 1e-6);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    CosineSimilarity = "cosine_similarity", cosine;
    /// Pearson's correlation: the cosine of what target and prediction are beside their means. NaN where one of them is constant, so also where there is one output.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// assert!((PearsonCorrelation::new().score(arr2(&[[1.0, 2.0, 3.0]]), arr2(&[[2.0, 4.0, 6.0]]), None)?[0] - 1.0).abs() < 1e-6);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    PearsonCorrelation = "pearson_correlation", pearson;
    /// The concordance 2 Cov(t, y) / (Var t + Var y + (mean t − mean y)² + 10⁻⁷): correlation, less what scale and shift are off (Lin 1989, "A concordance
    /// correlation coefficient to evaluate reproducibility").
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::metrics::*;
    /// // 2 · 2/3 / (2/3 + 2/3 + 1).
    /// assert!((ConcordanceCorrelation::new().score(arr2(&[[1.0, 2.0, 3.0]]), arr2(&[[2.0, 3.0, 4.0]]), None)?[0] - 4.0 / 7.0).abs() < 1e-6);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    ConcordanceCorrelation = "concordance_correlation", concordance;
}

fn pearson<'g>(t: Tensor<'g>, y: Tensor<'g>, axis: isize) -> Tensor<'g> {
    let (t, y) = (centered(t, axis), centered(y, axis));
    let mean = |x: Tensor<'g>| x.mean(&[axis]);
    mean(t * y) / (mean(t.square()) * mean(y.square())).sqrt()
}

fn concordance<'g>(t: Tensor<'g>, y: Tensor<'g>, axis: isize) -> Tensor<'g> {
    let mean = |x: Tensor<'g>| x.mean(&[axis]);
    let shift = (mean(t) - mean(y)).square();
    let (t, y) = (centered(t, axis), centered(y, axis));
    mean(t * y) * 2.0 / (mean(t.square()) + mean(y.square()) + shift + 1e-7)
}

/// x less its mean along an axis.
fn centered(x: Tensor<'_>, axis: isize) -> Tensor<'_> {
    x - x.mean(&[axis]).keep_axes(x, &[axis])
}

/// Whether target and prediction have the axis, behind the batch, and the same shape; if not, says so.
fn fits(metric: &dyn Word, axis: isize, target: Tensor<'_>, y: Tensor<'_>) -> bool {
    let rank = y.rank() as isize;
    let fits = axis != 0 && (1 - rank..rank).contains(&axis) && target.ty() == y.ty();
    if !fits {
        let expected = format!("a target and an output f32[batch, …] with an axis {axis} behind the batch");
        y.builder().fail(metric.kind(), expected, format!("{} and {}", target.ty(), y.ty()));
    }
    fits
}
