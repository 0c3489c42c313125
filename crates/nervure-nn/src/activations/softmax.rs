use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::activations::{Activation, Link, LogSoftmax};
use crate::network::batch;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// yᵢ = eˣⁱ / Σ eˣ over `axis`, without overflow.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Softmax {
    axis: isize,
}
kind!(Softmax = "softmax");
defaults!(Softmax { axis: -1 });

impl Softmax {
    setters! {
        /// The axis over which y sums to 1; default −1.
        axis: isize,
    }
}

impl Activation for Softmax {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        LogSoftmax.axis(self.axis).lower(x).exp()
    }

    fn link(&self) -> Option<Link> {
        (self.axis == -1).then_some(Link::Softmax)
    }
}

impl Samples<dyn Activation> for Softmax {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![
            Sample::new(Softmax, []),
            Sample::new(Softmax.axis(1), [Type::new(DType::F32, [batch(), 4.into(), 3.into()])]),
        ]
    }
}
