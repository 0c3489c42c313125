use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, fans};
use crate::word::{Sample, Samples, kind};

/// Uniform in ±√(6 / (inputs + outputs)) (Glorot and Bengio 2010).
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct GlorotUniform;
kind!(GlorotUniform);

impl Initializer for GlorotUniform {
    fn values(&self, shape: &[usize], random: &mut Stream) -> Vec<f32> {
        let (inputs, outputs) = fans(shape);
        let limit = (6.0 / (inputs + outputs)).sqrt();
        (0..shape.iter().product::<usize>()).map(|_| (limit * (2.0 * random.uniform() - 1.0)) as f32).collect()
    }
}

impl Samples<dyn Initializer> for GlorotUniform {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(GlorotUniform, [])]
    }
}
