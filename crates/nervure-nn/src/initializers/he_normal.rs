
use crate::initializers::{Distribution, Fans, Initializer, Mode, Stream, VarianceScaling};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Truncated normal of variance 2 / inputs (He et al. 2015, "Delving deep into rectifiers").
    pub struct HeNormal;
}
kind!(HeNormal | "he_normal");

impl Initializer for HeNormal {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let scaling = VarianceScaling.scale(2.0).mode(Mode::FanIn).distribution(Distribution::TruncatedNormal);
        scaling.values(shape, fans, random)
    }
}

impl Samples<dyn Initializer> for HeNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(HeNormal, [])]
    }
}
