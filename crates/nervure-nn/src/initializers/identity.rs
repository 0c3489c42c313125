use serde::{Deserialize, Serialize};

use crate::initializers::{Initializer, Stream, draw};
use crate::word::{Sample, Samples, defaults, kind, setters};

/// `gain` on the diagonal of a matrix, 0 elsewhere.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    gain: f64,
}
kind!(Identity | "identity" | "IdentityInitializer");
defaults!(Identity { gain: 1.0 });

impl Identity {
    setters! {
        /// What stands on the diagonal; default 1.
        gain: f64,
    }
}

impl Initializer for Identity {
    fn values(&self, shape: &[usize], _: &mut Stream) -> Vec<f32> {
        let columns = shape.last().copied().unwrap_or(1);
        let mut place = 0..;
        let diagonal = |at: usize| at / columns == at % columns;
        draw(shape, || if place.next().is_some_and(diagonal) { self.gain } else { 0.0 })
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), &'static str> {
        if shape.len() == 2 { Ok(()) } else { Err("a weight of two axes") }
    }
}

impl Samples<dyn Initializer> for Identity {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Identity, []), Sample::new(Identity.gain(0.5), [])]
    }
}
