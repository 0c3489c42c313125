
use crate::initializers::{Distribution, Fans, Initializer, Mode, Stream, VarianceScaling};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Uniform in ±√(6 / inputs) (He et al. 2015, "Delving deep into rectifiers").
    pub struct HeUniform;
}
kind!(HeUniform | "he_uniform");

impl Initializer for HeUniform {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let scaling = VarianceScaling.scale(2.0).mode(Mode::FanIn).distribution(Distribution::Uniform);
        scaling.values(shape, fans, random)
    }
}

impl Samples<dyn Initializer> for HeUniform {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(HeUniform, [])]
    }
}
