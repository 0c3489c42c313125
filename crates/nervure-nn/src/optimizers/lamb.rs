use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// m ← m + (g − m)(1 − β₁); v ← v + (g² − v)(1 − β₂); u = m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε), t from 1; w ← w − η |w| / |u| · u, with Euclidean norms over the
    /// whole weight, their ratio 1 where one of them is 0.
    ///
    /// You et al. 2020, "Large batch optimization for deep learning: training BERT in 76 minutes". Slots, each of the weight's shape: `momentum` m, `velocity` v.
    ///
    /// ```
    /// use nervure_nn::optimizers::Lamb;
    /// let optimizer = Lamb::new().learning_rate(0.01);
    /// ```
    pub struct Lamb(1e-3) {
        /// β₁.
        beta_1: f64 = 0.9,
        /// β₂.
        beta_2: f64 = 0.999,
        /// ε.
        epsilon: f64 = 1e-7,
    }
}
kind!(Lamb = "lamb");

impl Optimizer for Lamb {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let (m, v) = (cx.slot("momentum", weight, 0.0), cx.slot("velocity", weight, 0.0));
        let m = cx.set_slot("momentum", m + (g - m) * (1.0 - self.beta_1));
        let v = cx.set_slot("velocity", v + (g.square() - v) * (1.0 - self.beta_2));
        let root = (v / cx.bias_correction(self.beta_2)).sqrt() + self.epsilon;
        let u = m / cx.bias_correction(self.beta_1) / root;
        let norm = |x: Tensor<'g>| x.square().sum_all().sqrt();
        let (of_weight, of_step) = (norm(weight), norm(u));
        let zero = of_weight.constant(0.0);
        let both = of_weight.greater(zero) & of_step.greater(zero);
        let ratio = both.select(of_weight / of_step, of_weight.constant(1.0));
        weight - ratio * cx.learning_rate() * u
    }

    fn check(&self) -> Result<(), String> {
        share("beta_1", self.beta_1)?;
        share("beta_2", self.beta_2)?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for Lamb {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Lamb::new(), []),
            Sample::new(Lamb::new().beta_1(0.8).beta_2(0.9).epsilon(1e-3), []),
        ]
    }
}
