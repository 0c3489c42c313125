use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::Zeros;
use crate::layers::{Axes, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x above 0, else alpha · x, with a learnt alpha for each place (He et al. 2015, "Delving deep into rectifiers"). The derivative at 0
    /// is 0.
    ///
    /// The shape stays. Weight: `alpha`, of the input's shape without the batch, of size 1 along shared axes.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 28, 8]).add(PReLU::new().shared_axes([1, 2])).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct PReLU {
        /// alpha
        alpha: weight Zeros,
        /// The axes along which alpha is the same, counted from 1 behind the batch.
        shared_axes: into Axes = [],
    }
}
kind!(PReLU);

impl Layer for PReLU {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let rank = x.rank() as isize;
        if self.shared_axes.0.iter().any(|a| !(1..rank).contains(a)) {
            let expected = format!("an input with the axes {:?} behind the batch", self.shared_axes.0);
            return Err(cx.error(self, expected, x.ty()));
        }
        let size = |a| if self.shared_axes.0.contains(&a) { Ok(1) } else { cx.fixed(self, x, a) };
        let shape: Vec<usize> = (1..rank).map(size).collect::<Result<_>>()?;
        let alpha = cx.weight(self.alpha.weight("alpha", shape));
        let zero = x.constant(0.0);
        let below = x.greater_equal(zero).select(zero, x);
        Ok(vec![x.greater(zero).select(x, alpha * below)])
    }
}

impl Samples<dyn Layer> for PReLU {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into(), 2.into()]);
        vec![
            Sample::new(PReLU::new(), [x.clone()]),
            Sample::new(PReLU::new().shared_axes(1).alpha_regularizer(L2::new(0.1)), [x]),
        ]
    }
}
