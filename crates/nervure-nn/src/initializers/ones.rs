
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// 1 everywhere.
    pub struct Ones;
}
kind!(Ones | "ones" | "one");

impl Initializer for Ones {
    fn values(&self, shape: &[usize], _: Fans, _: &mut Stream) -> Vec<f32> {
        draw(shape, || 1.0)
    }
}

impl Samples<dyn Initializer> for Ones {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Ones, [])]
    }
}
