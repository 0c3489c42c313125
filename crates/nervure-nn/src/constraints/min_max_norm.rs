use nervure_graph::Tensor;

use crate::constraints::{Constraint, has_axes, norms, scaled, within};
use crate::layers::Axes;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// w · (rate · n + (1 − rate) · ‖w‖) / (10⁻⁷ + ‖w‖), with ‖w‖ = √Σw² over `axis` and n = min(max(‖w‖, min_value), max_value): norms between the two.
    pub struct MinMaxNorm {
        /// The least norm.
        min_value: f64 = 0.0,
        /// The greatest norm.
        max_value: f64 = 1.0,
        /// Share of the way that a step goes: with 1 all of it.
        rate: f64 = 1.0,
        /// The axes over which norms are taken: 0 for the kernel of [`Dense`](crate::layers::Dense), `[0, 1, 2]` for that of
        /// [`Conv2D`](crate::layers::Conv2D).
        axis: into Axes = 0,
    }
}
kind!(MinMaxNorm | "min_max_norm");

impl Constraint for MinMaxNorm {
    fn lower<'g>(&self, w: Tensor<'g>) -> Tensor<'g> {
        let norms = norms(w, &self.axis);
        let between = norms.clamp(self.min_value, self.max_value);
        scaled(w, norms, between * self.rate + norms * (1.0 - self.rate))
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        within("min_value", self.min_value, |m| m >= 0.0, "of at least 0")?;
        within("max_value", self.max_value, |m| m >= self.min_value, "of at least min_value")?;
        within("rate", self.rate, |r| (0.0..=1.0).contains(&r), "of 0 to 1")?;
        has_axes(shape, &self.axis)
    }
}

impl Samples<dyn Constraint> for MinMaxNorm {
    fn samples() -> Vec<Sample<dyn Constraint>> {
        vec![
            Sample::new(MinMaxNorm::new(), []),
            Sample::new(MinMaxNorm::new().min_value(0.5).max_value(2.0).rate(0.25).axis(-1), []),
        ]
    }
}
