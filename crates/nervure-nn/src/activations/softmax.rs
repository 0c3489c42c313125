use nervure_graph::{Reduction, Tensor};
use serde::{Deserialize, Serialize};

use crate::activations::{Activation, Link};
use crate::word::{Sample, Samples, kind};

/// yᵢ = eˣⁱ / Σ eˣ over the last axis.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Softmax;
kind!(Softmax = "softmax");

impl Activation for Softmax {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        (x - x.reduce(Reduction::LogSumExp, &[-1]).keep_axes(x, &[-1])).exp()
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Softmax)
    }
}

impl Samples<dyn Activation> for Softmax {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![Sample::new(Softmax, [])]
    }
}
