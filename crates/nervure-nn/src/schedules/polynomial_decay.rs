use crate::Result;
use crate::schedules::{Schedule, size, some};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// η = (η₀ − η₁)(1 − step / T)ᵖ + η₁ while step ≤ T = `decay_steps`, η₁ after it. With `cycle` T is the least multiple of `decay_steps` that is not below the step.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let optimizer = SGD::new().learning_rate(PolynomialDecay::new(0.1, 1000).end_learning_rate(0.01).power(0.5).cycle(true));
    /// ```
    pub struct PolynomialDecay {
        /// η₀, the rate of the first step.
        initial_learning_rate: f64,
        /// Steps until η₁.
        decay_steps: u64,
        /// η₁.
        end_learning_rate: f64 = 1e-4,
        /// The power p.
        power: f64 = 1.0,
        /// Whether the rate rises again after T, to fall more slowly.
        cycle: bool = false,
    }
}
kind!(PolynomialDecay);

impl Schedule for PolynomialDecay {
    fn rate(&self, step: u64) -> f64 {
        let (mut step, mut steps) = (step as f64, self.decay_steps as f64);
        if self.cycle {
            steps *= (step / steps).ceil().max(1.0);
        } else {
            step = step.min(steps);
        }
        let fall = self.initial_learning_rate - self.end_learning_rate;
        fall * (1.0 - step / steps).powf(self.power) + self.end_learning_rate
    }

    fn check(&self) -> Result<(), String> {
        size("initial_learning_rate", self.initial_learning_rate)?;
        size("end_learning_rate", self.end_learning_rate)?;
        size("power", self.power)?;
        some("decay_steps", self.decay_steps)
    }
}

impl Samples<dyn Schedule> for PolynomialDecay {
    fn samples() -> Vec<Sample<dyn Schedule>> {
        vec![
            Sample::new(PolynomialDecay::new(0.1, 1000), []),
            Sample::new(PolynomialDecay::new(0.1, 1000).end_learning_rate(0.01).power(0.5).cycle(true), []),
        ]
    }
}
