//! Layers: plain data, each with a `lower` written in primitives.

use nervure_graph::Tensor;

use crate::Result;
use crate::lower::Lower;
use crate::network::{Expr, Inputs, Instance};
use crate::word::{Object, Word, family};

mod attend;
mod axes;
mod recurrent;
mod window;

pub use axes::{Axes, Numbers};
pub use conv::Conv;
pub use pooling::{GlobalPooling, Pooling};
pub use window::{Extent, Padding};

family! {
    Layer "layer" {
        activation: Activation;
        batch_normalization: BatchNormalization;
        concatenate: Concatenate;
        conv: Conv1D, Conv2D, Conv3D;
        dense: Dense;
        dropout: Dropout;
        embedding: Embedding;
        flatten: Flatten;
        gru: GRU;
        layer_normalization: LayerNormalization;
        lstm: LSTM;
        merge: Add, Average, Maximum, Minimum, Multiply, Subtract;
        multi_head_attention: MultiHeadAttention;
        normalization: Normalization;
        permute: Permute;
        pooling: AveragePooling1D, AveragePooling2D, AveragePooling3D,
            GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
            GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
            MaxPooling1D, MaxPooling2D, MaxPooling3D;
        rescaling: Rescaling;
        reshape: Reshape;
    }
}

/// A layer: a description, whose weights live outside, keyed by path.
///
/// A layer of a program's own is plain data with a name and a `lower`; files that hold it can be read once the registry has it:
///
/// ```
/// use nervure_nn::word::{Entry, Family};
/// use nervure_nn::{Kind, Layer, Lower, Result, Tensor, Weight, initializers::Zeros};
/// use serde::{Deserialize, Serialize};
///
/// /// y = x · eˢ, s a learnt scale for each column.
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct ExpScale;
///
/// impl Kind for ExpScale {
///     const KIND: &'static str = "ExpScale";
/// }
///
/// impl Layer for ExpScale {
///     fn lower<'g>(&self, cx: &mut Lower<'g>, x: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
///         let columns = cx.fixed(self, x[0], -1)?;
///         let scale = cx.weight(Weight::new("scale", [columns], Zeros));
///         Ok(vec![x[0] * scale.exp()])
///     }
/// }
///
/// <dyn Layer as Family>::registry().add(Entry::of::<ExpScale>());
/// ```
pub trait Layer: Word {
    /// Writes the layer into the graph: inputs → outputs. No gradient, no shape rule, no kernel: those follow.
    ///
    /// # Errors
    /// [`Lower::error`] for inputs that the layer does not take. What a primitive refuses is reported with the layer's path by itself.
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>>;

    /// How many inputs it takes: none for any number.
    fn arity(&self) -> Option<usize> {
        Some(1)
    }

    /// Whether the mask of its input goes on to its outputs.
    fn passes_mask(&self) -> bool {
        true
    }

    /// The layer under a name of its own, instead of one made from its kind.
    #[track_caller]
    fn named(self, name: &str) -> Instance
    where
        Self: Sized,
    {
        Instance::from(self).named(name)
    }

    /// The layer with weights that training leaves alone.
    #[track_caller]
    fn frozen(self) -> Instance
    where
        Self: Sized,
    {
        Instance::from(self).frozen()
    }

    /// The layer applied to expressions.
    #[track_caller]
    fn on<'a>(self, inputs: impl Into<Inputs<'a>>) -> Expr
    where
        Self: Sized,
    {
        Instance::from(self).on(inputs)
    }
}

impl Object<dyn Layer> {
    /// The layer as part of a network.
    #[track_caller]
    pub fn instance(self) -> Instance {
        Instance::from_object(self)
    }
}
