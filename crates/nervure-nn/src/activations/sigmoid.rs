use nervure_graph::Tensor;

use crate::activations::{Activation, Link};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = 1 / (1 + e⁻ˣ).
    pub struct Sigmoid;
}
kind!(Sigmoid = "sigmoid");

impl Activation for Sigmoid {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x.sigmoid()
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Sigmoid)
    }
}

impl Samples<dyn Activation> for Sigmoid {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Sigmoid, [])]
    }
}
