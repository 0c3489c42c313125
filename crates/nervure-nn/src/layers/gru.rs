use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::activations::{Activation, Sigmoid, Tanh};
use crate::initializers::{GlorotUniform, Initializer, Orthogonal, Zeros};
use crate::layers::Layer;
use crate::layers::recurrent::{Walk, swap_time};
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::regularizers::{L2, Regularizer};
use crate::word::{Object, Sample, Samples, kind, setters, word, yes};

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
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GRU {
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
    #[serde(default = "yes")]
    reset_after: bool,
}
kind!(GRU);

impl GRU {
    /// `units` numbers of state.
    pub fn new(units: usize) -> GRU {
        GRU {
            units,
            activation: Tanh.into(),
            recurrent_activation: Sigmoid.into(),
            use_bias: true,
            kernel_initializer: GlorotUniform.into(),
            recurrent_initializer: Orthogonal.into(),
            bias_initializer: Zeros.into(),
            kernel_regularizer: None,
            recurrent_regularizer: None,
            bias_regularizer: None,
            return_sequences: false,
            go_backwards: false,
            reset_after: true,
        }
    }

    setters! {
        /// What is applied to the new state; default `tanh`.
        activation: into Object<dyn Activation>,
        /// What is applied to the gates z, r; default `sigmoid`.
        recurrent_activation: into Object<dyn Activation>,
        /// Whether a bias is added; default true.
        use_bias: bool,
        /// Default Glorot uniform.
        kernel_initializer: into Object<dyn Initializer>,
        /// Default orthogonal.
        recurrent_initializer: into Object<dyn Initializer>,
        /// Default zeros.
        bias_initializer: into Object<dyn Initializer>,
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
        /// Whether r is applied after the product instead of before; default true.
        reset_after: bool,
    }
}

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
        let weight = |name, rows, initializer: &Object<dyn Initializer>| {
            Weight::new(name, [rows, width], initializer.clone())
        };
        let kernel = weight("kernel", n, &self.kernel_initializer).regularizer(&self.kernel_regularizer);
        let recurrent = weight("recurrent_kernel", units, &self.recurrent_initializer)
            .regularizer(&self.recurrent_regularizer);
        let (kernel, recurrent) = (cx.weight(kernel), cx.weight(recurrent));
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
            let bias = Weight::new("bias", shape, self.bias_initializer.clone());
            let bias = cx.weight(bias.regularizer(&self.bias_regularizer));
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
