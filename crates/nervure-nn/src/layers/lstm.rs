use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::activations::{Activation, Relu, Sigmoid, Tanh};
use crate::initializers::{GlorotUniform, Initializer, Ones, Orthogonal, Stream, Zeros};
use crate::layers::Layer;
use crate::layers::recurrent::{Walk, swap_time};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::regularizers::{L2, Regularizer};
use crate::word::{Kind, Object, Sample, Samples, kind, setters, word, yes};

/// A long short-term memory (Hochreiter and Schmidhuber 1997; the forget gate by Gers et al. 2000). From states h = c = 0, at each step
///
/// ```text
/// [i, f, g, o] = x · kernel + h · recurrent_kernel + bias
/// c ← σ(f) ⊙ c + σ(i) ⊙ activation(g)
/// h ← σ(o) ⊙ activation(c)                               σ: recurrent_activation
/// ```
///
/// `[batch, time, n]` → `[batch, units]`, the last h; with `return_sequences` `[batch, time, units]`, every h in the order in which they are computed.
/// Weights: `kernel [n, 4·units]`, `recurrent_kernel [units, 4·units]`, `bias [4·units]`. A step that is masked keeps the states.
///
/// ```
/// use nervure_nn::prelude::*;
/// let model = Sequential::new([64, 32]).add(LSTM::new(128)).add(Dense::new(1).activation(Sigmoid)).build(Seed(1))?;
/// assert_eq!(model.parameter_count(), (32 + 128 + 1) * 4 * 128 + 128 + 1);
/// # Ok::<(), nervure_nn::Error>(())
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LSTM {
    units: usize,
    #[serde(default = "word::<Tanh, _>")]
    activation: Object<dyn Activation>,
    #[serde(default = "word::<Sigmoid, _>")]
    recurrent_activation: Object<dyn Activation>,
    #[serde(default = "yes")]
    use_bias: bool,
    #[serde(default = "word::<GlorotUniform, _>")]
    kernel_initializer: Object<dyn Initializer>,
    #[serde(default = "word::<Orthogonal, _>")]
    recurrent_initializer: Object<dyn Initializer>,
    #[serde(default = "word::<Zeros, _>")]
    bias_initializer: Object<dyn Initializer>,
    #[serde(default = "yes")]
    unit_forget_bias: bool,
    #[serde(default)]
    kernel_regularizer: Option<Object<dyn Regularizer>>,
    #[serde(default)]
    recurrent_regularizer: Option<Object<dyn Regularizer>>,
    #[serde(default)]
    bias_regularizer: Option<Object<dyn Regularizer>>,
    #[serde(default)]
    return_sequences: bool,
    #[serde(default)]
    go_backwards: bool,
}
kind!(LSTM);

impl LSTM {
    /// `units` numbers of state h, and as many of c.
    pub fn new(units: usize) -> LSTM {
        LSTM {
            units,
            activation: Tanh.into(),
            recurrent_activation: Sigmoid.into(),
            use_bias: true,
            kernel_initializer: GlorotUniform.into(),
            recurrent_initializer: Orthogonal.into(),
            bias_initializer: Zeros.into(),
            unit_forget_bias: true,
            kernel_regularizer: None,
            recurrent_regularizer: None,
            bias_regularizer: None,
            return_sequences: false,
            go_backwards: false,
        }
    }

    setters! {
        /// What is applied to g and c; default `tanh`.
        activation: into Object<dyn Activation>,
        /// What is applied to the gates i, f, o; default `sigmoid`.
        recurrent_activation: into Object<dyn Activation>,
        /// Whether a bias is added; default true.
        use_bias: bool,
        /// Default Glorot uniform.
        kernel_initializer: into Object<dyn Initializer>,
        /// Default orthogonal.
        recurrent_initializer: into Object<dyn Initializer>,
        /// Default zeros.
        bias_initializer: into Object<dyn Initializer>,
        /// Whether the bias of f starts from 1, whatever the initializer (Jozefowicz et al. 2015); default true.
        unit_forget_bias: bool,
        /// A penalty on the kernel; default none.
        kernel_regularizer: some Object<dyn Regularizer>,
        /// A penalty on the recurrent kernel; default none.
        recurrent_regularizer: some Object<dyn Regularizer>,
        /// A penalty on the bias; default none.
        bias_regularizer: some Object<dyn Regularizer>,
        /// Whether every step's output is given instead of the last; default false.
        return_sequences: bool,
        /// Whether the sequence is walked from its end; default false.
        go_backwards: bool,
    }
}

