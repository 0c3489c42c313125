use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, share, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// v ← ρ v + (1 − ρ) g²; d = η g / √(v + ε); w ← w − d, or with momentum μ: m ← μ m + d and w ← w − m. Centred, the root is of v − a² + ε with
    /// a ← ρ a + (1 − ρ) g.
    ///
    /// Hinton 2012, "Neural networks for machine learning", lecture 6e; centred: Graves 2013, "Generating sequences with recurrent neural
    /// networks". Slots, each of the weight's shape: `velocity`; `momentum` if μ is not 0; `average_gradient` if centred.
    ///
    /// ```
    /// use nervure_nn::optimizers::RMSprop;
    /// let optimizer = RMSprop::new().momentum(0.9).centered(true);
    /// ```
    pub struct RMSprop(1e-3) {
        /// ρ.
        rho: f64 = 0.9,
        /// μ, in [0, 1].
        momentum: f64 = 0.0,
        /// ε.
        epsilon: f64 = 1e-7,
        /// Whether the gradient's variance is taken instead of its square.
        centered: bool = false,
    }
}
kind!(RMSprop = "rmsprop");

impl Optimizer for RMSprop {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let average = |old: Tensor<'g>, new: Tensor<'g>| old * self.rho + new * (1.0 - self.rho);
        let v = cx.slot("velocity", weight, 0.0);
        let v = cx.set_slot("velocity", average(v, g.square()));
        let mut spread = v;
        if self.centered {
            let a = cx.slot("average_gradient", weight, 0.0);
            let a = cx.set_slot("average_gradient", average(a, g));
            spread = v - a.square();
        }
        let move_by = cx.learning_rate() * g / (spread + self.epsilon).sqrt();
        if self.momentum == 0.0 {
            return weight - move_by;
        }
        let m = cx.slot("momentum", weight, 0.0);
        weight - cx.set_slot("momentum", m * self.momentum + move_by)
    }

    fn check(&self) -> Result<(), String> {
        share("rho", self.rho)?;
        within("momentum", self.momentum, |m| (0.0..=1.0).contains(&m), "of 0 to 1")?;
        within("epsilon", self.epsilon, |e| e >= 0.0, "of at least 0")
    }
}

impl Samples<dyn Optimizer> for RMSprop {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(RMSprop::new(), []),
            Sample::new(RMSprop::new().momentum(0.9).centered(true).rho(0.8).global_clipnorm(1.0), []),
        ]
    }
}
