use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::activations::Activation;
use crate::network::batch;
use crate::word::{Sample, Samples, defaults, kind, setters};

/// y = a / (1 + e⁻ᵇ), where a and b are the halves of x along `axis`, which becomes half as long (Dauphin et al. 2017, "Language modeling with gated
/// convolutional networks"). An axis of odd size is an error.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Glu {
    axis: isize,
}
kind!(Glu = "glu");
defaults!(Glu { axis: -1 });

impl Glu {
    setters! {
        /// The axis that is halved; default −1.
        axis: isize,
    }
}

impl Activation for Glu {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let Some(half) = x.dim(self.axis).div_exact(&2.into()) else {
            x.builder().fail("glu", format!("an even size of axis {}", self.axis), x.ty());
            return x;
        };
        x.narrow(self.axis, 0, half.clone()) * x.narrow(self.axis, half.clone(), half).sigmoid()
    }
}

impl Samples<dyn Activation> for Glu {
    fn samples() -> Vec<Sample<dyn Activation>> {
        vec![
            Sample::new(Glu, []),
            Sample::new(Glu.axis(1), [Type::new(DType::F32, [batch(), 4.into(), 3.into()])]),
        ]
    }
}
