use nervure_graph::Tensor;

use crate::activations::Activation;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = (x + √(x² + b)) / 2 (Barron 2021, "Squareplus: a softplus-like algebraic rectifier").
    pub value Squareplus {
        /// How smooth the bend is.
        b: f64 = 4.0,
    }
}
kind!(Squareplus = "squareplus");

impl Activation for Squareplus {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        (x + (x.square() + self.b).sqrt()) / 2.0
    }
}

impl Samples<dyn Activation> for Squareplus {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Squareplus, []), Sample::new(Squareplus.b(0.5), [])]
    }
}
