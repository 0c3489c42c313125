use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Adam, Optimizer, Options, Step, option_setters};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind, setters};

settings! {
    /// [`Adam`] with a decay of weights, of 0.004 unless set otherwise: before each step w ← w − η λ w
    /// (Loshchilov and Hutter 2019, "Decoupled weight decay regularization").
    ///
    /// ```
    /// use nervure_nn::optimizers::AdamW;
    /// let optimizer = AdamW::new().weight_decay(0.01).exclude_from_weight_decay(["bias"]);
    /// ```
    pub struct AdamW {
        adam: flat Adam = Adam::new().weight_decay(0.004),
    }
}
kind!(AdamW = "adamw");
option_setters!(AdamW: adam.options);

impl AdamW {
    setters! {
        @adam;
        /// η; default 0.001.
        learning_rate: f64,
        /// β₁; default 0.9.
        beta_1: f64,
        /// β₂; default 0.999.
        beta_2: f64,
        /// ε; default 1e-7.
        epsilon: f64,
        /// Whether the step is divided by the root of the greatest v so far; default false.
        amsgrad: bool,
    }
}

impl Optimizer for AdamW {
    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        self.adam.step(cx, weight, g)
    }

    fn learning_rate(&self) -> f64 {
        self.adam.learning_rate
    }

    fn options(&self) -> Options {
        self.adam.options.clone()
    }

    fn check(&self) -> Result<(), String> {
        self.adam.check()
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
