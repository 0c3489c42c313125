use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, kind};

/// 0 everywhere.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Zeros;
kind!(Zeros | "zeros" | "zero");

impl Initializer for Zeros {
    fn values(&self, shape: &[usize], _: &mut Stream) -> Vec<f32> {
        draw(shape, || 0.0)
    }
}

impl Samples<dyn Initializer> for Zeros {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Zeros, [])]
    }
}
