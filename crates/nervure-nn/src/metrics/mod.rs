//! Metrics: how good a network is.

use nervure_graph::Tensor;

use crate::word::{Word, family};

family! {
    Metric "metric" {
        accuracy: Accuracy;
    }
}

/// A metric that is gathered batch by batch: sums, written in primitives, and a number from them.
///
/// The sums over batches are kept in `f64` by the caller, so that they stay exact for any number of rows.
pub trait Metric: Word {
    /// The key under which it is reported.
    fn name(&self) -> String {
        self.kind().into()
    }

    /// What a batch adds to the sums: `weight` (of the target's rows) counts each row, 1 where there is none.
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Tensor<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>>;

    /// The number from the sums, in the order of [`Metric::lower`].
    fn result(&self, sums: &[Vec<f64>]) -> f64;
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
