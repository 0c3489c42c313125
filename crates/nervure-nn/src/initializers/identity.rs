
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// `gain` on the diagonal of a matrix, 0 elsewhere.
    pub value Identity {
        /// What stands on the diagonal.
        gain: f64 = 1.0,
    }
}
kind!(Identity | "identity" | "IdentityInitializer");

impl Initializer for Identity {
    fn values(&self, shape: &[usize], _: Fans, _: &mut Stream) -> Vec<f32> {
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
