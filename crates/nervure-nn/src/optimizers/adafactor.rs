use nervure_graph::Tensor;

use crate::Result;
use crate::optimizers::{Optimizer, Step, common, optimizer, within};
use crate::word::{Sample, Samples, kind};

optimizer! {
    /// ρ = min(η, 1/√t); α = max(ε₂, rms(w)) ρ; β = 1 − tᵏ, t from 1; s = g² + ε₁; u = g / √v; w ← w − α u / max(1, rms(u) / d), rms(x) = √mean(x²).
    ///
    /// For a weight of two axes or more v is not kept: with r ← β r + (1 − β) mean(s) over columns and c ← β c + (1 − β) mean(s) over rows it is r cᵀ / mean(r). For
    /// others v ← β v + (1 − β) s.
    ///
    /// Shazeer and Stern 2018, "Adafactor: adaptive learning rates with sublinear memory cost". Slots: `r` and `c`, of the weight's shape without its last and its
    /// last but one axis; or `velocity`, of the weight's shape.
    ///
    /// ```
    /// use nervure_nn::optimizers::Adafactor;
    /// let optimizer = Adafactor::new().learning_rate(0.01).clip_threshold(2.0);
    /// ```
    pub struct Adafactor(1e-3) {
        /// The exponent k, at most 0.
        beta_2_decay: f64 = -0.8,
        /// ε₁.
        epsilon_1: f64 = 1e-30,
        /// ε₂.
        epsilon_2: f64 = 1e-3,
        /// The greatest rms of a step, d.
        clip_threshold: f64 = 1.0,
        /// Whether η is held below 1/√t. It makes no difference, as in Keras: the step is held below it in any case.
        relative_step: bool = true,
    }
}
kind!(Adafactor = "adafactor");

impl Optimizer for Adafactor {
    common!();

    fn step<'g>(&self, cx: &mut Step<'g>, weight: Tensor<'g>, g: Tensor<'g>) -> Tensor<'g> {
        let t = cx.iteration();
        let rms = |x: Tensor<'g>| x.square().mean_all().sqrt();
        let rate = cx.learning_rate().min(t.rsqrt()) * rms(weight).max(t.constant(self.epsilon_2));
        // 1 − tᵏ and tᵏ.
        let new = t.pow(t.constant(self.beta_2_decay));
        let s = g.square() + self.epsilon_1;
        let average = |old: Tensor<'g>, x: Tensor<'g>| old * (1.0 - new) + x * new;
        let rank = weight.rank();
        let v = if rank < 2 {
            let v = cx.slot("velocity", weight, 0.0);
            cx.set_slot("velocity", average(v, s))
        } else {
            let (mut of_rows, mut of_columns) = (weight.shape(), weight.shape());
            of_rows.remove(rank - 1);
            of_columns.remove(rank - 2);
            let (r, c) = (cx.slot_of("r", of_rows, 0.0), cx.slot_of("c", of_columns, 0.0));
            let r = cx.set_slot("r", average(r, s.mean(&[-1])));
            let c = cx.set_slot("c", average(c, s.mean(&[-2])));
            let share = r / r.mean(&[-1]).keep_axes(r, &[-1]);
            share.expand(-1) * c.expand(-2)
        };
        let u = g / v.sqrt();
        let excess = rms(u) / self.clip_threshold;
        weight - rate * (u / excess.max(excess.constant(1.0)))
    }

    fn check(&self) -> Result<(), String> {
        within("beta_2_decay", self.beta_2_decay, |k| k <= 0.0, "of at most 0")?;
        within("epsilon_1", self.epsilon_1, |e| e >= 0.0, "of at least 0")?;
        within("epsilon_2", self.epsilon_2, |e| e >= 0.0, "of at least 0")?;
        within("clip_threshold", self.clip_threshold, |d| d > 0.0, "above 0")
    }
}

impl Samples<dyn Optimizer> for Adafactor {
    fn samples() -> Vec<Sample<dyn Optimizer>> {
        vec![
            Sample::new(Adafactor::new(), []),
            Sample::new(Adafactor::new().beta_2_decay(-0.5).epsilon_1(1e-8).epsilon_2(0.01).clip_threshold(0.5).relative_step(false), []),
        ]
    }
}
