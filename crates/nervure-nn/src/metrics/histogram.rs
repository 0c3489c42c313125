//! The weight of positive and of negative targets by the number of thresholds that outputs exceed.

use nervure_graph::{DType, Dim, Tensor};

use crate::metrics::{one_hot, spread};

/// How many of these thresholds, ascending, each output exceeds.
pub(super) fn exceeded<'g>(p: Tensor<'g>, thresholds: &[f64]) -> Tensor<'g> {
    let thresholds = p.builder().floats(&[thresholds.len()], thresholds);
    p.expand(-1).greater(thresholds).cast(DType::I32).sum(&[-1])
}

/// How many of 0, 1/(k − 1), 2/(k − 1), …, 1 each output exceeds, k being at least 2.
pub(super) fn exceeded_evenly(p: Tensor<'_>, k: usize) -> Tensor<'_> {
    (p * (k - 1) as f64).ceil().clamp(0.0, (k - 1) as f64).cast(DType::I32)
}

/// The weight of targets that are 1 and of those that are 0 in each of `places`, of which `place` names one for each output: of all outputs together, or `apart`
/// for each on the last axis, one after the other.
pub(super) fn histograms<'g>(
    place: Tensor<'g>,
    places: usize,
    apart: bool,
    target: Tensor<'g>,
    p: Tensor<'g>,
    weight: Tensor<'g>,
) -> Vec<Tensor<'g>> {
    let columns = p.dim(-1).as_const().filter(|_| apart).unwrap_or(1);
    let place = if apart {
        place + p.builder().iota(DType::I32, p.shape(), p.rank() - 1) * places as f64
    } else {
        place
    };
    let t = one_hot(target, p);
    // No place holds what is no number: it makes what comes of the sums none either.
    let weight = weight + p * 0.0;
    let all = p.shape().iter().fold(Dim::from(1), |n, d| n * d);
    let flat = place.reshape([all.clone()]);
    let sums = |w: Tensor<'g>| flat.scatter_add(w.reshape([all.clone()]), 0, columns * places);
    vec![sums(weight * t), sums(weight * (1.0 - t))]
}

/// The weight of each output.
pub(super) fn weights<'g>(weight: Option<Tensor<'g>>, p: Tensor<'g>) -> Tensor<'g> {
    weight.map_or_else(|| p.ones_like(), |w| spread(w, p))
}

/// From what is in each place, what is in it and in all that follow.
pub(super) fn from_each(places: &[f64]) -> Vec<f64> {
    let mut sums = places.to_vec();
    for i in (1..sums.len()).rev() {
        sums[i - 1] += sums[i];
    }
    sums
}
