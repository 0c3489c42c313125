use nervure_graph::{DType, Dim, Tensor, Type};
use serde::Serialize;

use crate::Result;
use crate::activations::{Activation, Relu, Sigmoid, Tanh};
use crate::initializers::{Fans, Initializer, Ones, Stream};
use crate::layers::Layer;
use crate::layers::cell::{Cell, CellWeights, linear, product};
use crate::layers::recurrent::recurrent;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::word::{Kind, Object, Sample, Samples};

recurrent! {
    /// A step of [`LSTM`], whose formula it has.
    ///
    /// Inputs x `[batch, n]`, h and c `[batch, units]`; outputs the new h, and the new states h and c. Weights as those of [`LSTM`].
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (x, h, c) = (input("x", [4]), input("h", [3]), input("c", [3]));
    /// let y = LSTMCell::new(3).on([&x, &h, &c]);
    /// let model = Model::new([&x, &h, &c], [&y, &y.output(2)]).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 3 + 1) * 4 * 3);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct LSTMCell;

    /// A long short-term memory (Hochreiter and Schmidhuber 1997; the forget gate by Gers et al. 2000). From states h = c = 0, or those that are its second
    /// and third inputs, at each step
    ///
    /// ```text
    /// [i, f, g, o] = x · kernel + h · recurrent_kernel + bias
    /// c ← σ(f) ⊙ c + σ(i) ⊙ activation(g)
    /// h ← σ(o) ⊙ activation(c)                               σ: recurrent_activation
    /// ```
    ///
    /// `[batch, time, n]` → `[batch, units]`, the last h; with `return_sequences` `[batch, time, units]`, every h in the order in which they are computed;
    /// with `return_state` also the last h and c. Weights: `kernel [n, 4·units]`, `recurrent_kernel [units, 4·units]`, `bias [4·units]`. A step that is
    /// masked keeps the states.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([64, 32]).add(LSTM::new(128)).add(Dense::new(1).activation(Sigmoid)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (32 + 128 + 1) * 4 * 128 + 128 + 1);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct LSTM;
    {
        /// What is applied to the gates i, f, o.
        recurrent_activation: into Object<dyn Activation> = Sigmoid
    }
    {
        /// Whether the bias of f starts from 1, whatever the initializer (Jozefowicz et al. 2015).
        unit_forget_bias: bool = true
    }
}

impl Cell for LSTMCell {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.units; 2]
    }

    fn weights<'g>(&self, cx: &mut Lower<'g>, rows: &Dim, n: usize) -> Result<CellWeights<'g>> {
        let mut weights = self.gates(4).weights(cx, rows, n)?;
        if self.use_bias {
            let mut bias = self.bias.clone();
            if self.unit_forget_bias {
                bias.initializer = UnitForgetBias { others: bias.initializer }.into();
            }
            weights.input.push(cx.weight(bias.weight("bias", [4 * self.units])));
        }
        Ok(weights)
    }

    fn see<'b>(&self, x: Tensor<'b>, weights: &CellWeights<'b>) -> Tensor<'b> {
        linear(x, &weights.input, self.use_bias)
    }

    fn step<'b>(
        &self,
        states: &[Tensor<'b>],
        seen: Tensor<'b>,
        weights: &CellWeights<'b>,
    ) -> (Tensor<'b>, Vec<Tensor<'b>>) {
        let product = product(states[0], &weights.recurrent);
        // Each gate is added up apart, so that all of a step's elementwise work is one loop.
        let part = |t, k| Tensor::narrow(t, -1, k * self.units, self.units);
        let sum = |k| part(seen, k) + part(product, k);
        let gate = |k| self.recurrent_activation.lower(sum(k));
        let c = gate(1) * states[1] + gate(0) * self.activation.lower(sum(2));
        let h = gate(3) * self.activation.lower(c);
        (h, vec![h, c])
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
    fn values(&self, shape: &[usize], _: Fans, random: &mut Stream) -> Vec<f32> {
        let units = shape.iter().product::<usize>() / 4;
        let mut part = |initializer: &dyn Initializer, n| initializer.values(&[n], Fans::of(&[n]), random);
        let (i, f) = (part(&*self.others, units), part(&Ones, units));
        [i, f, part(&*self.others, 2 * units)].concat()
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), &'static str> {
        self.others.accepts(shape)
    }
}

impl Samples<dyn Layer> for LSTMCell {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(LSTMCell::new(3), [ty(2), ty(3), ty(3)]),
            Sample::new(LSTMCell::new(2).dropout(0.3).recurrent_dropout(0.2), [ty(2), ty(2), ty(2)]),
        ]
    }
}

impl Samples<dyn Layer> for LSTM {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 4.into(), 2.into()]);
        let state = Type::new(DType::F32, [batch(), 3.into()]);
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
            Sample::new(LSTM::new(1).activation(Relu).return_sequences(true), [x.clone()]),
            Sample::new(LSTM::new(2).dropout(0.3).recurrent_dropout(0.2), [x.clone()]),
            Sample::new(LSTM::new(3).dropout(0.3).return_state(true), [x, state.clone(), state]),
        ]
    }
}
