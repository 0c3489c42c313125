use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::activations::{Activation, Sigmoid, Tanh};
use crate::initializers::{GlorotUniform, Orthogonal, Zeros};
use crate::layers::Layer;
use crate::layers::recurrent::{Walk, swap_time};
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// A gated recurrent unit (Cho et al. 2014). From a state h = 0, at each step
    ///
    /// ```text
    /// [a_z, a_r, a_h] = x · kernel + bias,  [u_z, u_r, u_h] = h · recurrent_kernel (+ recurrent bias)
    /// z = σ(a_z + u_z),  r = σ(a_r + u_r)                       σ: recurrent_activation
    /// h ← z ⊙ h + (1 − z) ⊙ activation(a_h + r ⊙ u_h)
    /// ```
    ///
    /// With `reset_after` false r is applied before the product: (r ⊙ h) · recurrent_kernel instead of r ⊙ u_h, and there is no recurrent bias.
    ///
    /// `[batch, time, n]` → `[batch, units]`, the last h; with `return_sequences` `[batch, time, units]`, every h in the order in which they are computed.
    /// Weights: `kernel [n, 3·units]`, `recurrent_kernel [units, 3·units]`, `bias [2, 3·units]`: of the input and recurrent (`[3·units]` with
    /// `reset_after` false). A step that is masked keeps the state.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([16, 4]).add(GRU::new(8)).add(Dense::new(1)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), (4 + 8 + 2) * 3 * 8 + 8 + 1);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct GRU {
        /// Numbers of the state.
        units: usize,
        /// What is applied to the new state.
        activation: into Object<dyn Activation> = Tanh,
        /// What is applied to the gates z, r.
        recurrent_activation: into Object<dyn Activation> = Sigmoid,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// the kernel
        kernel: weight GlorotUniform,
        /// the recurrent kernel
        recurrent: weight Orthogonal,
        /// the bias
        bias: weight Zeros,
        /// Whether every step's output is given instead of the last.
        return_sequences: bool = false,
        /// Whether the sequence is walked from its end.
        go_backwards: bool = false,
        /// Whether r is applied after the product instead of before.
        reset_after: bool = true,
    }
}
kind!(GRU);

impl Layer for GRU {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, units) = (inputs[0], self.units);
        if x.rank() != 3 {
            return Err(cx.error(self, "an input [batch, time, n]", x.ty()));
        }
        let n = cx.fixed(self, x, -1)?;
        let Some(width) = units.checked_mul(3) else {
            return Err(cx.error(self, "fewer units", units));
        };
        let kernel = cx.weight(self.kernel.weight("kernel", [n, width]));
        let recurrent = cx.weight(self.recurrent.weight("recurrent_kernel", [units, width]));
        // What h is multiplied by, and what r ⊙ h is: cut once, not at each step.
        let mut weights = if self.reset_after {
            vec![recurrent]
        } else {
            let columns = |from: usize, count: usize| recurrent.narrow(-1, from * units, count * units);
            vec![columns(0, 2), columns(2, 1)]
        };
        // Of all steps at once.
        let mut seen = swap_time(x).matmul(kernel);
        if self.use_bias {
            let shape = if self.reset_after { vec![2, width] } else { vec![width] };
            let bias = cx.weight(self.bias.weight("bias", shape));
            if self.reset_after {
                let row = |i: usize| bias.narrow(0, i, 1).reshape([width.into()]);
                seen = seen + row(0);
                weights.push(row(1));
            } else {
                seen = seen + bias;
            }
        }
        let walk = Walk { go_backwards: self.go_backwards, return_sequences: self.return_sequences };
        let y = walk.along(cx, self, x, (1, units), (seen, &weights), |states, seen, weights| {
            let h = states[0];
            let mut sums = h.matmul(weights[0]);
            if let (true, Some(bias)) = (self.reset_after, weights.get(1)) {
                sums = sums + *bias;
            }
            let part = |t, k| Tensor::narrow(t, -1, k * units, units);
            let gate = |k| self.recurrent_activation.lower(part(seen, k) + part(sums, k));
            let (z, r) = (gate(0), gate(1));
            let reset = if self.reset_after { r * part(sums, 2) } else { (r * h).matmul(weights[1]) };
            let new = self.activation.lower(part(seen, 2) + reset);
            vec![z * h + (1.0 - z) * new]
        })?;
        Ok(vec![y])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for GRU {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 4.into(), 2.into()]);
        vec![
            Sample::new(GRU::new(3), [x.clone()]),
            Sample::new(GRU::new(2).reset_after(false).return_sequences(true), [x.clone()]),
            Sample::new(GRU::new(2).use_bias(false).go_backwards(true).kernel_regularizer(L2::new(0.1)), [x.clone()]),
            Sample::new(
                GRU::new(2).return_sequences(true).go_backwards(true).activation(Sigmoid).recurrent_activation(Tanh),
                [x],
            ),
        ]
    }
}
