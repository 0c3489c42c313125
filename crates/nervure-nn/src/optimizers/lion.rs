use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// w ← w − η sign(β₁ m + (1 − β₁) g); m ← β₂ m + (1 − β₂) g.
    ///
    /// Chen et al. 2023, "Symbolic discovery of optimization algorithms"; its rates are a tenth to a third of Adam's, its decay of weights three to ten times that.
    /// Slot: `momentum` m, of the weight's shape.
    ///
    /// ```
    /// use nervure_nn::optimizers::Lion;
    /// let optimizer = Lion::new().learning_rate(1e-4).weight_decay(0.1);
    /// ```
    pub struct Lion(1e-3) {
        /// β₁, above 0.
        beta_1: f64 = 0.9,
        /// β₂.
        beta_2: f64 = 0.99,
    }
}
kind!(Lion = "lion");

impl Optimizer for Lion {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let m = cx.slot("momentum", weight, 0.0);
        cx.set_slot("momentum", m * self.beta_2 + g * (1.0 - self.beta_2));
        weight - cx.learning_rate() * (m * self.beta_1 + g * (1.0 - self.beta_1)).sign()
    }

    fn check(&self) -> Result<(), String> {
        within("beta_1", self.beta_1, |b| b > 0.0 && b <= 1.0, "above 0 and at most 1")?;
        share("beta_2", self.beta_2)
    }
}

impl Samples<dyn Optimizer> for Lion {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Lion::new(), []),
            Sample::new(Lion::new().beta_1(0.8).beta_2(0.9).weight_decay(0.1), []),
        ]
    }
}
