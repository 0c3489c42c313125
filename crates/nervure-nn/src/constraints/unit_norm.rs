use nervure_graph::Tensor;

use crate::constraints::{Constraint, has_axes, norms, scaled};
use crate::layers::Axes;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// w / (10⁻⁷ + ‖w‖), with ‖w‖ = √Σw² over `axis`: norms of 1.
    pub struct UnitNorm {
        /// The axes over which norms are taken: 0 for the kernel of [`Dense`](crate::layers::Dense), `[0, 1, 2]` for that of
        /// [`Conv2D`](crate::layers::Conv2D).
        axis: into Axes = 0,
    }
}
kind!(UnitNorm | "unit_norm");

impl Constraint for UnitNorm {
    fn lower<'g>(&self, w: Tensor<'g>) -> Tensor<'g> {
        let norms = norms(w, &self.axis);
        scaled(w, norms, norms.ones_like())
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), String> {
        has_axes(shape, &self.axis)
    }
}

impl Samples<dyn Constraint> for UnitNorm {
    fn samples() -> Vec<Sample<dyn Constraint>> {
        vec![Sample::new(UnitNorm::new(), []), Sample::new(UnitNorm::new().axis([-2, -1]), [])]
    }
}
