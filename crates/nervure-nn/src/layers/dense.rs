use nervure_graph::{DType, Tensor, Type};

use crate::activations::{Activation, Linear, Relu};
use crate::initializers::{GlorotUniform, Zeros};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};
use crate::Result;

settings! {
    /// A densely connected layer: y = activation(x · kernel + bias).
    ///
    /// `[batch, …, n]` → `[batch, …, units]`. Weights: `kernel [n, units]`, `bias [units]`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8]).add(Dense::new(3).activation(Relu)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 8 * 3 + 3);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Dense {
        /// Number of outputs.
        units: usize,
        /// What is applied to the sum.
        activation: into Object<dyn Activation> = Linear,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// the kernel
        kernel: weight GlorotUniform,
        /// the bias
        bias: weight Zeros,
    }
}
kind!(Dense);

impl Layer for Dense {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if x.rank() < 2 {
            return Err(cx.error(self, "an input [batch, …, n]", x.ty()));
        }
        if self.units == 0 {
            return Err(cx.error(self, "at least 1 unit", self.units));
        }
        let n = cx.fixed(self, x, -1)?;
        let y = x.matmul(cx.weight(self.kernel.weight("kernel", [n, self.units])));
        let bias = self.use_bias.then(|| self.bias.weight("bias", [self.units]));
        Ok(vec![cx.affine(y, bias, &self.activation)])
    }
}

impl Samples<dyn Layer> for Dense {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Dense::new(3), [Type::new(DType::F32, [batch(), 4.into()])]),
            Sample::new(
                Dense::new(2).activation(Relu).use_bias(false).kernel_regularizer(L2::new(0.01)),
                [Type::new(DType::F32, [batch(), 3.into(), 4.into()])],
            ),
        ]
    }
}
