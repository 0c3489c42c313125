//! Losses: what training makes small.

use nervure_graph::{DType, Dim, Shape, Tensor, Type};

use crate::Result;
use crate::activations::Link;
use crate::word::{Word, family};

family! {
    Loss "loss" {
        binary_crossentropy: BinaryCrossentropy;
    }
}

/// A loss: one number for each row (and for each place within it), from a target and a prediction.
///
/// A batch's loss is Σ weight · value / number of values, as in Keras (`sum_over_batch_size`).
pub trait Loss: Word {
    /// The values, of the prediction's shape without its last axis.
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g>;

    /// The type of target that goes with a prediction of this type.
    ///
    /// # Errors
    /// If there is none: expected and received, in a sentence.
    fn target(&self, prediction: &Type) -> Result<Type, String> {
        Ok(prediction.clone())
    }
}

/// What a network says, as losses see it.
#[derive(Debug, Clone, Copy)]
pub struct Prediction<'g> {
    /// The output.
    pub value: Tensor<'g>,
    /// What a sigmoid or softmax made it from, if one did.
    pub link: Option<(Link, Tensor<'g>)>,
}

impl<'g> Prediction<'g> {
    /// The logits behind the output: itself where `from_logits` says so, else what its activation of this kind was applied to.
    pub fn logits(&self, from_logits: bool, link: Link) -> Option<Tensor<'g>> {
        if from_logits {
            return Some(self.value);
        }
        self.link.filter(|l| l.0 == link).map(|l| l.1)
    }

    /// The output, kept within [1e-7, 1 − 1e-7]: Keras's guard of logarithms.
    pub fn clipped(&self) -> Tensor<'g> {
        self.value.clamp(1e-7, 1.0 - 1e-7)
    }
}

/// The shape of class numbers for a prediction of class probabilities: without the last axis.
pub(crate) fn class_numbers(prediction: &Type) -> Type {
    let shape: &[Dim] = &prediction.shape;
    Type::new(DType::I32, shape.split_last().map_or(Shape::new(), |(_, rest)| rest.to_vec()))
}
