use crate::Result;
use crate::schedules::{Schedule, half_cosine, size, some};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// η = η₀ ((1 − α) c + α), c = (1 + cos(π step / T)) / 2 while step ≤ T = `decay_steps`, α η₀ after it. With a `warmup_target` η₂ the rate first goes from η₀ to η₂ in a straight line, over
    /// `warmup_steps`, and falls from there.
    ///
    /// Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let optimizer = SGD::new().learning_rate(CosineDecay::new(0.0, 1000).warmup_target(0.1).warmup_steps(100).alpha(0.01));
    /// ```
    pub struct CosineDecay {
        /// η₀, the rate of the first step.
        initial_learning_rate: f64,
        /// Steps until α η₀, or α η₂, after those that warm up.
        decay_steps: u64,
        /// α.
        alpha: f64 = 0.0,
        /// η₂.
        warmup_target: just f64,
        /// Steps that warm up, where there is a target.
        warmup_steps: u64 = 0,
    }
}
kind!(CosineDecay);

impl Schedule for CosineDecay {
    fn rate(&self, step: u64) -> f64 {
        let (step, steps) = (step as f64, self.decay_steps as f64);
        let fall = |from: f64, step: f64| from * ((1.0 - self.alpha) * half_cosine(step.min(steps) / steps) + self.alpha);
        let Some(target) = self.warmup_target else { return fall(self.initial_learning_rate, step) };
        let warm = self.warmup_steps as f64;
        if step < warm {
            return (target - self.initial_learning_rate) * (step / warm) + self.initial_learning_rate;
        }
        fall(target, step - warm)
    }

    fn check(&self) -> Result<(), String> {
        size("initial_learning_rate", self.initial_learning_rate)?;
        size("alpha", self.alpha)?;
        size("warmup_target", self.warmup_target.unwrap_or(0.0))?;
        some("decay_steps", self.decay_steps)
    }
}

impl Samples<dyn Schedule> for CosineDecay {
    fn samples() -> Vec<Sample<dyn Schedule>> {
        vec![
            Sample::new(CosineDecay::new(0.1, 1000), []),
            Sample::new(CosineDecay::new(0.0, 1000).warmup_target(0.1).warmup_steps(100).alpha(0.01), []),
        ]
    }
}
