//! Losses: what training makes small.

use nervure_graph::{DType, Dim, Shape, Tensor, Type};

use crate::activations::Link;
use crate::word::{Word, family};
use crate::{IntoArray, Result, score};

family! {
    Loss "loss" {
        binary_crossentropy: BinaryCrossentropy;
        binary_focal_crossentropy: BinaryFocalCrossentropy;
        categorical_crossentropy: CategoricalCrossentropy;
        categorical_focal_crossentropy: CategoricalFocalCrossentropy;
        categorical_generalized_cross_entropy: CategoricalGeneralizedCrossEntropy;
        categorical_hinge: CategoricalHinge;
        circle: Circle;
        cosine_similarity: CosineSimilarity;
        dice: Dice, Tversky;
        hinge: Hinge;
        huber: Huber;
        kl_divergence: KLDivergence;
        log_cosh: LogCosh;
        mean_absolute_error: MeanAbsoluteError;
        mean_absolute_percentage_error: MeanAbsolutePercentageError;
        mean_squared_error: MeanSquaredError;
        mean_squared_logarithmic_error: MeanSquaredLogarithmicError;
        poisson: Poisson;
        sparse_categorical_crossentropy: SparseCategoricalCrossentropy;
        squared_hinge: SquaredHinge;
    }
}

pub(crate) use cosine_similarity::cosine;

mod function;

pub use function::LossFunction;

/// A loss: one number for each row (and for each place within it), from a target and a prediction.
///
/// A batch's loss is Σ weight · value / number of values, as in Keras (`sum_over_batch_size`); values that are masked count neither above
/// nor below.
///
/// A loss of a program's own is plain data with a name and a `lower`; files that hold it can be read once the registry has it. (Where no file is to hold it, an
/// expression will do: [`LossFunction`].)
///
/// ```
/// use nervure_nn::losses::{Loss, Prediction};
/// use nervure_nn::word::{Entry, Family};
/// use nervure_nn::{Kind, Tensor};
/// use serde::{Deserialize, Serialize};
///
/// /// max(q (t − y), (q − 1) (t − y)): the prediction becomes the quantile q (Koenker and Bassett 1978, "Regression quantiles").
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct Quantile {
///     q: f64,
/// }
///
/// impl Kind for Quantile {
///     const KIND: &'static str = "quantile";
/// }
///
/// impl Loss for Quantile {
///     fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
///         let e = target - prediction.value;
///         (e * self.q).max(e * (self.q - 1.0)).mean(&[-1])
///     }
/// }
///
/// <dyn Loss as Family>::registry().add(Entry::of::<Quantile>());
/// ```
pub trait Loss: Word {
    /// The values, of the prediction's shape without its last axis.
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g>;

    /// The type of target that goes with a prediction of this type.
    ///
    /// # Errors
    /// If there is none, or if a setting makes no sense: expected and received, in a sentence.
    fn target(&self, prediction: &Type) -> Result<Type, String> {
        numbers(prediction)
    }

    /// The values of arrays, row-major, without a network and without weights.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (t, y) = (ndarray::arr2(&[[1.0, 2.0], [0.0, 0.0]]), ndarray::arr2(&[[1.0, 4.0], [3.0, -1.0]]));
    /// assert_eq!(MeanSquaredError.values(t, y)?, [2.0, 5.0]);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// Arrays that the loss does not take.
    fn values(&self, target: impl IntoArray, prediction: impl IntoArray) -> Result<Vec<f32>>
    where
        Self: Sized,
    {
        score::values(self, target.into_array(), prediction.into_array())
    }

    /// Which of the values count, `bool` of their shape; all, where there is none.
    fn mask<'g>(&self, _target: Tensor<'g>) -> Option<Tensor<'g>> {
        None
    }
}

/// What a network says, as losses and metrics see it.
#[derive(Debug, Clone, Copy)]
pub struct Prediction<'g> {
    /// The output.
    pub value: Tensor<'g>,
    /// What a sigmoid or softmax made it from, if one did.
    pub link: Option<(Link, Tensor<'g>)>,
}

impl<'g> From<Tensor<'g>> for Prediction<'g> {
    fn from(value: Tensor<'g>) -> Self {
        Prediction { value, link: None }
    }
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
        clipped(self.value)
    }
}

/// Keras's guard of logarithms.
pub(crate) fn clipped(p: Tensor<'_>) -> Tensor<'_> {
    p.clamp(1e-7, 1.0 - 1e-7)
}

/// The type of a target that is of the prediction's own type: floats, with an axis to take the mean over.
pub(crate) fn numbers(prediction: &Type) -> Result<Type, String> {
    if prediction.dtype != DType::F32 || prediction.rank() < 2 {
        return Err(format!("expected an output f32[batch, …, n], received {prediction}"));
    }
    Ok(prediction.clone())
}

/// The type of one-hot targets: that of the prediction, which has to have several classes on its last axis.
pub(crate) fn classes(prediction: &Type) -> Result<Type, String> {
    if numbers(prediction)?.shape.last().is_some_and(|n| n.is(1)) {
        return Err(format!(
            "expected an output of at least 2 classes, received {prediction} (for one probability there is binary_crossentropy)"
        ));
    }
    Ok(prediction.clone())
}

/// The type of class numbers for a prediction of class probabilities: without the last axis.
pub(crate) fn class_numbers(prediction: &Type) -> Type {
    let shape: &[Dim] = &prediction.shape;
    Type::new(DType::I32, shape.split_last().map_or(Shape::new(), |(_, rest)| rest.to_vec()))
}

/// Whether a share of labels to smooth is one.
pub(crate) fn smoothing(share: f64) -> Result<(), String> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(format!("expected a label_smoothing of 0 to 1, received {share}"))
}

/// Whether a focusing exponent is one.
fn gamma(gamma: f64) -> Result<(), String> {
    if gamma >= 0.0 && gamma.is_finite() {
        return Ok(());
    }
    Err(format!("expected a gamma of at least 0, received {gamma}"))
}

/// x^γ, with a gradient at x = 0 where γ is 0 too.
fn focusing(x: Tensor<'_>, gamma: f64) -> Tensor<'_> {
    if gamma == 0.0 { x.ones_like() } else { x.pow(x.constant(gamma)) }
}

/// −(t ln p + (1 − t) ln(1 − p)), from the logits where there are some.
fn binary_crossentropies<'g>(
    t: Tensor<'g>,
    prediction: Prediction<'g>,
    logits: Option<Tensor<'g>>,
) -> Tensor<'g> {
    match logits {
        // Neither term cancels, nor do their gradients.
        Some(z) => (1.0 - t) * z.softplus() + t * (-z).softplus(),
        None => {
            let p = prediction.clipped();
            -(t * p.log() + (1.0 - t) * (-p).log1p())
        }
    }
}
