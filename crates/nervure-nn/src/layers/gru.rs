use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::activations::{Activation, Sigmoid, Tanh};
use crate::layers::Layer;
use crate::layers::cell::{Cell, CellWeights, linear, product};
use crate::layers::recurrent::recurrent;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::word::{Object, Sample, Samples};

recurrent! {
    /// A step of [`GRU`], whose formula it has.
    ///
    /// Inputs x `[batch, n]` and h `[batch, units]`; outputs the new h twice: the output, and the new state. Weights as those of [`GRU`].
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (x, h) = (input("x", [4]), input("h", [3]));
    /// let y = GRUCell::new(3).on([&x, &h]);
    /// let model = Model::new([&x, &h], &y).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 3 + 2) * 3 * 3);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct GRUCell;

    /// A gated recurrent unit (Cho et al. 2014). From a state h = 0, or the one that is its second input, at each step
    ///
    /// ```text
    /// [a_z, a_r, a_h] = x · kernel + bias,  [u_z, u_r, u_h] = h · recurrent_kernel (+ recurrent bias)
    /// z = σ(a_z + u_z),  r = σ(a_r + u_r)                       σ: recurrent_activation
    /// h ← z ⊙ h + (1 − z) ⊙ activation(a_h + r ⊙ u_h)
    /// ```
    ///
    /// With `reset_after` false r is applied before the product: (r ⊙ h) · recurrent_kernel instead of r ⊙ u_h, and there is no recurrent bias.
    ///
    /// `[batch, time, n]` → `[batch, units]`, the last h; with `return_sequences` `[batch, time, units]`, every h in the order in which they are computed;
    /// with `return_state` also the last h. Weights: `kernel [n, 3·units]`, `recurrent_kernel [units, 3·units]`, `bias [2, 3·units]`: of the input and
    /// recurrent (`[3·units]` with `reset_after` false). A step that is masked keeps the state.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([16, 4]).add(GRU::new(8)).add(Dense::new(1)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 8 + 2) * 3 * 8 + 8 + 1);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct GRU;
    {
        /// What is applied to the gates z, r.
        recurrent_activation: into Object<dyn Activation> = Sigmoid
    }
    {
        /// Whether r is applied after the product instead of before.
        reset_after: bool = true
    }
}

impl Cell for GRUCell {
    fn state_sizes(&self) -> Vec<usize> {
        vec![self.units]
    }

    fn weights<'g>(&self, cx: &mut Lower<'g>, rows: &Dim, n: usize) -> Result<CellWeights<'g>> {
        let (units, width) = (self.units, 3 * self.units.min(usize::MAX / 3));
        let CellWeights { mut input, mut recurrent, inner } = self.gates(3).weights(cx, rows, n)?;
        if !self.reset_after {
            // What h is multiplied by, and what r ⊙ h is: cut once, not at each step.
            let columns = |from: usize, count: usize| recurrent[0].narrow(-1, from * units, count * units);
            let factors = |from: usize, count: usize| recurrent.get(1).map(|f| f.narrow(0, from, count));
            let of_gates = [columns(0, 2)].into_iter().chain(factors(0, 2));
            recurrent = of_gates.chain([columns(2, 1)]).chain(factors(2, 1)).collect();
        }
        if self.use_bias {
            let shape = if self.reset_after { vec![2, width] } else { vec![width] };
            let bias = cx.weight(self.bias.weight("bias", shape));
            if self.reset_after {
                let row = |i: usize| bias.narrow(0, i, 1).reshape([width.into()]);
                input.push(row(0));
                recurrent.push(row(1));
            } else {
                input.push(bias);
            }
        }
        Ok(CellWeights { input, recurrent, inner })
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
        let (h, units, recurrent) = (states[0], self.units, &weights.recurrent[..]);
        let (of_gates, of_new) = if self.reset_after { (recurrent, recurrent) } else { recurrent.split_at(recurrent.len() / 2) };
        let sums = linear(h, of_gates, self.reset_after && self.use_bias);
        let part = |t, k| Tensor::narrow(t, -1, k * units, units);
        let gate = |k| self.recurrent_activation.lower(part(seen, k) + part(sums, k));
        let (z, r) = (gate(0), gate(1));
        let reset = if self.reset_after { r * part(sums, 2) } else { product(r * h, of_new) };
        let new = self.activation.lower(part(seen, 2) + reset);
        let h = z * h + (1.0 - z) * new;
        (h, vec![h])
    }
}

impl Samples<dyn Layer> for GRUCell {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |n: usize| Type::new(DType::F32, [batch(), n.into()]);
        vec![
            Sample::new(GRUCell::new(3), [ty(2), ty(3)]),
            Sample::new(GRUCell::new(2).dropout(0.3).reset_after(false), [ty(2), ty(2)]),
        ]
    }
}

impl Samples<dyn Layer> for GRU {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 4.into(), 2.into()]);
        let state = Type::new(DType::F32, [batch(), 2.into()]);
        vec![
            Sample::new(GRU::new(3), [x.clone()]),
            Sample::new(GRU::new(2).reset_after(false).return_sequences(true), [x.clone(), state]),
            Sample::new(GRU::new(2).use_bias(false).go_backwards(true).kernel_regularizer(L2::new(0.1)), [x.clone()]),
            Sample::new(
                GRU::new(2).return_sequences(true).go_backwards(true).activation(Sigmoid).recurrent_activation(Tanh),
                [x.clone()],
            ),
            Sample::new(GRU::new(2).recurrent_dropout(0.3).return_state(true), [x.clone()]),
            Sample::new(GRU::new(2).recurrent_dropout(0.3).dropout(0.1).reset_after(false), [x]),
        ]
    }
}
