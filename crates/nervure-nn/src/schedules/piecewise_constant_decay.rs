use crate::Result;
use crate::schedules::{Schedule, size};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The first of `values` up to the first of `boundaries`, that step included, the second up to the second, …, the last of them after the last boundary.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let optimizer = SGD::new().learning_rate(PiecewiseConstantDecay::new([1000, 2000], [0.1, 0.05, 0.01]));
    /// ```
    pub struct PiecewiseConstantDecay {
        /// Steps, each greater than the one before.
        boundaries: into Vec<u64>,
        /// Rates, one more than boundaries.
        values: into Vec<f64>,
    }
}
kind!(PiecewiseConstantDecay);

impl Schedule for PiecewiseConstantDecay {
    fn rate(&self, step: u64) -> f64 {
        let passed = self.boundaries.iter().filter(|b| step > **b).count();
        self.values.get(passed).copied().unwrap_or(f64::NAN)
    }

    fn check(&self) -> Result<(), String> {
        let (boundaries, values) = (self.boundaries.len(), self.values.len());
        if values != boundaries + 1 {
            return Err(format!("expected {} values for {boundaries} boundaries, received {values}", boundaries + 1));
        }
        if let Some(pair) = self.boundaries.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(format!("expected boundaries that rise, received {} before {}", pair[0], pair[1]));
        }
        self.values.iter().try_for_each(|v| size("value", *v))
    }
}

impl Samples<dyn Schedule> for PiecewiseConstantDecay {
    fn samples() -> Vec<Sample<dyn Schedule>> {
        vec![
            Sample::new(PiecewiseConstantDecay::new([1000, 2000], [0.1, 0.05, 0.01]), []),
        ]
    }
}
