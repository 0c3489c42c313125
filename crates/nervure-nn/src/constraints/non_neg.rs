use nervure_graph::Tensor;

use crate::constraints::{Constraint};
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// max(w, 0).
    pub struct NonNeg;
}
kind!(NonNeg | "non_neg");

impl Constraint for NonNeg {
    fn lower<'g>(&self, w: Tensor<'g>) -> Tensor<'g> {
        w.max(w.constant(0.0))
    }
}

impl Samples<dyn Constraint> for NonNeg {
    fn samples() -> Vec<Sample<dyn Constraint>> {
        vec![Sample::new(NonNeg, [])]
    }
}
