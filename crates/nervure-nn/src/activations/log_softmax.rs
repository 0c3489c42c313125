use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::activations::Activation;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// yᵢ = xᵢ − ln Σ eˣ over `axis`, without overflow.
    pub value LogSoftmax {
        /// The axis over which eʸ sums to 1.
        axis: isize = -1,
    }
}
kind!(LogSoftmax = "log_softmax");

impl Activation for LogSoftmax {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        x - x.reduce(Reduction::LogSumExp, &[self.axis]).keep_axes(x, &[self.axis])
    }
}

impl Samples<dyn Activation> for LogSoftmax {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![
            Sample::new(LogSoftmax, []),
            Sample::new(LogSoftmax.axis(1), [Type::new(DType::F32, [batch(), 4.into(), 3.into()])]),
        ]
    }
}
