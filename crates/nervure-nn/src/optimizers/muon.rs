use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Adaptive, Optimizer, Step, common, optimizer, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// For weights of two axes: m ← μ m + g; o = g + μ m (`nesterov`) or m, made orthogonal; w ← w − η √max(rows, columns) · `rms_rate` · o. All others, and those named to
    /// be excluded, take [`AdamW`](crate::optimizers::AdamW)'s step with the settings `adam_…`.
    ///
    /// To make o orthogonal, or nearly, is to set its singular values to about 1 (iteration of Newton and Schulz): x = o / (|o| + 10⁻⁷), then `ns_steps` times
    /// x ← a x + (b x xᵀ + c (x xᵀ)²) x; of a matrix that is higher than wide, of its transpose.
    ///
    /// Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; `rms_rate`: Liu et al. 2025, "Muon is scalable for LLM training". Slots, each of the
    /// weight's shape: `momentum`; `velocity`, of those with Adam's step.
    ///
    /// ```
    /// use nervure_nn::optimizers::Muon;
    /// let optimizer = Muon::new().learning_rate(0.01).exclude_layers(["output"]);
    /// ```
    pub struct Muon(1e-3, 0.004) {
        /// β₁ of Adam's step.
        adam_beta_1: f64 = 0.9,
        /// β₂ of Adam's step.
        adam_beta_2: f64 = 0.999,
        /// The decay of weights that take Adam's step; none where there is nothing.
        adam_weight_decay: Option<f64> = Some(0.004),
        /// ε of Adam's step.
        epsilon: f64 = 1e-7,
        /// Weights whose path contains one of these take Adam's step.
        exclude_layers: each String,
        /// Whether weights with `embedding` in their path, in any case of letters, take Adam's step.
        exclude_embeddings: bool = true,
        /// Coefficient a of the iteration.
        muon_a: f64 = 3.4445,
        /// Coefficient b of the iteration.
        muon_b: f64 = -4.775,
        /// Coefficient c of the iteration.
        muon_c: f64 = 2.0315,
        /// What the learning rate is multiplied by for Adam's step.
        adam_lr_ratio: f64 = 1.0,
        /// μ.
        momentum: f64 = 0.95,
        /// Steps of the iteration.
        ns_steps: usize = 5,
        /// Whether the gradient counts as taken after the momentum's move.
        nesterov: bool = true,
        /// What a step is multiplied by, with √max(rows, columns); where there is nothing, neither counts.
        rms_rate: Option<f64> = Some(0.2),
    }
}
kind!(Muon = "muon");

impl Optimizer for Muon {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        if self.adapts(cx.path(), &weight) {
            return self.rates().step(cx, weight, g);
        }
        let m = cx.slot("momentum", weight, 0.0);
        let m = cx.set_slot("momentum", m * self.momentum + g);
        let o = self.orthogonal(if self.nesterov { g + m * self.momentum } else { m });
        let mut rate = cx.learning_rate();
        if let Some(factor) = self.rms_rate {
            rate = rate * ((size(&weight, 0).max(size(&weight, 1)) as f64).sqrt() * factor);
        }
        weight - rate * o
    }

    fn check(&self) -> Result<(), String> {
        within("adam_weight_decay", self.adam_weight_decay.unwrap_or(0.0), |d| d >= 0.0, "of at least 0")?;
        within("momentum", self.momentum, |m| (0.0..=1.0).contains(&m), "of 0 to 1")?;
        self.rates().check().map_err(|reason| reason.replace("a beta", "an adam_beta"))
    }

    fn decay(&self, path: &str, weight: &Tensor<'_>) -> Option<f64> {
        let options = self.common();
        let decay = if self.adapts(path, weight) { self.adam_weight_decay } else { options.weight_decay };
        decay.filter(|_| !options.spares(path))
    }
}

impl Muon {
    /// Whether the weight takes Adam's step.
    fn adapts(&self, path: &str, weight: &Tensor<'_>) -> bool {
        weight.rank() != 2
            || self.exclude_embeddings && path.to_lowercase().contains("embedding")
            || self.exclude_layers.iter().any(|part| path.contains(part))
    }

    fn rates(&self) -> Adaptive {
        Adaptive {
            beta_1: self.adam_beta_1,
            beta_2: self.adam_beta_2,
            epsilon: self.epsilon,
            amsgrad: false,
            factor: self.adam_lr_ratio,
        }
    }

    /// Singular values of about 1, in the place of those of `x`.
    fn orthogonal<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let high = size(&x, 0) > size(&x, 1);
        let turned = |x: Tensor<'g>| if high { x.transpose(&[1, 0]) } else { x };
        let mut y = turned(x) / (x.square().sum_all().sqrt() + 1e-7);
        for _ in 0..self.ns_steps {
            let a = y.matmul_with(y, false, true);
            let b = a * self.muon_b + a.matmul(a) * self.muon_c;
            y = y * self.muon_a + b.matmul(y);
        }
        turned(y)
    }
}

/// Weights have numbers for sizes.
fn size(x: &Tensor<'_>, axis: isize) -> usize {
    x.dim(axis).as_const().unwrap_or(1)
}

impl Samples<dyn Optimizer> for Muon {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Muon::new(), []),
            Sample::new(Muon::new().nesterov(false).rms_rate(None).ns_steps(3).exclude_layers(["head"]), []),
        ]
    }
}
