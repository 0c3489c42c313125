use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::word::{Sample, Samples, kind};
use crate::Result;

/// While training, sets each element to 0 with probability `rate` and divides the others by 1 − rate; otherwise the identity. Any shape
/// (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting").
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    rate: f64,
}
kind!(Dropout);

impl Dropout {
    /// Drops a share `rate`, at least 0 and below 1.
    pub fn new(rate: f64) -> Dropout {
        Dropout { rate }
    }
}

impl Layer for Dropout {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if !(0.0..1.0).contains(&self.rate) {
            return Err(cx.error(self, "a rate of at least 0 and below 1", self.rate));
        }
        if !cx.training() || self.rate == 0.0 {
            return Ok(vec![x]);
        }
        let uniform = cx.uniform(x.shape());
        let kept = uniform.greater_equal(uniform.constant(self.rate));
        Ok(vec![kept.select(x * (1.0 / (1.0 - self.rate)), x.constant(0.0))])
    }
}

impl Samples<dyn Layer> for Dropout {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(Dropout::new(0.4), [Type::new(DType::F32, [batch(), 6.into()])])]
    }
}
