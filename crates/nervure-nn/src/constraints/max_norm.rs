use nervure_graph::Tensor;

use crate::constraints::{Constraint, has_axes, norms, scaled, within};
use crate::layers::Axes;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// w · min(‖w‖, max_value) / (10⁻⁷ + ‖w‖), with ‖w‖ = √Σw² over `axis`: norms of at most `max_value` (Srivastava et al. 2014, "Dropout: a simple way
    /// to prevent neural networks from overfitting").
    pub struct MaxNorm {
        /// The greatest norm.
        max_value: f64 = 2.0,
        /// The axes over which norms are taken: 0 for the kernel of [`Dense`](crate::layers::Dense), `[0, 1, 2]` for that of
        /// [`Conv2D`](crate::layers::Conv2D).
        axis: into Axes = 0,
    }
}
kind!(MaxNorm | "max_norm");

impl Constraint for MaxNorm {
    fn lower<'g>(&self, w: Tensor<'g>) -> Tensor<'g> {
        let norms = norms(w, &self.axis);
        scaled(w, norms, norms.clamp(0.0, self.max_value))
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        within("max_value", self.max_value, |m| m >= 0.0, "of at least 0")?;
        has_axes(shape, &self.axis)
    }
}

impl Samples<dyn Constraint> for MaxNorm {
    fn samples() -> Vec<Sample<dyn Constraint>> {
        vec![Sample::new(MaxNorm::new(), []), Sample::new(MaxNorm::new().max_value(0.5).axis([0, 1]), [])]
    }
}
