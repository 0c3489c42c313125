use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::activations::Sigmoid;
use crate::layers::Layer;
use crate::layers::cell::{Cell, CellWeights, linear, product};
use crate::layers::recurrent::recurrent;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::word::{Sample, Samples};

recurrent! {
    /// A step of [`SimpleRNN`]: h' = activation(x · kernel + h · recurrent_kernel + bias).
    ///
    /// Inputs x `[batch, n]` and h `[batch, units]`; outputs h' twice: the output, and the new state. Weights as those of [`SimpleRNN`].
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (x, h) = (input("x", [4]), input("h", [3]));
    /// let y = SimpleRNNCell::new(3).on([&x, &h]);
    /// let model = Model::new([&x, &h], &y).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 3 + 1) * 3);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct SimpleRNNCell;

    /// A recurrent layer whose output is its state (Elman 1990, "Finding structure in time"). From h = 0, or the state that is its second input, at each step
    ///
    /// ```text
    /// h ← activation(x · kernel + h · recurrent_kernel + bias)
    /// ```
    ///
    /// `[batch, time, n]` → `[batch, units]`, the last h; with `return_sequences` `[batch, time, units]`, every h in the order in which they are computed;
    /// with `return_state` also the last h. Weights: `kernel [n, units]`, `recurrent_kernel [units, units]`, `bias [units]`. A step that is masked keeps
    /// the state.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([16, 4]).add(SimpleRNN::new(8)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 8 + 1) * 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct SimpleRNN;
}

impl Cell for SimpleRNNCell {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.units]
    }

    fn weights<'g>(&self, cx: &mut Lower<'g>, rows: &Dim, n: usize) -> Result<CellWeights<'g>> {
        let mut weights = self.gates(1).weights(cx, rows, n)?;
        if self.use_bias {
            weights.input.push(cx.weight(self.bias.weight("bias", [self.units])));
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
        let h = self.activation.lower(seen + product(states[0], &weights.recurrent));
        (h, vec![h])
    }
}

impl Samples<dyn Layer> for SimpleRNNCell {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(SimpleRNNCell::new(3), [ty(2), ty(3)]),
            Sample::new(SimpleRNNCell::new(2).dropout(0.3).recurrent_dropout(0.2).use_bias(false), [ty(2), ty(2)]),
        ]
    }
}

impl Samples<dyn Layer> for SimpleRNN {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 4.into(), 2.into()]);
        let state = Type::new(DType::F32, [batch(), 3.into()]);
        vec![
            Sample::new(SimpleRNN::new(3), [x.clone()]),
            Sample::new(SimpleRNN::new(3).return_state(true).activation(Sigmoid), [x.clone(), state]),
            Sample::new(
                SimpleRNN::new(2).dropout(0.3).recurrent_dropout(0.2).recurrent_regularizer(L2::new(0.1)),
                [x.clone()],
            ),
            Sample::new(SimpleRNN::new(2).return_sequences(true).go_backwards(true).use_bias(false), [x]),
        ]
    }
}
