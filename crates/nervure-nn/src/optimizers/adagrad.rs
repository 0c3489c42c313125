use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// a ← a + g²; w ← w − η g / √(a + ε).
    ///
    /// Duchi et al. 2011, "Adaptive subgradient methods for online learning and stochastic optimization". Slot: `accumulator` a, of the weight's shape.
    ///
    /// ```
    /// use nervure_nn::optimizers::Adagrad;
    /// let optimizer = Adagrad::new().learning_rate(0.1).initial_accumulator_value(0.0);
    /// ```
    pub struct Adagrad(1e-3) {
        /// What a starts from.
        initial_accumulator_value: f64 = 0.1,
        /// ε.
        epsilon: f64 = 1e-7,
    }
}
kind!(Adagrad = "adagrad");

impl Optimizer for Adagrad {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let a = cx.slot("accumulator", weight, self.initial_accumulator_value);
        let a = cx.set_slot("accumulator", a + g.square());
        weight - cx.learning_rate() * g / (a + self.epsilon).sqrt()
    }

    fn check(&self) -> Result<(), String> {
        within("initial_accumulator_value", self.initial_accumulator_value, |a| a >= 0.0, "of at least 0")?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Adagrad {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Adagrad::new(), []),
            Sample::new(Adagrad::new().initial_accumulator_value(1.0).epsilon(1e-3).clipnorm(1.0), []),
        ]
    }
}
