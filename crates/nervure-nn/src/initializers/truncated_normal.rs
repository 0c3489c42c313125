
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Normal, drawn again until within two standard deviations `stddev` of the mean. The variance of what is drawn is 0.7737 of `stddev`².
    pub value TruncatedNormal {
        /// Mean.
        mean: f64 = 0.0,
        /// Standard deviation before the truncation.
        stddev: f64 = 0.05,
    }
}
kind!(TruncatedNormal | "truncated_normal");

impl Initializer for TruncatedNormal {
    fn values(&self, shape: &[usize], _: Fans, random: &mut Stream) -> Vec<f32> {
        draw(shape, || self.mean + self.stddev * random.truncated_normal())
    }
}

impl Samples<dyn Initializer> for TruncatedNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(TruncatedNormal, []), Sample::new(TruncatedNormal.mean(1.0).stddev(2.0), [])]
    }
}
