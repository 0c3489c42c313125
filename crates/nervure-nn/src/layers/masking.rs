use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Masks steps of which every number is `mask_value`: layers after it leave them out. Their numbers become 0; all else is the identity.
    ///
    /// `[…, n]` → `[…, n]`, with a mask `[…]`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([3, 1]).add(Masking::new().mask_value(-1.0)).add(GlobalAveragePooling1D::new()).build(Seed(1))?;
    /// let y = model.predict(ndarray::arr3(&[[[2.0], [4.0], [-1.0]]]).view())?;
    /// assert_eq!(y.as_f32(), Some(&[3.0][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Masking {
        /// What a step that does not count consists of.
        mask_value: f64 = 0.0,
    }
}
kind!(Masking);

impl Layer for Masking {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.rank() < 2 || x.dtype() != DType::F32 {
            return Err(cx.error(self, "an input f32[batch, …, n]", x.ty()));
        }
        let differs = x.not_equal(x.constant(self.mask_value)).cast(DType::F32);
        let most = differs.reduce(Reduction::Max, &[-1]);
        let mask = most.greater(most.constant(0.0));
        let y = mask.expand(-1).select(x, x.constant(0.0));
        cx.set_mask(y, mask);
        Ok(vec![y])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Masking {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Masking::new(), [Type::new(DType::F32, [batch(), 3.into(), 2.into()])]),
            Sample::new(Masking::new().mask_value(1.5), [Type::new(DType::F32, [batch(), 2.into()])]),
        ]
    }
}
