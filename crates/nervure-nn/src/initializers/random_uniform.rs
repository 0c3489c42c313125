
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Uniform in [minval, maxval).
    pub value RandomUniform {
        /// Lower bound.
        minval: f64 = -0.05,
        /// Upper bound.
        maxval: f64 = 0.05,
    }
}
kind!(RandomUniform | "random_uniform" | "uniform");

impl Initializer for RandomUniform {
    fn values(&self, shape: &[usize], _: Fans, random: &mut Stream) -> Vec<f32> {
        draw(shape, || self.minval + (self.maxval - self.minval) * random.uniform())
    }
}

impl Samples<dyn Initializer> for RandomUniform {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(RandomUniform, []), Sample::new(RandomUniform.minval(1.0).maxval(3.0), [])]
    }
}
