//! Optimizers: how gradients change weights.

use std::collections::BTreeMap;

use nervure_graph::{Builder, DType, Tensor};

use crate::Result;
use crate::settings::settings;
use crate::word::{Word, family};

family! {
    Optimizer "optimizer" {
        adam: Adam;
        adamw: AdamW;
        rmsprop: RMSprop;
        sgd: SGD;
    }
}

/// How gradients change weights: one weight's step, written in primitives.
///
/// An optimizer of a program's own is plain data with a name and a `step`:
///
/// ```
/// use nervure_nn::optimizers::{Optimizer, Step};
/// use nervure_nn::{Kind, Tensor, prelude::*};
/// use serde::{Deserialize, Serialize};
///
/// /// w ← w − η sign(m), m the mean of gradients (Bernstein et al. 2018, "signSGD").
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct Signum {
///     rate: f64,
/// }
///
/// impl Kind for Signum {
///     const KIND: &'static str = "signum";
/// }
///
/// impl Optimizer for Signum {
///     fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, gradient: Tensor<'g>) -> Tensor<'g> {
///         let m = cx.slot("momentum", weight, 0.0);
///         let m = cx.set_slot("momentum", m * 0.9 + gradient * 0.1);
///         weight - m.sign() * cx.learning_rate()
///     }
///
///     fn learning_rate(&self) -> f64 {
///         self.rate
///     }
/// }
///
/// let mut model = Sequential::new([1]).add(Dense::new(1)).build(Seed(1))?;
/// let data = Dataset::new(ndarray::arr2(&[[1.0], [2.0]]), ndarray::arr2(&[[0.5], [1.0]]));
/// model.fit(&data, Fit::new(MeanSquaredError, Signum { rate: 0.1 }))?;
/// # Ok::<(), nervure_nn::Error>(())
/// ```
pub trait Optimizer: Word {
    /// The new value of a weight.
    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, gradient: Tensor<'g>) -> Tensor<'g>;

    /// The learning rate at the start; callbacks may change it later.
    fn learning_rate(&self) -> f64;

    /// What is done to gradients and weights before the step.
    fn options(&self) -> Options {
        Options::default()
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If they do not: expected and received, in a sentence.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

settings! {
    /// What every optimizer of this crate offers, under Keras's names: clipping of gradients, decay of weights.
    #[derive(PartialEq)]
    pub struct Options {
        /// λ: before its step each weight is w ← w − η λ w (Loshchilov and Hutter 2019, "Decoupled weight decay regularization").
        pub weight_decay: just f64,
        /// Weights whose path contains one of these do not decay: `bias`, `embedding/`.
        pub exclude_from_weight_decay: each String,
        /// Each weight's gradient is scaled down to this Euclidean norm.
        pub clipnorm: just f64,
        /// Each element of a gradient is held within ±this.
        pub clipvalue: just f64,
        /// All gradients together are scaled down to this Euclidean norm.
        pub global_clipnorm: just f64,
    }
}

impl Options {
    /// The rate at which the weight at `path` decays.
    pub(crate) fn decay(&self, path: &str) -> Option<f64> {
        self.weight_decay.filter(|_| !self.exclude_from_weight_decay.iter().any(|part| path.contains(part)))
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        let bounds = [
            ("clipnorm", self.clipnorm),
            ("clipvalue", self.clipvalue),
            ("global_clipnorm", self.global_clipnorm),
        ];
        let given: Vec<_> = bounds.iter().filter_map(|(name, b)| Some((name, (*b)?))).collect();
        if given.len() > 1 {
            let names = given.iter().map(|(name, _)| **name).collect::<Vec<_>>().join(" and ");
            return Err(format!(
                "expected at most one of clipnorm, clipvalue, global_clipnorm, received {names}"
            ));
        }
        for (name, bound) in given {
            within(name, bound, |b| b > 0.0, "above 0")?;
        }
        within("weight_decay", self.weight_decay.unwrap_or(0.0), |d| d >= 0.0, "of at least 0")
    }
}

/// Setters of the [`Options`] that an optimizer keeps at `self.a.b`.
macro_rules! option_setters {
    ($optimizer:ident: $($part:ident).+) => {
        impl $optimizer {
            $crate::word::setters! {
                @$($part).+;
                /// λ of the decay w ← w − η λ w before each step.
                weight_decay: just f64,
                /// Scales each weight's gradient down to this Euclidean norm; default none.
                clipnorm: just f64,
                /// Holds each element of a gradient within ±this; default none.
                clipvalue: just f64,
                /// Scales all gradients together down to this Euclidean norm; default none.
                global_clipnorm: just f64,
            }

            /// Spares weights whose path contains one of these from decay: `bias`, `embedding/`.
            pub fn exclude_from_weight_decay<S: Into<String>>(
                mut self,
                parts: impl IntoIterator<Item = S>,
            ) -> Self {
                self.$($part.)+exclude_from_weight_decay.extend(parts.into_iter().map(Into::into));
                self
            }
        }
    };
}
use option_setters;

/// An error unless `value` is finite and `holds`.
fn within(name: &str, value: f64, holds: impl Fn(f64) -> bool, expected: &str) -> Result<(), String> {
    if value.is_finite() && holds(value) {
        return Ok(());
    }
    Err(format!("expected a {name} {expected}, received {value}"))
}

/// An error unless `value` is in [0, 1).
fn share(name: &str, value: f64) -> Result<(), String> {
    within(name, value, |v| (0.0..1.0).contains(&v), "of at least 0 and below 1")
}

/// What the names of all state of an optimizer begin with.
pub(crate) const OPTIMIZER: &str = "optimizer/";
pub(crate) const LEARNING_RATE: &str = "optimizer/learning_rate";
pub(crate) const ITERATIONS: &str = "optimizer/iterations";
pub(crate) const SLOTS: &str = "optimizer/slots";

/// What an optimizer sees of the step: learning rate, iteration and the slots of the weight at hand.
#[derive(Debug)]
pub struct Step<'g> {
    builder: &'g Builder,
    path: String,
    slots: BTreeMap<String, (Tensor<'g>, Tensor<'g>, f64)>,
}

impl<'g> Step<'g> {
    pub(crate) fn new(builder: &'g Builder) -> Step<'g> {
        Step { builder, path: String::new(), slots: BTreeMap::new() }
    }

    pub(crate) fn enter(&mut self, path: &str) {
        self.path = path.into();
    }

    /// The path of the weight at hand: `block/dense/kernel`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The learning rate now, a scalar.
    pub fn learning_rate(&self) -> Tensor<'g> {
        self.builder.parameter(LEARNING_RATE, DType::F32, [])
    }

    /// The number of this step of the optimizer, from 1, as a float scalar.
    pub fn iteration(&self) -> Tensor<'g> {
        self.builder.parameter(ITERATIONS, DType::I64, []).cast(DType::F32) + 1.0
    }

    /// 1 − βᵗ, t the number of this step, without the cancellation that the difference has while βᵗ is near 1.
    pub fn bias_correction(&self, beta: f64) -> Tensor<'g> {
        -(self.iteration() * beta.ln()).expm1()
    }

    /// A state of the weight at hand, of its shape, that starts at `initial` everywhere.
    pub fn slot(&mut self, name: &str, like: Tensor<'g>, initial: f64) -> Tensor<'g> {
        let path = format!("{SLOTS}/{}/{name}", self.path);
        let state = self.builder.parameter(&path, DType::F32, like.shape());
        self.slots.entry(path).or_insert((state, state, initial));
        state
    }

    /// Says what a slot becomes; gives the new value.
    pub fn set_slot(&mut self, name: &str, value: Tensor<'g>) -> Tensor<'g> {
        if let Some(slot) = self.slots.get_mut(&format!("{SLOTS}/{}/{name}", self.path)) {
            slot.1 = value;
        } else {
            self.builder.fail(&format!("slot `{name}`"), "a slot that was asked for", "none of this name");
        }
        value
    }

    pub(crate) fn slots(&self) -> &BTreeMap<String, (Tensor<'g>, Tensor<'g>, f64)> {
        &self.slots
    }
}
