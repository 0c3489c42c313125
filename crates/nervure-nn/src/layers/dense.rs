use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::activations::{Activation, Linear, Relu};
use crate::initializers::{GlorotUniform, Initializer, Zeros};
use crate::layers::Layer;
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::regularizers::{L2, Regularizer};
use crate::word::{Object, Sample, Samples, kind, setters, word, yes};
use crate::Result;

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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    units: usize,
    #[serde(default = "word::<Linear, _>")]
    activation: Object<dyn Activation>,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default = "word::<GlorotUniform, _>")]
    kernel_initializer: Object<dyn Initializer>,
    #[serde(default = "word::<Zeros, _>")]
    bias_initializer: Object<dyn Initializer>,
    #[serde(default)]
    kernel_regularizer: Option<Object<dyn Regularizer>>,
    #[serde(default)]
    bias_regularizer: Option<Object<dyn Regularizer>>,
}
kind!(Dense);

impl Dense {
    /// `units` outputs, linear, with bias, kernel Glorot uniform.
    pub fn new(units: usize) -> Dense {
        Dense {
            units,
            activation: Linear.into(),
            use_bias: true,
            kernel_initializer: GlorotUniform.into(),
            bias_initializer: Zeros.into(),
            kernel_regularizer: None,
            bias_regularizer: None,
        }
    }

    setters! {
        /// What is applied to the sum; default `linear`.
        activation: into Object<dyn Activation>,
        /// Whether a bias is added; default true.
        use_bias: bool,
        /// Default Glorot uniform.
        kernel_initializer: into Object<dyn Initializer>,
        /// Default zeros.
        bias_initializer: into Object<dyn Initializer>,
        /// A penalty on the kernel; default none.
        kernel_regularizer: some Object<dyn Regularizer>,
        /// A penalty on the bias; default none.
        bias_regularizer: some Object<dyn Regularizer>,
    }
}

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
        let kernel = cx.weight(
            Weight::new("kernel", [n, self.units], self.kernel_initializer.clone()).regularizer(&self.kernel_regularizer),
        );
        let mut y = x.matmul(kernel);
        if self.use_bias {
            y = y + cx.weight(
                Weight::new("bias", [self.units], self.bias_initializer.clone()).regularizer(&self.bias_regularizer),
            );
        }
        Ok(vec![cx.activate(&self.activation, y)])
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
