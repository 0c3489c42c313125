use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Σₖ tₖ ln(tₖ / yₖ) over the last axis (Kullback and Leibler 1951, "On information and sufficiency"). Target and prediction `[batch, …, classes]`,
    /// distributions; both are kept within [10⁻⁷, 1].
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // (ln 2 + ln 2/3) / 2.
    /// assert!((KLDivergence.values(arr2(&[[0.5, 0.5]]), arr2(&[[0.25, 0.75]]))?[0] - 0.1438).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct KLDivergence;
}
kind!(KLDivergence = "kl_divergence" | "kld" | "kullback_leibler_divergence");

impl Loss for KLDivergence {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let kept = |p: Tensor<'g>| p.clamp(1e-7, 1.0);
        let (t, y) = (kept(target), kept(prediction.value));
        (t * (t / y).log()).sum(&[-1])
    }
}

impl Samples<dyn Loss> for KLDivergence {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        vec![Sample::new(KLDivergence, [ty.clone(), ty])]
    }
}
