use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, defaults, kind, setters};

/// Normal.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomNormal {
    mean: f64,
    stddev: f64,
}
kind!(RandomNormal | "random_normal" | "normal");
defaults!(RandomNormal { mean: 0.0, stddev: 0.05 });

impl RandomNormal {
    setters! {
        /// Mean; default 0.
        mean: f64,
        /// Standard deviation; default 0.05.
        stddev: f64,
    }
}

impl Initializer for RandomNormal {
    fn values(&self, shape: &[usize], random: &mut Stream) -> Vec<f32> {
        draw(shape, || self.mean + self.stddev * random.normal())
    }
}

impl Samples<dyn Initializer> for RandomNormal {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(RandomNormal, []), Sample::new(RandomNormal.mean(1.0).stddev(2.0), [])]
    }
}
