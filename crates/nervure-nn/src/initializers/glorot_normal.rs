
use crate::initializers::{Distribution, Fans, Initializer, Mode, Stream, VarianceScaling};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Truncated normal of variance 2 / (inputs + outputs)
    /// (Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks").
    pub struct GlorotNormal;
}
kind!(GlorotNormal | "glorot_normal");

impl Initializer for GlorotNormal {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let scaling = VarianceScaling.scale(1.0).mode(Mode::FanAvg).distribution(Distribution::TruncatedNormal);
        scaling.values(shape, fans, random)
    }
}

impl Samples<dyn Initializer> for GlorotNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(GlorotNormal, [])]
    }
}
