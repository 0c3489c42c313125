use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Adaptive, Optimizer, Step, common, optimizer};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε), t from 1.
    ///
    /// Kingma and Ba 2015, "Adam: a method for stochastic optimization", in the form before its section 2.1, as Keras has it. With `amsgrad` √v is
    /// that of the greatest v so far (Reddi et al. 2018, "On the convergence of Adam and beyond"). Slots: `momentum`, `velocity`,
    /// `velocity_hat`, each of the weight's shape.
    ///
    /// ```
    /// use nervure_nn::optimizers::Adam;
    /// let optimizer = Adam::new().learning_rate(0.01).clipnorm(1.0);
    /// ```
    pub struct Adam(1e-3) {
        /// β₁.
        beta_1: f64 = 0.9,
        /// β₂.
        beta_2: f64 = 0.999,
        /// ε.
        epsilon: f64 = 1e-7,
        /// Whether the step is divided by the root of the greatest v so far.
        amsgrad: bool = false,
    }
}
kind!(Adam = "adam");

impl Optimizer for Adam {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        self.rates().step(cx, weight, g)
    }

    fn check(&self) -> Result<(), String> {
        self.rates().check()
    }
}

impl Adam {
    fn rates(&self) -> Adaptive {
        let Adam { beta_1, beta_2, epsilon, amsgrad, .. } = *self;
        Adaptive { beta_1, beta_2, epsilon, amsgrad, factor: 1.0 }
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
