use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::losses::{Loss, Prediction, class_numbers, classes};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// (1 − p^q) / q of the right class's probability p: between cross-entropy (q → 0) and the absolute error (q = 1), the less moved by wrong labels the
    /// greater q is (Zhang and Sabuncu 2018, "Generalized cross entropy loss for training deep neural networks with noisy labels").
    ///
    /// Target `[batch, …]` of whole numbers from 0, prediction `[batch, …, classes]`; a number that is no class is an error of the run.
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// use nervure_nn::losses::*;
    /// assert!((CategoricalGeneralizedCrossEntropy::new().values(arr1(&[1]), arr2(&[[0.75, 0.25]]))?[0] - 1.0).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct CategoricalGeneralizedCrossEntropy {
        /// Above 0 and below 1.
        q: f64 = 0.5,
    }
}
kind!(CategoricalGeneralizedCrossEntropy = "categorical_generalized_cross_entropy");

impl Loss for CategoricalGeneralizedCrossEntropy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let y = prediction.value;
        let p = y.gather(target.expand(-1), y.rank() - 1).reshape(target.shape());
        (1.0 - p.pow(p.constant(self.q))) / self.q
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        if !(self.q > 0.0 && self.q < 1.0) {
            return Err(format!("expected a q above 0 and below 1, received {}", self.q));
        }
        classes(prediction).map(|p| class_numbers(&p))
    }
}

impl Samples<dyn Loss> for CategoricalGeneralizedCrossEntropy {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        vec![Sample::new(CategoricalGeneralizedCrossEntropy::new(), [class_numbers(&ty), ty])]
    }
}
