use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Adaptive, Optimizer, Step, common, optimizer};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// [`Adam`](crate::optimizers::Adam) with a decay of weights, of 0.004 unless set otherwise: before each step w ← w − η λ w
    /// (Loshchilov and Hutter 2019, "Decoupled weight decay regularization").
    ///
    /// ```
    /// use nervure_nn::optimizers::AdamW;
    /// let optimizer = AdamW::new().weight_decay(0.01).exclude_from_weight_decay(["bias"]);
    /// ```
    pub struct AdamW(1e-3, 0.004) {
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
kind!(AdamW = "adamw");

impl Optimizer for AdamW {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        self.rates().step(cx, weight, g)
    }

    fn check(&self) -> Result<(), String> {
        self.rates().check()
    }
}

impl AdamW {
    fn rates(&self) -> Adaptive {
        let AdamW { beta_1, beta_2, epsilon, amsgrad, .. } = *self;
        Adaptive { beta_1, beta_2, epsilon, amsgrad, factor: 1.0 }
    }
}

impl Samples<dyn Optimizer> for AdamW {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(AdamW::new(), []),
            Sample::new(AdamW::new().weight_decay(0.1).exclude_from_weight_decay(["bias"]), []),
        ]
    }
}
