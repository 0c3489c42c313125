
use crate::initializers::{Fans, Initializer, Stream, draw};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// One value everywhere.
    #[derive(Copy)]
    pub struct Constant {
        /// The value.
        value: given f64 = 0.0,
    }
}
kind!(Constant | "constant");

impl Initializer for Constant {
    fn values(&self, shape: &[usize], _: Fans, _: &mut Stream) -> Vec<f32> {
        draw(shape, || self.value)
    }
}

impl Samples<dyn Initializer> for Constant {
    fn samples() -> Vec<Sample<dyn Initializer>> {
        vec![Sample::new(Constant::new(0.3), [])]
    }
}
