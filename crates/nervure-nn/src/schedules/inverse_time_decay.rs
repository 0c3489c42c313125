use crate::Result;
use crate::schedules::{Schedule, size, some};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// η = η₀ / (1 + r p), p = step / `decay_steps`, rounded down where it goes by stairs.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let optimizer = SGD::new().learning_rate(InverseTimeDecay::new(0.1, 1000, 0.5).staircase(true));
    /// ```
    pub struct InverseTimeDecay {
        /// η₀, the rate of the first step.
        initial_learning_rate: f64,
        /// Steps in which p grows by 1.
        decay_steps: u64,
        /// The factor r.
        decay_rate: f64,
        /// Whether the rate stays between those steps.
        staircase: bool = false,
    }
}
kind!(InverseTimeDecay);

impl Schedule for InverseTimeDecay {
    fn rate(&self, step: u64) -> f64 {
        let p = step as f64 / self.decay_steps as f64;
        self.initial_learning_rate / (1.0 + self.decay_rate * if self.staircase { p.floor() } else { p })
    }

    fn check(&self) -> Result<(), String> {
        size("initial_learning_rate", self.initial_learning_rate)?;
        size("decay_rate", self.decay_rate)?;
        some("decay_steps", self.decay_steps)
    }
}

impl Samples<dyn Schedule> for InverseTimeDecay {
    fn samples() -> Vec<Sample<dyn Schedule>> {
        vec![
            Sample::new(InverseTimeDecay::new(0.1, 1000, 0.5), []),
            Sample::new(InverseTimeDecay::new(0.1, 1000, 0.5).staircase(true), []),
        ]
    }
}
