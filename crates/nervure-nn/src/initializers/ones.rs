use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, kind};

/// 1 everywhere.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Ones;
kind!(Ones | "ones" | "one");

impl Initializer for Ones {
    fn values(&self, shape: &[usize], _: &mut Stream) -> Vec<f32> {
        draw(shape, || 1.0)
    }
}

impl Samples<dyn Initializer> for Ones {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Ones, [])]
    }
}
