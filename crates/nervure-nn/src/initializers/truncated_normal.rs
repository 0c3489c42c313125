use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, defaults, kind, setters};

/// Normal, drawn again until within two standard deviations `stddev` of the mean. The variance of what is drawn is 0.7737 of `stddev`².
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TruncatedNormal {
    mean: f64,
    stddev: f64,
}
kind!(TruncatedNormal | "truncated_normal");
defaults!(TruncatedNormal { mean: 0.0, stddev: 0.05 });

impl TruncatedNormal {
    setters! {
        /// Mean; default 0.
        mean: f64,
        /// Standard deviation before the truncation; default 0.05.
        stddev: f64,
    }
}

impl Initializer for TruncatedNormal {
    fn values(&self, shape: &[usize], random: &mut Stream) -> Vec<f32> {
        draw(shape, || self.mean + self.stddev * random.truncated_normal())
    }
}

impl Samples<dyn Initializer> for TruncatedNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(TruncatedNormal, []), Sample::new(TruncatedNormal.mean(1.0).stddev(2.0), [])]
    }
}
