use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L1L2;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x, and adds to the loss (l1 · Σ|x| + l2 · Σx²) / rows of the batch. Any shape.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8]).add(Dense::new(3)).add(ActivityRegularization::new().l1(0.01)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 8 * 3 + 3);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct ActivityRegularization {
        /// The factor of Σ|x|.
        l1: f64 = 0.0,
        /// The factor of Σx².
        l2: f64 = 0.0,
    }
}
kind!(ActivityRegularization);

impl Layer for ActivityRegularization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        cx.regularize(&L1L2::new(self.l1, self.l2), inputs[0]);
        Ok(vec![inputs[0]])
    }
}

impl Samples<dyn Layer> for ActivityRegularization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(ActivityRegularization::new().l1(0.1), [x.clone()]),
            Sample::new(ActivityRegularization::new().l2(0.1), [x]),
        ]
    }
}
