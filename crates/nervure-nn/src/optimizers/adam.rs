use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Options, Step, option_setters, share, within};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε), t from 1.
    ///
    /// Kingma and Ba 2015, "Adam: a method for stochastic optimization", in the form before its section 2.1, as Keras has it. With `amsgrad` √v is
    /// that of the greatest v so far (Reddi et al. 2018, "On the convergence of Adam and beyond"). Slots: `momentum`, `velocity`,
    /// `velocity_hat`, each of the weight's shape.
    pub struct Adam {
        /// η.
        pub(super) learning_rate: f64 = 1e-3,
        /// β₁.
        pub(super) beta_1: f64 = 0.9,
        /// β₂.
        pub(super) beta_2: f64 = 0.999,
        /// ε.
        pub(super) epsilon: f64 = 1e-7,
        /// Whether the step is divided by the root of the greatest v so far.
        pub(super) amsgrad: bool = false,
        pub(super) options: flat Options = Options::new(),
    }
}
kind!(Adam = "adam");
option_setters!(Adam: options);

impl Optimizer for Adam {
    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let (m, v) = (cx.slot("momentum", weight, 0.0), cx.slot("velocity", weight, 0.0));
        let rate =
            cx.learning_rate() * cx.bias_correction(self.beta_2).sqrt() / cx.bias_correction(self.beta_1);
        let m = cx.set_slot("momentum", m + (g - m) * (1.0 - self.beta_1));
        let mut v = cx.set_slot("velocity", v + (g.square() - v) * (1.0 - self.beta_2));
        if self.amsgrad {
            let greatest = cx.slot("velocity_hat", weight, 0.0);
            v = cx.set_slot("velocity_hat", greatest.max(v));
        }
        weight - rate * m / (v.sqrt() + self.epsilon)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn options(&self) -> Options {
        self.options.clone()
    }

    fn check(&self) -> Result<(), String> {
        share("beta_1", self.beta_1)?;
        share("beta_2", self.beta_2)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Adam {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Adam::new(), []),
            Sample::new(Adam::new().learning_rate(0.1).beta_1(0.8).beta_2(0.9).epsilon(1e-3), []),
            Sample::new(Adam::new().amsgrad(true).weight_decay(0.1).clipnorm(0.5), []),
        ]
    }
}
