use nervure_graph::{DType, Tensor, Type};

use crate::activations::Activation;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// yᵢ = max(xᵢ − τ, 0), where τ is such that Σy = 1 over `axis`: the nearest point of the simplex (Martins and Astudillo 2016, "From softmax to
    /// sparsemax").
    ///
    /// Keras 3.15 computes another τ, with which y does not add up to 1; this is the paper's.
    ///
    /// With z the elements of x in descending order, τ = (Σ zⱼ − 1) / k over the k first, k the greatest with 1 + k zₖ > z₁ + … + zₖ.
    pub value Sparsemax {
        /// The axis over which y sums to 1.
        axis: isize = -1,
    }
}
kind!(Sparsemax = "sparsemax");

impl Activation for Sparsemax {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let last = x.rank().saturating_sub(1);
        let mut swapped: Vec<usize> = (0..=last).collect();
        swapped.swap(x.axis(self.axis), last);
        let x = x.transpose(&swapped);
        let places = x.stop_gradient().argsort(true);
        let sorted = x.gather(places, last);
        let n = x.dim(-1);
        let counted = |axis| x.builder().iota(DType::F32, [n.clone(), n.clone()], axis);
        let sums = sorted.matmul(counted(0).less_equal(counted(1)).cast(DType::F32));
        let rank = x.builder().iota(DType::F32, [n.clone()], 0) + 1.0;
        // Not `greater`: NaN anywhere supports everything, so that all becomes NaN.
        let supports = !(1.0 + rank * sorted).less_equal(sums);
        let sum = supports.select(sorted, x.constant(0.0)).sum(&[-1]);
        let threshold = (sum - 1.0) / supports.cast(DType::F32).sum(&[-1]);
        let above = x - threshold.keep_axes(x, &[-1]);
        above.less_equal(x.constant(0.0)).select(x.constant(0.0), above).transpose(&swapped)
    }
}

impl Samples<dyn Activation> for Sparsemax {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![
            Sample::new(Sparsemax, []),
            Sample::new(Sparsemax.axis(1), [Type::new(DType::F32, [batch(), 4.into(), 3.into()])]),
        ]
    }
}
