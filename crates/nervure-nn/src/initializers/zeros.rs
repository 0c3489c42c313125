
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// 0 everywhere.
    pub struct Zeros;
}
kind!(Zeros | "zeros" | "zero");

impl Initializer for Zeros {
    fn values(&self, shape: &[usize], _: Fans, _: &mut Stream) -> Vec<f32> {
        draw(shape, || 0.0)
    }
}

impl Samples<dyn Initializer> for Zeros {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Zeros, [])]
    }
}
