use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, kind};

/// One value everywhere.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constant {
    value: f64,
}
kind!(Constant | "constant");

impl Constant {
    /// `value` everywhere; Keras's default is 0.
    pub fn new(value: f64) -> Constant {
        Constant { value }
    }
}

impl Initializer for Constant {
    fn values(&self, shape: &[usize], _: &mut Stream) -> Vec<f32> {
        draw(shape, || self.value)
    }
}

impl Samples<dyn Initializer> for Constant {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Constant::new(0.3), [])]
    }
}
