use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Step, share, within};

/// Adam's step, for those who take it: see [`Adam`](crate::optimizers::Adam).
pub(super) struct Adaptive {
    pub beta_1: f64,
    pub beta_2: f64,
    pub epsilon: f64,
    pub amsgrad: bool,
    /// What the learning rate is multiplied by.
    pub factor: f64,
}

impl Adaptive {
    pub fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let (m, v) = (cx.slot("momentum", weight, 0.0), cx.slot("velocity", weight, 0.0));
        let mut rate = cx.learning_rate();
        if self.factor != 1.0 {
            rate = rate * self.factor;
        }
        let rate = rate * cx.bias_correction(self.beta_2).sqrt() / cx.bias_correction(self.beta_1);
        let m = cx.set_slot("momentum", m + (g - m) * (1.0 - self.beta_1));
        let mut v = cx.set_slot("velocity", v + (g.square() - v) * (1.0 - self.beta_2));
        if self.amsgrad {
            let greatest = cx.slot("velocity_hat", weight, 0.0);
            v = cx.set_slot("velocity_hat", greatest.max(v));
        }
        weight - rate * m / (v.sqrt() + self.epsilon)
    }

    pub fn check(&self) -> Result<(), String> {
        share("beta_1", self.beta_1)?;
        share("beta_2", self.beta_2)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}
