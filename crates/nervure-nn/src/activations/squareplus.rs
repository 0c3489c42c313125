use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// y = (x + √(x² + b)) / 2 (Barron 2021, "Squareplus: a softplus-like algebraic rectifier").
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Squareplus {
    b: f64,
}
kind!(Squareplus = "squareplus");
defaults!(Squareplus { b: 4.0 });

impl Squareplus {
    setters! {
        /// How smooth the bend is; default 4.
        b: f64,
    }
}

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
