use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// v ← v + (g² − v)(1 − β₂); z ← z − η g / (√(v / (1 − β₂ᵗ)) + ε), t from 1; the weight w = (1 − β₁) z + β₁ x, where x is the mean of all z so far: x ← x + (z − x) / t.
    ///
    /// The mean does what a falling learning rate would; weights decay where `weight_decay` is set. While η warms up it is η min(t / `warmup_steps`, 1).
    ///
    /// Defazio et al. 2024, "The road less scheduled". Slots, each of the weight's shape: `momentum` z, which starts from the weight; `velocity` v.
    ///
    /// ```
    /// use nervure_nn::optimizers::ScheduleFreeAdamW;
    /// let optimizer = ScheduleFreeAdamW::new().warmup_steps(100).weight_decay(0.01);
    /// ```
    pub struct ScheduleFreeAdamW(0.0025) {
        /// β₁, above 0: the share of the mean in the weight.
        beta_1: f64 = 0.9,
        /// β₂.
        beta_2: f64 = 0.999,
        /// ε.
        epsilon: f64 = 1e-8,
        /// Steps over which η rises to its value.
        warmup_steps: usize = 0,
    }
}
kind!(ScheduleFreeAdamW = "schedule_free_adamw");

impl Optimizer for ScheduleFreeAdamW {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let z = cx.slot_of_weight("momentum", weight);
        let v = cx.slot("velocity", weight, 0.0);
        let t = cx.iteration();
        let mut rate = cx.learning_rate();
        if self.warmup_steps > 0 {
            rate = rate * (t / self.warmup_steps as f64).min(t.constant(1.0));
        }
        let v = cx.set_slot("velocity", v + (g.square() - v) * (1.0 - self.beta_2));
        let root = (v / cx.bias_correction(self.beta_2)).sqrt() + self.epsilon;
        let x = (weight - z * (1.0 - self.beta_1)) / self.beta_1;
        let z = cx.set_slot("momentum", z - rate * g / root);
        let share = 1.0 / t;
        let x = x * (1.0 - share) + z * share;
        z * (1.0 - self.beta_1) + x * self.beta_1
    }

    fn check(&self) -> Result<(), String> {
        within("beta_1", self.beta_1, |b| b > 0.0 && b < 1.0, "above 0 and below 1")?;
        share("beta_2", self.beta_2)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for ScheduleFreeAdamW {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(ScheduleFreeAdamW::new(), []),
            Sample::new(ScheduleFreeAdamW::new().beta_1(0.8).beta_2(0.9).epsilon(1e-3).warmup_steps(3), []),
        ]
    }
}
