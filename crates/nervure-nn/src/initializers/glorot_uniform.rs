
use crate::initializers::{Distribution, Fans, Initializer, Mode, Stream, VarianceScaling};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Uniform in ±√(6 / (inputs + outputs))
    /// (Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks").
    pub struct GlorotUniform;
}
kind!(GlorotUniform | "glorot_uniform");

impl Initializer for GlorotUniform {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let scaling = VarianceScaling.scale(1.0).mode(Mode::FanAvg).distribution(Distribution::Uniform);
        scaling.values(shape, fans, random)
    }
}

impl Samples<dyn Initializer> for GlorotUniform {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(GlorotUniform, [])]
    }
}
