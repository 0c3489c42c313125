use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::{Axes, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x / √Σx² over `axis`, so that its length is 1; 0 where x is 0. The shape stays.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([2]).add(UnitNormalization::new()).build(Seed(1))?;
    /// let y = model.predict(ndarray::arr2(&[[3.0_f32, 4.0], [0.0, 0.0]]))?;
    /// assert!(y.as_f32().unwrap().iter().zip([0.6, 0.8, 0.0, 0.0]).all(|(y, e)| (y - e).abs() < 1e-6));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct UnitNormalization {
        /// The axes of a vector.
        axis: into Axes = -1,
    }
}
kind!(UnitNormalization);

impl Layer for UnitNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        Ok(vec![unit(inputs[0], self.axis.given(cx, self)?, 1e-12)])
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
