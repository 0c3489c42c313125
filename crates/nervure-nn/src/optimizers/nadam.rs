use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// With uₜ = β₁ (1 − 0.96ᵗ / 2) and Uₜ = u₁ u₂ … uₜ, t from 1: m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂);
    /// w ← w − η m̂ / (√(v / (1 − β₂ᵗ)) + ε), m̂ = uₜ₊₁ m / (1 − Uₜ uₜ₊₁) + (1 − uₜ) g / (1 − Uₜ).
    ///
    /// Dozat 2015, "Incorporating Nesterov momentum into Adam". Slots: `momentum` m and `velocity` v, of the weight's shape; `u_product` U, a scalar.
    ///
    /// ```
    /// use nervure_nn::optimizers::Nadam;
    /// let optimizer = Nadam::new().learning_rate(0.01);
    /// ```
    pub struct Nadam(1e-3) {
        /// β₁.
        beta_1: f64 = 0.9,
        /// β₂.
        beta_2: f64 = 0.999,
        /// ε.
        epsilon: f64 = 1e-7,
    }
}
kind!(Nadam = "nadam");

impl Optimizer for Nadam {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let (m, v) = (cx.slot("momentum", weight, 0.0), cx.slot("velocity", weight, 0.0));
        let t = cx.iteration();
        let u = |t: Tensor<'g>| ((t * 0.96_f64.ln()).exp() * -0.5 + 1.0) * self.beta_1;
        let (now, next) = (u(t), u(t + 1.0));
        let product = cx.slot_of("u_product", [], 1.0);
        let product = cx.set_slot("u_product", product * now);
        let m = cx.set_slot("momentum", m + (g - m) * (1.0 - self.beta_1));
        let v = cx.set_slot("velocity", v + (g.square() - v) * (1.0 - self.beta_2));
        let ahead = m * (next / (1.0 - product * next)) + g * ((1.0 - now) / (1.0 - product));
        weight - cx.learning_rate() * ahead / ((v / cx.bias_correction(self.beta_2)).sqrt() + self.epsilon)
    }

    fn check(&self) -> Result<(), String> {
        share("beta_1", self.beta_1)?;
        share("beta_2", self.beta_2)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Nadam {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Nadam::new(), []),
            Sample::new(Nadam::new().beta_1(0.8).beta_2(0.9).epsilon(1e-3), []),
        ]
    }
}
