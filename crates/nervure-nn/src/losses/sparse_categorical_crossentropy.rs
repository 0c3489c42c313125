use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::Result;
use crate::activations::Link;
use crate::losses::{Loss, Prediction, class_numbers, classes, clipped};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// −ln p of the right class, which the target names by number.
    ///
    /// Target `[batch, …]` of whole numbers from 0, prediction `[batch, …, classes]`; a number that is no class is an error of the run. Where the
    /// prediction is a softmax's, or is said to be logits z, ln p = z − ln Σ eᶻ; elsewhere p is divided by its sum and clipped to
    /// [1e-7, 1 − 1e-7].
    ///
    /// ```
    /// use ndarray::{arr1, arr2};
    /// use nervure_nn::losses::*;
    /// // ln 2.
    /// assert!((SparseCategoricalCrossentropy::new().values(arr1(&[1]), arr2(&[[0.5, 0.5]]))?[0] - 0.6931).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct SparseCategoricalCrossentropy {
        /// Whether the prediction is the logits instead of the probabilities.
        from_logits: bool = false,
        /// A target with which a place does not count, such as −1 or 255 for places without a label.
        ignore_class: just i32,
    }
}
kind!(SparseCategoricalCrossentropy = "sparse_categorical_crossentropy");

impl Loss for SparseCategoricalCrossentropy {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let counts = self.mask(target);
        let class = counts.map_or(target, |c| c.select(target, target.constant(0.0)));
        let of_class = |x: Tensor<'g>| x.gather(class.expand(-1), x.rank() - 1).reshape(class.shape());
        let values = match prediction.logits(self.from_logits, Link::Softmax) {
            Some(z) => z.reduce(Reduction::LogSumExp, &[-1]) - of_class(z),
            None => -clipped(of_class(prediction.value) / prediction.value.sum(&[-1])).log(),
        };
        counts.map_or(values, |c| c.select(values, values.constant(0.0)))
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        classes(prediction).map(|p| class_numbers(&p))
    }

    fn mask<'g>(&self, target: Tensor<'g>) -> Option<Tensor<'g>> {
        self.ignore_class.map(|c| target.not_equal(target.constant(f64::from(c))))
    }
}

impl Samples<dyn Loss> for SparseCategoricalCrossentropy {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let classes = Type::new(DType::F32, [batch(), 3.into()]);
        let long = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(SparseCategoricalCrossentropy::new(), [class_numbers(&classes), classes]),
            Sample::new(
                SparseCategoricalCrossentropy::new().from_logits(true).ignore_class(1),
                [class_numbers(&long), long],
            ),
        ]
    }
}
