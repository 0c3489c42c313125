use nervure_graph::{DType, Tensor, Type};

use crate::losses::{Loss, Prediction};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y − t ln(y + 10⁻⁷), mean over the last axis: −ln of the probability of t under Poisson's law of mean y, but for what y has no part in. Target and
    /// prediction `[batch, …, n]`, neither below 0.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert!((Poisson.values(arr2(&[[2.0]]), arr2(&[[1.0]]))?[0] - 1.0).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Poisson;
}
kind!(Poisson = "poisson");

impl Loss for Poisson {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let y = prediction.value;
        (y - target * (y + 1e-7).log()).mean(&[-1])
    }
}

impl Samples<dyn Loss> for Poisson {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into()]);
        vec![Sample::new(Poisson, [ty.clone(), ty])]
    }
}
