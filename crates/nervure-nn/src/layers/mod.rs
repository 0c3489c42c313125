//! Layers: plain data, each with a `lower` written in primitives.

use nervure_graph::Tensor;

use crate::Result;
use crate::host::HostLayer;
use crate::lower::Lower;
use crate::network::{Expr, Inputs, Instance};
use crate::regularizers::Regularizer;
use crate::word::{Object, Word, family};

mod attend;
mod axes;
mod cell;
mod encode;
mod hash;
mod heads;
mod lookup;
mod recurrent;
mod resample;
mod window;

pub use adaptive_pooling::AdaptivePooling;
pub use attention::ScoreMode;
pub use axes::{Axes, Numbers, Sizes};
pub use bidirectional::MergeMode;
pub use cell::{Cell, CellWeights, apply_cell};
pub use conv::Conv;
pub use conv_transpose::ConvTranspose;
pub use cropping::Cropping;
pub use depthwise_conv::DepthwiseConv;
pub use encode::OutputMode;
pub use hash::Salt;
pub use hashing::MaskValue;
pub use integer_lookup::OovMethod;
pub use lookup::Vocabulary;
pub use pooling::{GlobalPooling, Pooling};
pub use random_affine::FillMode;
pub use random_image::FlipMode;
pub use resample::Interpolation;
pub use separable_conv::SeparableConv;
pub use spatial_dropout::SpatialDropout;
pub use stft_spectrogram::Spectrum;
pub use text_vectorization::{Ngrams, Split, Standardize};
pub use up_sampling::UpSampling;
pub use window::{Around, Extent, Padding};
pub use zero_padding::ZeroPadding;

family! {
    Layer "layer" {
        activation: Activation;
        activity_regularization: ActivityRegularization;
        adaptive_pooling: AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D,
            AdaptiveMaxPooling1D, AdaptiveMaxPooling2D, AdaptiveMaxPooling3D;
        additive_attention: AdditiveAttention;
        alpha_dropout: AlphaDropout;
        attention: Attention;
        batch_normalization: BatchNormalization;
        bidirectional: Bidirectional;
        category_encoding: CategoryEncoding;
        concatenate: Concatenate;
        conv: Conv1D, Conv2D, Conv3D;
        conv_transpose: Conv1DTranspose, Conv2DTranspose, Conv3DTranspose;
        cropping: Cropping1D, Cropping2D, Cropping3D;
        dense: Dense;
        depthwise_conv: DepthwiseConv1D, DepthwiseConv2D;
        discretization: Discretization;
        dot: Dot;
        dropout: Dropout;
        einsum_dense: EinsumDense;
        embedding: Embedding;
        flatten: Flatten;
        functional: Functional;
        gaussian: GaussianDropout, GaussianNoise;
        group_normalization: GroupNormalization;
        group_query_attention: GroupQueryAttention;
        gru: GRU, GRUCell;
        hashing: Hashing;
        identity: Identity;
        integer_lookup: IntegerLookup;
        layer_normalization: LayerNormalization;
        lstm: LSTM, LSTMCell;
        masking: Masking;
        mel_spectrogram: MelSpectrogram;
        merge: Add, Average, Maximum, Minimum, Multiply, Subtract;
        mixing: CutMix, MixUp;
        multi_head_attention: MultiHeadAttention;
        normalization: Normalization;
        permute: Permute;
        pooling: AveragePooling1D, AveragePooling2D, AveragePooling3D,
            GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D,
            GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D,
            MaxPooling1D, MaxPooling2D, MaxPooling3D;
        prelu: PReLU;
        random_affine: RandomRotation, RandomTranslation, RandomZoom;
        random_crop: RandomCrop;
        random_erasing: RandomErasing;
        random_image: RandomBrightness, RandomContrast, RandomFlip;
        rectifiers: ELU, LeakyReLU, ReLU;
        repeat_vector: RepeatVector;
        rescaling: Rescaling;
        reshape: Reshape;
        resizing: CenterCrop, Resizing;
        rms_normalization: RMSNormalization;
        rnn: RNN;
        separable_conv: SeparableConv1D, SeparableConv2D;
        simple_rnn: SimpleRNN, SimpleRNNCell;
        softmax: Softmax;
        spatial_dropout: SpatialDropout1D, SpatialDropout2D, SpatialDropout3D;
        stacked_rnn_cells: StackedRNNCells;
        stft_spectrogram: STFTSpectrogram;
        string_lookup: StringLookup;
        text_vectorization: TextVectorization;
        time_distributed: TimeDistributed;
        unit_normalization: UnitNormalization;
        up_sampling: UpSampling1D, UpSampling2D, UpSampling3D;
        zero_padding: ZeroPadding1D, ZeroPadding2D, ZeroPadding3D;
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

    /// What it does on the host before the graph, if it begins there.
    fn host(&self) -> Option<&dyn HostLayer> {
        None
    }

    /// The layer as a cell that [`RNN`] takes along time, if it is one.
    fn cell(&self) -> Option<&dyn Cell> {
        None
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

    /// The layer with a penalty on its results, divided by the number of rows.
    #[track_caller]
    fn activity_regularizer(self, regularizer: impl Into<Object<dyn Regularizer>>) -> Instance
    where
        Self: Sized,
    {
        Instance::from(self).activity_regularizer(regularizer)
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
