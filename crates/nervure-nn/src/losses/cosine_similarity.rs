use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::losses::{Loss, Prediction, numbers};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// −Σ t y / (‖t‖ ‖y‖) along `axis`: −1 where target and prediction point the same way, 1 where they are opposed, 0 where one of them is 0.
    ///
    /// Target and prediction `[batch, …, n]`; norms below 10⁻⁷ count as that. The values have no `axis`.
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// assert!((CosineSimilarity::new().values(arr2(&[[3.0, 4.0]]), arr2(&[[4.0, 3.0]]))?[0] + 0.96).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    #[derive(Copy)]
    pub struct CosineSimilarity {
        /// The axis of the vectors, not that of the batch.
        axis: isize = -1,
    }
}
kind!(CosineSimilarity = "cosine_similarity");

impl Loss for CosineSimilarity {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        -cosine(target, prediction.value, self.axis)
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        let ty = numbers(prediction)?;
        let rank = ty.rank() as isize;
        if self.axis == 0 || !(1 - rank..rank).contains(&self.axis) {
            return Err(format!("expected an axis behind the batch, received {} of {ty}", self.axis));
        }
        Ok(ty)
    }
}

/// Σ t y / (‖t‖ ‖y‖) along an axis.
pub(crate) fn cosine<'g>(t: Tensor<'g>, y: Tensor<'g>, axis: isize) -> Tensor<'g> {
    let unit = |x: Tensor<'g>| {
        let square = x.square().sum(&[axis]).keep_axes(x, &[axis]);
        x * square.max(square.constant(1e-14)).rsqrt()
    };
    (unit(t) * unit(y)).sum(&[axis])
}

impl Samples<dyn Loss> for CosineSimilarity {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 3.into()]);
        let long = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(CosineSimilarity::new(), [ty.clone(), ty]),
            Sample::new(CosineSimilarity::new().axis(1), [long.clone(), long]),
        ]
    }
}
