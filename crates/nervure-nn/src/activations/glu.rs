use nervure_graph::{DType, Tensor, Type};

use crate::activations::Activation;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = a / (1 + e⁻ᵇ), where a and b are the halves of x along `axis`, which becomes half as long (Dauphin et al. 2017, "Language modeling with gated
    /// convolutional networks"). An axis of odd size is an error.
    pub value Glu {
        /// The axis that is halved.
        axis: isize = -1,
    }
}
kind!(Glu = "glu");

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
