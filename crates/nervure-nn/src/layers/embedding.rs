use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::RandomUniform;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// A learnt vector for each whole number: row x of the table `embeddings`.
    ///
    /// `[batch, …]` → `[batch, …, output_dim]`. Weight: `embeddings [input_dim, output_dim]`. Numbers are 0 … input_dim − 1, another one is an error of
    /// the run; floats are cut to whole numbers. With `mask_zero`, 0 stands for nothing: what follows is masked there.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let words = input_of("words", DType::I32, [12]);
    /// let mean = GlobalAveragePooling1D::new().on(&Embedding::new(1000, 16).mask_zero(true).on(&words));
    /// let model = Model::new(&words, &Dense::new(1).on(&mean)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 1000 * 16 + 16 + 1);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Embedding {
        /// How many whole numbers there are, from 0.
        input_dim: usize,
        /// Numbers of a vector.
        output_dim: usize,
        /// the vectors
        embeddings: weight RandomUniform,
        /// Whether 0 is masked.
        mask_zero: bool = false,
    }
}
kind!(Embedding);

impl Layer for Embedding {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.dtype() == DType::Bool {
            return Err(cx.error(self, "whole numbers", x.ty()));
        }
        let embeddings = cx.weight(self.embeddings.weight("embeddings", [self.input_dim, self.output_dim]));
        let y = embeddings.gather(if x.dtype().is_index() { x } else { x.cast(DType::I32) }, 0);
        if self.mask_zero {
            cx.set_mask(y, x.not_equal(x.constant(0.0)));
        }
        Ok(vec![y])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Embedding {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Embedding::new(5, 3), [Type::new(DType::I32, [batch(), 4.into()])]),
            Sample::new(
                Embedding::new(4, 2).mask_zero(true).embeddings_regularizer(L2::new(0.1)),
                [Type::new(DType::I64, [batch(), 3.into()])],
            ),
            Sample::new(Embedding::new(256, 1), [Type::new(DType::U8, [batch()])]),
        ]
    }
}
