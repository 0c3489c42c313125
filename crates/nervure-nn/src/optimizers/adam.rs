use nervure_graph::Tensor;
use serde::{Deserialize, Serialize};

use crate::optimizers::{Clipping, Optimizer, Step};
use crate::word::{Sample, Samples, kind, setters};

/// m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); w ← w − η √(1 − β₂ᵗ) / (1 − β₁ᵗ) · m / (√v + ε), t from 1.
///
/// Kingma and Ba 2015, "Adam: a method for stochastic optimization", in the form before its section 2.1, as Keras has it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adam {
    learning_rate: f64,
    beta_1: f64,
    beta_2: f64,
    epsilon: f64,
    clipping: Clipping,
}
kind!(Adam = "adam");

impl Default for Adam {
    fn default() -> Adam {
        Adam { learning_rate: 1e-3, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, clipping: Clipping::default() }
    }
}

impl Adam {
    /// Keras's defaults.
    pub fn new() -> Adam {
        Adam::default()
    }

    setters! {
        /// η; default 0.001.
        learning_rate: f64,
        /// β₁; default 0.9.
        beta_1: f64,
        /// β₂; default 0.999.
        beta_2: f64,
        /// ε; default 1e-7.
        epsilon: f64,
        /// Bounds on gradients; default none.
        clipping: Clipping,
    }
}

impl Optimizer for Adam {
    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let (m, v, t) = (cx.slot("m", weight, 0.0), cx.slot("v", weight, 0.0), cx.iteration());
        let power = |beta: f64| t.constant(beta).pow(t);
        let rate = cx.learning_rate() * (1.0 - power(self.beta_2)).sqrt() / (1.0 - power(self.beta_1));
        let m = cx.set_slot("m", m + (g - m) * (1.0 - self.beta_1));
        let v = cx.set_slot("v", v + (g.square() - v) * (1.0 - self.beta_2));
        weight - rate * m / (v.sqrt() + self.epsilon)
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn clipping(&self) -> Clipping {
        self.clipping
    }
}

impl Samples<dyn Optimizer> for Adam {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![Sample::new(Adam::new(), []), Sample::new(Adam::new().learning_rate(0.1).beta_1(0.8).beta_2(0.9).epsilon(1e-3), [])]
    }
}
