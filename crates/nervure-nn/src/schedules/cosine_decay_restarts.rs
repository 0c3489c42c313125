use crate::Result;
use crate::schedules::{Schedule, half_cosine, size, some};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Cosine decay again and again: η = η₀ ((1 − α) mⁱ c + α) with c = (1 + cos πx) / 2, x from 0 to 1 over period i, the first of `first_decay_steps`, each t times as long as the one before.
    ///
    /// Loshchilov and Hutter 2017, "SGDR: stochastic gradient descent with warm restarts".
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let optimizer = SGD::new().learning_rate(CosineDecayRestarts::new(0.1, 1000).t_mul(1.0).m_mul(0.9).alpha(0.01));
    /// ```
    pub struct CosineDecayRestarts {
        /// η₀, the rate of the first step.
        initial_learning_rate: f64,
        /// Steps of the first period.
        first_decay_steps: u64,
        /// The factor t of lengths, at least 1.
        t_mul: f64 = 2.0,
        /// The factor m of rates.
        m_mul: f64 = 1.0,
        /// α.
        alpha: f64 = 0.0,
    }
}
kind!(CosineDecayRestarts);

impl Schedule for CosineDecayRestarts {
    fn rate(&self, step: u64) -> f64 {
        let done = step as f64 / self.first_decay_steps as f64;
        let t = self.t_mul;
        // Periods that are over, and the share of the present one that is.
        let (over, share) = if t == 1.0 {
            (done.floor(), done - done.floor())
        } else {
            let over = ((1.0 - done * (1.0 - t)).ln() / t.ln()).floor();
            let length = t.powf(over);
            (over, (done - (1.0 - length) / (1.0 - t)) / length)
        };
        let cosine = self.m_mul.powf(over) * half_cosine(share);
        self.initial_learning_rate * ((1.0 - self.alpha) * cosine + self.alpha)
    }

    fn check(&self) -> Result<(), String> {
        size("initial_learning_rate", self.initial_learning_rate)?;
        size("alpha", self.alpha)?;
        size("m_mul", self.m_mul)?;
        if !(self.t_mul.is_finite() && self.t_mul >= 1.0) {
            return Err(format!("expected a t_mul of at least 1, received {}", self.t_mul));
        }
        some("first_decay_steps", self.first_decay_steps)
    }
}

impl Samples<dyn Schedule> for CosineDecayRestarts {
    fn samples() -> Vec<Sample<dyn Schedule>> {
        vec![
            Sample::new(CosineDecayRestarts::new(0.1, 1000), []),
            Sample::new(CosineDecayRestarts::new(0.1, 1000).t_mul(1.0).m_mul(0.9).alpha(0.01), []),
        ]
    }
}
