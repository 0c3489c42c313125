use nervure_graph::{DType, Reduction, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::network::batch;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// yᵢ = xᵢ − ln Σ eˣ over `axis`, without overflow.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSoftmax {
    axis: isize,
}
kind!(LogSoftmax = "log_softmax");
defaults!(LogSoftmax { axis: -1 });

impl LogSoftmax {
    setters! {
        /// The axis over which eʸ sums to 1; default −1.
        axis: isize,
    }
}

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
