use nervure_graph::{DType, Tensor, Type};

use crate::activations::{Activation, Link, LogSoftmax};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// yᵢ = eˣⁱ / Σ eˣ over `axis`, without overflow.
    pub value Softmax {
        /// The axis over which y sums to 1.
        axis: isize = -1,
    }
}
kind!(Softmax = "softmax");

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
