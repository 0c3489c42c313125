//! Regularizers: penalties on weights.

use nervure_graph::Tensor;

use crate::Result;
use crate::word::{Word, family};

family! {
    Regularizer "regularizer" {
        l1: L1;
        l1_l2: L1L2;
        l2: L2;
        orthogonal: OrthogonalRegularizer;
    }
}

pub use orthogonal::Vectors;

/// A penalty that is added to the loss.
pub trait Regularizer: Word {
    /// The penalty on a weight, a scalar.
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g>;

    /// Whether it can judge a weight of this shape.
    ///
    /// # Errors
    /// What it takes instead.
    fn accepts(&self, _shape: &[usize]) -> Result<(), &'static str> {
        Ok(())
    }
}
