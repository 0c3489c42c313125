use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// m ← m + (g − m)(1 − β₁); u ← max(β₂ u, |g|); w ← w − η m / ((1 − β₁ᵗ)(u + ε)), t from 1.
    ///
    /// Kingma and Ba 2015, "Adam: a method for stochastic optimization", section 7.1. Slots, each of the weight's shape: `momentum` m, `norm` u.
    ///
    /// ```
    /// use nervure_nn::optimizers::Adamax;
    /// let optimizer = Adamax::new().learning_rate(0.01);
    /// ```
    pub struct Adamax(1e-3) {
        /// β₁.
        beta_1: f64 = 0.9,
        /// β₂.
        beta_2: f64 = 0.999,
        /// ε.
        epsilon: f64 = 1e-7,
    }
}
kind!(Adamax = "adamax");

impl Optimizer for Adamax {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let (m, u) = (cx.slot("momentum", weight, 0.0), cx.slot("norm", weight, 0.0));
        let rate = cx.learning_rate() / cx.bias_correction(self.beta_1);
        let m = cx.set_slot("momentum", m + (g - m) * (1.0 - self.beta_1));
        let u = cx.set_slot("norm", (u * self.beta_2).max(g.abs()));
        weight - rate * m / (u + self.epsilon)
    }

    fn check(&self) -> Result<(), String> {
        share("beta_1", self.beta_1)?;
        share("beta_2", self.beta_2)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Adamax {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Adamax::new(), []),
            Sample::new(Adamax::new().beta_1(0.8).beta_2(0.9).epsilon(1e-3), []),
        ]
    }
}
