//! Schedules: learning rates that follow from the step.
//!
//! ```
//! use nervure_nn::prelude::*;
//! let optimizer = Adam::new().learning_rate(CosineDecay::new(1e-3, 10_000).alpha(0.1));
//! ```
//!
//! A rate is worked out in double precision before each step, from the number of steps that the optimizer has made, which its state holds: so a run that is taken
//! up again goes on with the same rates.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Result;
use crate::word::{Object, Word, family};

family! {
    Schedule "schedule" {
        cosine_decay: CosineDecay;
        cosine_decay_restarts: CosineDecayRestarts;
        exponential_decay: ExponentialDecay;
        inverse_time_decay: InverseTimeDecay;
        one_cycle: OneCycle;
        piecewise_constant_decay: PiecewiseConstantDecay;
        polynomial_decay: PolynomialDecay;
    }
}

pub use one_cycle::Anneal;

/// A learning rate that follows from the step.
///
/// A schedule of a program's own is plain data with a name and a `rate`:
///
/// ```
/// use nervure_nn::prelude::*;
/// use nervure_nn::{Kind, schedules::Schedule};
/// use serde::{Deserialize, Serialize};
///
/// /// η / √(1 + step).
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct InverseRoot(f64);
///
/// impl Kind for InverseRoot {
///     const KIND: &'static str = "InverseRoot";
/// }
///
/// impl Schedule for InverseRoot {
///     fn rate(&self, step: u64) -> f64 {
///         self.0 / (1.0 + step as f64).sqrt()
///     }
/// }
///
/// let optimizer = SGD::new().learning_rate(InverseRoot(0.1));
/// ```
pub trait Schedule: Word {
    /// The learning rate of a step, counted from 0.
    fn rate(&self, step: u64) -> f64;

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// If they do not: expected and received, in a sentence.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

/// An optimizer's learning rate: a number, or a schedule. Files hold the one or the other.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum LearningRate {
    /// The same at every step, but for what callbacks set.
    Constant(f64),
    /// What a schedule says of the step.
    Schedule(Object<dyn Schedule>),
}

impl LearningRate {
    /// The rate of a step, counted from 0.
    pub fn at(&self, step: u64) -> f64 {
        match self {
            LearningRate::Constant(rate) => *rate,
            LearningRate::Schedule(schedule) => schedule.rate(step),
        }
    }

    /// The schedule, if it is one.
    pub fn schedule(&self) -> Option<&Object<dyn Schedule>> {
        match self {
            LearningRate::Constant(_) => None,
            LearningRate::Schedule(schedule) => Some(schedule),
        }
    }
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> LearningRate {
        LearningRate::Constant(rate)
    }
}

impl From<Object<dyn Schedule>> for LearningRate {
    fn from(schedule: Object<dyn Schedule>) -> LearningRate {
        LearningRate::Schedule(schedule)
    }
}

impl<T: Schedule> From<T> for LearningRate {
    fn from(schedule: T) -> LearningRate {
        LearningRate::Schedule(schedule.into())
    }
}

impl<'de> Deserialize<'de> for LearningRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LearningRate, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_f64() {
            Some(rate) => Ok(LearningRate::Constant(rate)),
            None => Object::deserialize(value).map(LearningRate::Schedule).map_err(serde::de::Error::custom),
        }
    }
}

/// An error unless `steps` is above 0.
fn some(name: &str, steps: u64) -> Result<(), String> {
    if steps > 0 { Ok(()) } else { Err(format!("expected a {name} of at least 1, received 0")) }
}

/// An error unless `value` is finite and at least 0.
fn size(name: &str, value: f64) -> Result<(), String> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(format!("expected a {name} of at least 0, received {value}"))
}

/// (1 + cos πx) / 2: from 1 at 0 to 0 at 1.
fn half_cosine(x: f64) -> f64 {
    0.5 * (1.0 + (std::f64::consts::PI * x).cos())
}
