
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Normal.
    pub value RandomNormal {
        /// Mean.
        mean: f64 = 0.0,
        /// Standard deviation.
        stddev: f64 = 0.05,
    }
}
kind!(RandomNormal | "random_normal" | "normal");

impl Initializer for RandomNormal {
    fn values(&self, shape: &[usize], _: Fans, random: &mut Stream) -> Vec<f32> {
        draw(shape, || self.mean + self.stddev * random.normal())
    }
}

impl Samples<dyn Initializer> for RandomNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(RandomNormal, []), Sample::new(RandomNormal.mean(1.0).stddev(2.0), [])]
    }
}
