use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, defaults, kind, setters};

/// Uniform in [minval, maxval).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomUniform {
    minval: f64,
    maxval: f64,
}
kind!(RandomUniform | "random_uniform" | "uniform");
defaults!(RandomUniform { minval: -0.05, maxval: 0.05 });

impl RandomUniform {
    setters! {
        /// Lower bound; default −0.05.
        minval: f64,
        /// Upper bound; default 0.05.
        maxval: f64,
    }
}

impl Initializer for RandomUniform {
    fn values(&self, shape: &[usize], random: &mut Stream) -> Vec<f32> {
        draw(shape, || self.minval + (self.maxval - self.minval) * random.uniform())
    }
}

impl Samples<dyn Initializer> for RandomUniform {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(RandomUniform, []), Sample::new(RandomUniform.minval(1.0).maxval(3.0), [])]
    }
}
