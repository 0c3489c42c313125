
use crate::initializers::{Distribution, Fans, Initializer, Mode, Stream, VarianceScaling};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Truncated normal of variance 1 / inputs (LeCun et al. 1998, "Efficient backprop").
    pub struct LecunNormal;
}
kind!(LecunNormal | "lecun_normal");

impl Initializer for LecunNormal {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let scaling = VarianceScaling.scale(1.0).mode(Mode::FanIn).distribution(Distribution::TruncatedNormal);
        scaling.values(shape, fans, random)
    }
}

impl Samples<dyn Initializer> for LecunNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(LecunNormal, [])]
    }
}
