//! Activations: elementwise functions, and softmax.

use nervure_graph::Tensor;

use crate::word::{Word, family};

family! {
    Activation "activation" {
        linear: Linear;
        relu: Relu;
        sigmoid: Sigmoid;
        softmax: Softmax;
    }
}

/// An activation: a function of a layer's sums.
pub trait Activation: Word {
    /// Writes it into the graph. The shape stays.
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g>;

    /// How its result relates to logits, so that cross-entropies can be computed from these: the more exact way.
    fn link(&self) -> Option<Link> {
        None
    }
}

/// How probabilities come from logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// p = 1 / (1 + e⁻ᶻ).
    Sigmoid,
    /// pᵢ = eᶻⁱ / Σ eᶻ over the last axis.
    Softmax,
}
