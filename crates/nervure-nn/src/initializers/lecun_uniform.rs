
use crate::initializers::{Distribution, Fans, Initializer, Mode, Stream, VarianceScaling};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Uniform in ±√(3 / inputs) (LeCun et al. 1998, "Efficient backprop").
    pub struct LecunUniform;
}
kind!(LecunUniform | "lecun_uniform");

impl Initializer for LecunUniform {
    fn values(&self, shape: &[usize], fans: Fans, random: &mut Stream) -> Vec<f32> {
        let scaling = VarianceScaling.scale(1.0).mode(Mode::FanIn).distribution(Distribution::Uniform);
        scaling.values(shape, fans, random)
    }
}

impl Samples<dyn Initializer> for LecunUniform {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(LecunUniform, [])]
    }
}
