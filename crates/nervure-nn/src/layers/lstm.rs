use nervure_graph::{DType, Tensor, Type};
use serde::Serialize;

use crate::Result;
use crate::activations::{Activation, Relu, Sigmoid, Tanh};
use crate::initializers::{GlorotUniform, Initializer, Ones, Orthogonal, Stream, Zeros};
use crate::layers::Layer;
use crate::layers::recurrent::{Walk, swap_time};
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Kind, Object, Sample, Samples, kind};

settings! {
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
    pub struct LSTM {
        /// Numbers of the state h, and of c.
        units: usize,
        /// What is applied to g and c.
        activation: into Object<dyn Activation> = Tanh,
        /// What is applied to the gates i, f, o.
        recurrent_activation: into Object<dyn Activation> = Sigmoid,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// the kernel
        kernel: weight GlorotUniform,
        /// the recurrent kernel
        recurrent: weight Orthogonal,
        /// the bias
        bias: weight Zeros,
        /// Whether the bias of f starts from 1, whatever the initializer (Jozefowicz et al. 2015).
        unit_forget_bias: bool = true,
        /// Whether every step's output is given instead of the last.
        return_sequences: bool = false,
        /// Whether the sequence is walked from its end.
        go_backwards: bool = false,
    }
}
kind!(LSTM);

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
        let kernel = cx.weight(self.kernel.weight("kernel", [n, width]));
        let recurrent = cx.weight(self.recurrent.weight("recurrent_kernel", [units, width]));
        // Of all steps at once.
        let mut seen = swap_time(x).matmul(kernel);
        if self.use_bias {
            let mut bias = self.bias.clone();
            if self.unit_forget_bias {
                bias.initializer = UnitForgetBias { others: bias.initializer }.into();
            }
            seen = seen + cx.weight(bias.weight("bias", [width]));
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