impl Layer for LSTM {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, units) = (inputs[0], self.units);
        if x.rank() != 3 {
            return Err(cx.error(self, "an input [batch, time, n]", x.ty()));
        }
        let n = cx.fixed(self, x, -1)?;
        let Some(width) = units.checked_mul(4) else {
            return Err(cx.error(self, "fewer units", units));
        };
        let weight = |name, rows, initializer: &Object<dyn Initializer>| {
            Weight::new(name, [rows, width], initializer.clone())
        };
        let kernel = weight("kernel", n, &self.kernel_initializer).regularizer(&self.kernel_regularizer);
        let recurrent = weight("recurrent_kernel", units, &self.recurrent_initializer)
            .regularizer(&self.recurrent_regularizer);
        let (kernel, recurrent) = (cx.weight(kernel), cx.weight(recurrent));
        // Of all steps at once.
        let mut seen = swap_time(x).matmul(kernel);
        if self.use_bias {
            let mut initializer = self.bias_initializer.clone();
            if self.unit_forget_bias {
                initializer = UnitForgetBias { others: initializer }.into();
            }
            let bias = Weight::new("bias", [width], initializer);
            seen = seen + cx.weight(bias.regularizer(&self.bias_regularizer));
        }
        let walk = Walk { go_backwards: self.go_backwards, return_sequences: self.return_sequences };
        let y = walk.along(cx, self, x, (2, units), (seen, &[recurrent]), |states, seen, weights| {
            let product = states[0].matmul(weights[0]);
            // Each gate is added up apart, so that all of a step's elementwise work is one loop.
            let part = |t, k| Tensor::narrow(t, -1, k * units, units);
            let sum = |k| part(seen, k) + part(product, k);
            let gate = |k| self.recurrent_activation.lower(sum(k));
            let c = gate(1) * states[1] + gate(0) * self.activation.lower(sum(2));
            vec![gate(3) * self.activation.lower(c), c]
        })?;
        Ok(vec![y])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// What the bias starts from: 1 for the forget gate, the second quarter.
#[derive(Debug, Clone, Serialize)]
struct UnitForgetBias {
    others: Object<dyn Initializer>,
}

impl Kind for UnitForgetBias {
    const KIND: &'static str = "UnitForgetBias";
}

impl Initializer for UnitForgetBias {
    fn values(&self, shape: &[usize], random: &mut Stream) -> Vec<f32> {
        let units = shape.iter().product::<usize>() / 4;
        let mut part = |initializer: &dyn Initializer, n| initializer.values(&[n], random);
        let (i, f) = (part(&*self.others, units), part(&Ones, units));
        [i, f, part(&*self.others, 2 * units)].concat()
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), &'static str> {
        self.others.accepts(shape)
    }
}

impl Samples<dyn Layer> for LSTM {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 4.into(), 2.into()]);
        vec![
            Sample::new(LSTM::new(3), [x.clone()]),
            Sample::new(
                LSTM::new(2)
                    .return_sequences(true)
                    .go_backwards(true)
                    .use_bias(false)
                    .recurrent_regularizer(L2::new(0.1)),
                [x.clone()],
            ),
            Sample::new(LSTM::new(2).activation(Sigmoid).recurrent_activation(Tanh).unit_forget_bias(false), [x.clone()]),
            Sample::new(LSTM::new(1).activation(Relu).return_sequences(true), [x]),
        ]
    }
}
