//! Regularizers: penalties on weights.

use nervure_graph::Tensor;

use crate::word::{Word, family};

family! {
    Regularizer "regularizer" {
        l1: L1;
        l1_l2: L1L2;
        l2: L2;
    }
}

/// A penalty that is added to the loss.
pub trait Regularizer: Word {
    /// The penalty on a weight, a scalar.
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g>;
}
