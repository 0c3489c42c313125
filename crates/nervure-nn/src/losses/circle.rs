use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::Result;
use crate::losses::{Loss, Prediction, class_numbers, numbers};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// ln(1 + Σₚ exp(γ (m + dₚ)₊ (dₚ − m)) · Σₙ exp(γ (1 + m − dₙ)₊ (1 − m − dₙ))) of each row, with d = max(1 − y · y′, 0) to the rows p of the batch that have its class,
    /// and to the rows n that have another (Sun et al. 2020, "Circle loss: a unified perspective of pair similarity optimization").
    ///
    /// Target `[batch]` of class numbers, prediction `[batch, n]` of vectors of length 1 (a layer `UnitNormalization` makes them). A row without a second one of its
    /// class, or without one of another, does not count.
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// use nervure_nn::losses::*;
    /// // Each row lies on that of its class, and at a right angle to the others.
    /// let y = arr2(&[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]);
    /// assert!(Circle::new().values(arr1(&[0, 0, 1, 1]), y)?.iter().all(|loss| *loss < 1e-6));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct Circle {
        /// The scale γ, above 0.
        gamma: f64 = 80.0,
        /// The margin m.
        margin: f64 = 0.4,
        /// Whether a row is no pair with itself.
        remove_diagonal: bool = true,
    }
}
kind!(Circle = "circle");

/// Stands for −∞ in sums of exponentials, so that no gradient becomes ∞ − ∞.
const NOTHING: f64 = -1e30;

impl Loss for Circle {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let (y, m) = (prediction.value, self.margin);
        let [same, other] = self.pairs(target);
        let above = |x: Tensor<'g>| x.max(x.constant(0.0));
        let d = above(1.0 - y.matmul_with(y, false, true));
        let sum = |of: Tensor<'g>, x: Tensor<'g>| {
            of.select(x * self.gamma, x.constant(NOTHING)).reduce(Reduction::LogSumExp, &[1])
        };
        (sum(same, above(d + m) * (d - m)) + sum(other, above(1.0 + m - d) * (1.0 - m - d))).softplus()
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        if !(self.gamma > 0.0 && self.gamma.is_finite() && self.margin.is_finite()) {
            return Err(format!("expected a gamma above 0 and a margin, received {} and {}", self.gamma, self.margin));
        }
        if prediction.rank() != 2 {
            return Err(format!("expected an output f32[batch, n], received {prediction}"));
        }
        numbers(prediction).map(|p| class_numbers(&p))
    }

    fn mask<'g>(&self, target: Tensor<'g>) -> Option<Tensor<'g>> {
        let any = |pairs: Tensor<'g>| pairs.cast(DType::I32).sum(&[1]).greater(target.constant(0.0));
        let [same, other] = self.pairs(target).map(any);
        Some(same & other)
    }
}

impl Circle {
    /// Which rows of the batch have the class of each row, and which another.
    fn pairs<'g>(&self, target: Tensor<'g>) -> [Tensor<'g>; 2] {
        let equal = target.expand(-1).equal(target.expand(0));
        let row = |axis| target.builder().iota(DType::I32, equal.shape(), axis);
        let same = if self.remove_diagonal { equal & row(0).not_equal(row(1)) } else { equal };
        [same, !equal]
    }
}

impl Samples<dyn Loss> for Circle {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        vec![
            Sample::new(Circle::new().gamma(2.0), [class_numbers(&ty), ty.clone()]),
            Sample::new(Circle::new().gamma(4.0).margin(0.2).remove_diagonal(false), [class_numbers(&ty), ty]),
        ]
    }
}
