use nervure_graph::{DType, Tensor, Type};

use crate::losses::Prediction;
use crate::metrics::{Direction, Metric, class_numbers, spread};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The mean over classes of the share of their rows that are taken for what they are, so that a rare class counts as much as a frequent one (Brodersen et al.
    /// 2010, "The balanced accuracy and its posterior distribution"). A class that no target has does not count.
    ///
    /// Target `[batch, …]` of class numbers, or one-hot, and prediction `[batch, …, classes]`, of which the greatest is the answer; for one output, targets of 0 and 1, and an answer by
    /// a threshold of 0.5.
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// use nervure_nn::metrics::*;
    /// let y = arr2(&[[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.3, 0.7]]);
    /// // (2/3 + 1) / 2.
    /// assert!((BalancedAccuracy.score(arr1(&[0, 0, 0, 1]), &y, None)?[0] - 5.0 / 6.0).abs() < 1e-9);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct BalancedAccuracy;
}
kind!(BalancedAccuracy = "balanced_accuracy");

impl Metric for BalancedAccuracy {
    fn lower<'g>(
        &self,
        target: Tensor<'g>,
        prediction: Prediction<'g>,
        weight: Option<Tensor<'g>>,
    ) -> Vec<Tensor<'g>> {
        let p = prediction.value;
        let one = p.dim(-1).is(1);
        let (class, said) = if one {
            let flat = |x: Tensor<'g>| {
                let mut shape = p.shape();
                shape.pop();
                x.cast(DType::I32).reshape(shape)
            };
            (flat(target), flat(p.greater(p.constant(0.5))))
        } else {
            (class_numbers(target, p), p.argmax(-1))
        };
        let own = class.one_hot(if one { 2.into() } else { p.dim(-1) });
        let weight = weight.map_or_else(|| own.ones_like(), |w| spread(w, own));
        let right = class.equal(said).cast(DType::F32).expand(-1);
        let places: Vec<isize> = (0..own.rank() as isize - 1).collect();
        vec![(own * weight * right).sum(&places), (own * weight).sum(&places)]
    }

    fn result(&self, sums: &[Vec<f64>]) -> f64 {
        let there = sums[0].iter().zip(&sums[1]).filter(|(_, rows)| **rows > 0.0);
        let shares: Vec<f64> = there.map(|(right, rows)| right / rows).collect();
        shares.iter().sum::<f64>() / shares.len() as f64
    }

    fn direction(&self) -> Option<Direction> {
        Some(Direction::Up)
    }
}

impl Samples<dyn Metric> for BalancedAccuracy {
    fn samples() -> Vec<Sample<dyn Metric>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(BalancedAccuracy, [ty(1), ty(1)]),
            Sample::new(BalancedAccuracy, [ty(3), ty(3)]),
            Sample::new(BalancedAccuracy, [Type::new(DType::I32, [batch()]), ty(3)]),
        ]
    }
}
