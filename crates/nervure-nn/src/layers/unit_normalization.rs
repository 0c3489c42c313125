use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::{Axes, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x / √Σx² over `axis`, so that its length is 1; 0 where x is 0. The shape stays.
    pub struct UnitNormalization {
        /// The axes of a vector.
        axis: into Axes = -1,
    }
}
kind!(UnitNormalization);

impl Layer for UnitNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        if self.axis.0.is_empty() {
            return Err(cx.error(self, "at least one axis", "none"));
        }
        Ok(vec![unit(inputs[0], &self.axis.0, 1e-12)])
    }
}

/// `x` divided by its length over axes, or by `least` if it is shorter.
pub(super) fn unit<'g>(x: Tensor<'g>, axes: &[isize], least: f64) -> Tensor<'g> {
    let squares = x.square().sum(axes).keep_axes(x, axes);
    x * squares.max(squares.constant(least * least)).rsqrt()
}

impl Samples<dyn Layer> for UnitNormalization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into(), 2.into()]);
        vec![
            Sample::new(UnitNormalization::new(), [x.clone()]),
            Sample::new(UnitNormalization::new().axis([1, 2]), [x]),
        ]
    }
}
