use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// a ← ρ a + (1 − ρ) g²; d = −√(b + ε) / √(a + ε) · g; b ← ρ b + (1 − ρ) d²; w ← w + η d.
    ///
    /// Zeiler 2012, "ADADELTA: an adaptive learning rate method", where η is 1. Slots, each of the weight's shape: `accumulated_grad` a,
    /// `accumulated_delta_var` b.
    ///
    /// ```
    /// use nervure_nn::optimizers::Adadelta;
    /// let optimizer = Adadelta::new().learning_rate(1.0).rho(0.9);
    /// ```
    pub struct Adadelta(1e-3) {
        /// ρ.
        rho: f64 = 0.95,
        /// ε.
        epsilon: f64 = 1e-7,
    }
}
kind!(Adadelta = "adadelta");

impl Optimizer for Adadelta {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let average = |old: Tensor<'g>, new: Tensor<'g>| old * self.rho + new.square() * (1.0 - self.rho);
        let root = |x: Tensor<'g>| (x + self.epsilon).sqrt();
        let a = cx.slot("accumulated_grad", weight, 0.0);
        let b = cx.slot("accumulated_delta_var", weight, 0.0);
        let a = cx.set_slot("accumulated_grad", average(a, g));
        let d = -(root(b) * g / root(a));
        cx.set_slot("accumulated_delta_var", average(b, d));
        weight + cx.learning_rate() * d
    }

    fn check(&self) -> Result<(), String> {
        share("rho", self.rho)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Adadelta {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Adadelta::new(), []),
            Sample::new(Adadelta::new().rho(0.8).epsilon(1e-3).use_ema(true), []),
        ]
    }
}
