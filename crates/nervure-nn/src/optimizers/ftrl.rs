use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// With h = g + 2 s w, n the sum a + g², p the power and l = λ₂ + β / (2 η): z ← z + h − (n⁻ᵖ − a⁻ᵖ) / η · w; a ← n;
    /// w ← (max(min(z, λ₁), −λ₁) − z) / (n⁻ᵖ / η + 2 l).
    ///
    /// McMahan et al. 2013, "Ad click prediction: a view from the trenches". With λ₁ many weights are exactly 0. Slots, each of the weight's shape:
    /// `accumulator` a, `linear` z.
    ///
    /// ```
    /// use nervure_nn::optimizers::Ftrl;
    /// let optimizer = Ftrl::new().learning_rate(0.1).l1_regularization_strength(0.01);
    /// ```
    pub struct Ftrl(1e-3) {
        /// The power p, at most 0: how fast the rate falls.
        learning_rate_power: f64 = -0.5,
        /// What a starts from.
        initial_accumulator_value: f64 = 0.1,
        /// λ₁.
        l1_regularization_strength: f64 = 0.0,
        /// λ₂.
        l2_regularization_strength: f64 = 0.0,
        /// A penalty on the size of weights in the gradient alone, s.
        l2_shrinkage_regularization_strength: f64 = 0.0,
        /// β.
        beta: f64 = 0.0,
    }
}
kind!(Ftrl = "ftrl");

impl Optimizer for Ftrl {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let a = cx.slot("accumulator", weight, self.initial_accumulator_value);
        let z = cx.slot("linear", weight, 0.0);
        let rate = cx.learning_rate();
        let power = |x: Tensor<'g>| match self.learning_rate_power {
            -0.5 => x.sqrt(),
            p => x.pow(x.constant(-p)),
        };
        let h = g + weight * (2.0 * self.l2_shrinkage_regularization_strength);
        let n = a + g.square();
        let z = cx.set_slot("linear", z + h - (power(n) - power(a)) / rate * weight);
        let l = 2.0 * self.l2_regularization_strength + self.beta / rate;
        let bound = self.l1_regularization_strength;
        cx.set_slot("accumulator", n);
        (z.clamp(-bound, bound) - z) / (power(n) / rate + l)
    }

    fn check(&self) -> Result<(), String> {
        within("learning_rate_power", self.learning_rate_power, |p| p <= 0.0, "of at most 0")?;
        within("initial_accumulator_value", self.initial_accumulator_value, |a| a >= 0.0, "of at least 0")?;
        within("l1_regularization_strength", self.l1_regularization_strength, |l| l >= 0.0, "of at least 0")?;
        within("l2_regularization_strength", self.l2_regularization_strength, |l| l >= 0.0, "of at least 0")?;
        let shrinkage = self.l2_shrinkage_regularization_strength;
        within("l2_shrinkage_regularization_strength", shrinkage, |l| l >= 0.0, "of at least 0")?;
        within("beta", self.beta, |b| b >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Ftrl {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Ftrl::new(), []),
            Sample::new(Ftrl::new().learning_rate_power(-0.6).l1_regularization_strength(0.1).l2_regularization_strength(0.2).beta(0.1), []),
        ]
    }
}
