//! Optimizers: how gradients change weights.

use nervure_graph::Tensor;

use crate::Result;
use crate::schedules::Schedule;
use crate::word::{Object, Word, family};

mod adaptive;
mod options;
mod step;

pub use options::Options;
pub use step::Step;
pub(crate) use step::{ITERATIONS, LEARNING_RATE, OPTIMIZER, SLOTS, Start, UPDATES};

use adaptive::Adaptive;
use options::{common, optimizer};

family! {
    Optimizer "optimizer" {
        adadelta: Adadelta;
        adafactor: Adafactor;
        adagrad: Adagrad;
        adam: Adam;
        adamax: Adamax;
        adamw: AdamW;
        ftrl: Ftrl;
        lamb: Lamb;
        lion: Lion;
        muon: Muon;
        nadam: Nadam;
        rmsprop: RMSprop;
        schedule_free_adamw: ScheduleFreeAdamW;
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

    /// The learning rate at the start; callbacks may change it later, where no schedule gives it.
    fn learning_rate(&self) -> f64;

    /// What gives the learning rate of every step.
    fn schedule(&self) -> Option<&Object<dyn Schedule>> {
        None
    }

    /// What is done to gradients and weights around the step.
    fn options(&self) -> Options {
        Options::default()
    }

    /// λ of the decay w ← w − η λ w of the weight at `path` before its step.
    fn decay(&self, path: &str, _weight: &Tensor<'_>) -> Option<f64> {
        self.options().decay(path)
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If they do not: expected and received, in a sentence.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// An error unless `value` is finite and `holds`.
fn within(name: &str, value: f64, holds: impl Fn(f64) -> bool, expected: &str) -> Result<(), String> {
    if value.is_finite() && holds(value) {
        return Ok(());
    }
    let article = if name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    Err(format!("expected {article} {name} {expected}, received {value}"))
}

/// An error unless `value` is in [0, 1).
fn share(name: &str, value: f64) -> Result<(), String> {
    within(name, value, |v| (0.0..1.0).contains(&v), "of at least 0 and below 1")
}
