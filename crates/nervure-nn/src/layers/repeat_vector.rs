use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Each row `n` times: `[batch, features]` → `[batch, n, features]`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8]).add(RepeatVector::new(3)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 3, 8]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct RepeatVector {
        /// How often.
        n: usize,
    }
}
kind!(RepeatVector);

impl Layer for RepeatVector {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.rank() != 2 {
            return Err(cx.error(self, "an input [batch, features]", x.ty()));
        }
        if self.n == 0 {
            return Err(cx.error(self, "n of at least 1", self.n));
        }
        Ok(vec![x.expand(1).broadcast_to([x.dim(0), self.n.into(), x.dim(1)])])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for RepeatVector {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(RepeatVector::new(3), [Type::new(DType::F32, [batch(), 2.into()])])]
    }
}
