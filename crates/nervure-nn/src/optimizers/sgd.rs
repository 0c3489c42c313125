use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// w ← w − η g; with momentum μ: m ← μ m − η g and w ← w + m; with Nesterov's: w ← w + μ m − η g, m being the new one.
    ///
    /// Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning". Slot, if μ is not 0: `momentum`, of the
    /// weight's shape.
    ///
    /// ```
    /// use nervure_nn::optimizers::SGD;
    /// let optimizer = SGD::new().learning_rate(0.1).momentum(0.9).nesterov(true);
    /// ```
    pub struct SGD(0.01) {
        /// μ, in [0, 1].
        momentum: f64 = 0.0,
        /// Whether the gradient counts as taken after the momentum's move.
        nesterov: bool = false,
    }
}
kind!(SGD = "sgd");

impl Optimizer for SGD {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let move_by = g * cx.learning_rate();
        if self.momentum == 0.0 {
            return weight - move_by;
        }
        let m = cx.slot("momentum", weight, 0.0);
        let m = cx.set_slot("momentum", m * self.momentum - move_by);
        if self.nesterov { weight + m * self.momentum - move_by } else { weight + m }
    }

    fn check(&self) -> Result<(), String> {
        within("momentum", self.momentum, |m| (0.0..=1.0).contains(&m), "of 0 to 1")
    }
}

impl Samples<dyn Optimizer> for SGD {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(SGD::new(), []),
            Sample::new(SGD::new().momentum(0.9).clipvalue(0.1), []),
            Sample::new(SGD::new().learning_rate(0.1).momentum(0.5).nesterov(true), []),
            Sample::new(SGD::new().gradient_accumulation_steps(2).loss_scale_factor(8.0).use_ema(true).ema_overwrite_frequency(3), []),
        ]
    }
}
