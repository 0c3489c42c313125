//! Cells: what a recurrent layer computes in one step.

use nervure_graph::{DType, Dim, Tensor};

use crate::Result;
use crate::layers::{Dropout, Layer};
use crate::lower::{Lower, Noise};
use crate::settings::WeightSettings;

/// One step of a recurrent layer, said once for [`RNN`](super::RNN), which takes it along time, and for the layer that is the cell alone.
///
/// A step is cut in two, so that what it needs of its input is computed of all steps at once: `see`, which knows no state, and `step`.
///
/// ```
/// use nervure_nn::layers::{Cell, CellWeights, Layer, RNN, apply_cell};
/// use nervure_nn::prelude::*;
/// use nervure_nn::{Dim, Kind, Lower, Result, Tensor};
/// use serde::{Deserialize, Serialize};
///
/// /// h ← max(h, x).
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct Highest {
///     units: usize,
/// }
///
/// impl Kind for Highest {
///     const KIND: &'static str = "Highest";
/// }
///
/// impl Cell for Highest {
///     fn state_sizes(&self) -> Vec<usize> {
///         vec![self.units]
///     }
///     fn weights<'g>(&self, _: &mut Lower<'g>, _: &Dim, _: usize) -> Result<CellWeights<'g>> {
///         Ok(CellWeights::default())
///     }
///     fn see<'b>(&self, x: Tensor<'b>, _: &CellWeights<'b>) -> Tensor<'b> {
///         x
///     }
///     fn step<'b>(&self, states: &[Tensor<'b>], seen: Tensor<'b>, _: &CellWeights<'b>) -> (Tensor<'b>, Vec<Tensor<'b>>) {
///         let h = states[0].max(seen);
///         (h, vec![h])
///     }
/// }
///
/// impl Layer for Highest {
///     fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
///         apply_cell(cx, self, self, inputs)
///     }
///     fn cell(&self) -> Option<&dyn Cell> {
///         Some(self)
///     }
///     fn arity(&self) -> Option<usize> {
///         None
///     }
/// }
///
/// let model = Sequential::new([3, 2]).add(RNN::new(Highest { units: 2 })).build(Seed(1))?;
/// let y = model.predict(ndarray::arr3(&[[[1.0, -1.0], [3.0, -2.0], [2.0, -3.0]]]).view())?;
/// assert_eq!(y.as_f32(), Some(&[3.0, 0.0][..]));
/// # Ok::<(), nervure_nn::Error>(())
/// ```
pub trait Cell {
    /// Sizes of the states: each is `[batch, size]`.
    fn state_sizes(&self) -> Vec<usize>;

    /// The state that a step which is masked gives in the place of an output, unless that is 0: one that has the output's size.
    fn output_state(&self) -> usize {
        0
    }

    /// Asks for the weights that the cell needs for `rows` rows of `n` numbers.
    ///
    /// # Errors
    /// Settings that make no sense.
    fn weights<'g>(&self, cx: &mut Lower<'g>, rows: &Dim, n: usize) -> Result<CellWeights<'g>>;

    /// What steps need of their inputs `x: […, batch, n]`, with the weights `input`.
    fn see<'b>(&self, x: Tensor<'b>, weights: &CellWeights<'b>) -> Tensor<'b>;

    /// The output and the new states, from the states, what the step sees, and all weights but `input`.
    fn step<'b>(
        &self,
        states: &[Tensor<'b>],
        seen: Tensor<'b>,
        weights: &CellWeights<'b>,
    ) -> (Tensor<'b>, Vec<Tensor<'b>>);
}

/// Weights of a cell, and other values that all steps share.
#[derive(Debug, Clone, Default)]
pub struct CellWeights<'g> {
    /// What [`Cell::see`] needs.
    pub input: Vec<Tensor<'g>>,
    /// What [`Cell::step`] needs.
    pub recurrent: Vec<Tensor<'g>>,
    /// Those of cells within it, whose input is no sooner there than in a step.
    pub inner: Vec<CellWeights<'g>>,
}

impl<'g> CellWeights<'g> {
    /// What steps need.
    pub(super) fn of_steps(&self) -> Vec<Tensor<'g>> {
        let inner = self.inner.iter().flat_map(|w| [&w.input[..], &w.of_steps()].concat());
        self.recurrent.iter().copied().chain(inner).collect()
    }

    /// The same for other values in the place of those that [`CellWeights::of_steps`] gives, in their order.
    pub(super) fn with<'b>(&self, values: &mut impl Iterator<Item = Tensor<'b>>) -> CellWeights<'b> {
        let recurrent = values.take(self.recurrent.len()).collect();
        let inner = self.inner.iter().map(|w| {
            let input = values.take(w.input.len()).collect();
            CellWeights { input, ..w.with(values) }
        });
        CellWeights { input: Vec::new(), inner: inner.collect(), recurrent }
    }
}

/// One step of a cell as a layer: inputs x `[batch, n]` and the states, outputs y and the new states.
///
/// # Errors
/// Another number of inputs, or inputs of other types.
pub fn apply_cell<'g>(
    cx: &mut Lower<'g>,
    layer: &dyn Layer,
    cell: &dyn Cell,
    inputs: &[Tensor<'g>],
) -> Result<Vec<Tensor<'g>>> {
    let Some((&x, states)) = inputs.split_first() else {
        return Err(cx.error(layer, "an input and states", "none"));
    };
    if x.rank() != 2 || x.dtype() != DType::F32 {
        return Err(cx.error(layer, "an input f32[batch, n]", x.ty()));
    }
    let n = cx.fixed(layer, x, -1)?;
    let weights = cell.weights(cx, &x.dim(0), n)?;
    check_states(cx, layer, cell, x.dim(0), states)?;
    let (y, states) = cell.step(states, cell.see(x, &weights), &weights);
    Ok([vec![y], states].concat())
}

/// Whether these can be a cell's states, for so many rows.
pub(super) fn check_states(
    cx: &Lower<'_>,
    layer: &dyn Layer,
    cell: &dyn Cell,
    rows: Dim,
    states: &[Tensor<'_>],
) -> Result<()> {
    let sizes = cell.state_sizes();
    let fits = |(state, &size): (&Tensor<'_>, &usize)| {
        state.dtype() == DType::F32 && state.shape() == [rows.clone(), size.into()]
    };
    if states.len() == sizes.len() && states.iter().zip(&sizes).all(fits) {
        return Ok(());
    }
    let expected: Vec<String> = sizes.iter().map(|size| format!("f32[{rows}, {size}]")).collect();
    let received: Vec<String> = states.iter().map(|state| state.ty().to_string()).collect();
    let received = if received.is_empty() { "none".into() } else { received.join(", ") };
    Err(cx.error(layer, format!("states {}", expected.join(", ")), received))
}

/// The greatest width of a cell's kernels: that of one row is as large as all weights may be.
const WIDTH: usize = 1 << 30;

/// What cells of Keras share: several gates, of `units` numbers each, linear in the input and in a state.
pub(super) struct Gates<'a> {
    pub cell: &'a dyn Layer,
    pub units: usize,
    pub count: usize,
    pub kernel: &'a WeightSettings,
    pub recurrent: &'a WeightSettings,
    pub dropout: f64,
    pub recurrent_dropout: f64,
}

impl Gates<'_> {
    /// `kernel [n, count · units]`, `recurrent_kernel [units, count · units]`, each followed by the factors of dropout if there are any.
    pub fn weights<'g>(&self, cx: &mut Lower<'g>, rows: &Dim, n: usize) -> Result<CellWeights<'g>> {
        let width = self.units.checked_mul(self.count).filter(|&width| width <= WIDTH);
        let Some(width) = width.filter(|&width| width > 0) else {
            let expected = format!("at least 1 unit and at most {}", WIDTH / self.count);
            return Err(cx.error(self.cell, expected, self.units));
        };
        let mut input = vec![cx.weight(self.kernel.weight("kernel", [n, width]))];
        let mut recurrent = vec![cx.weight(self.recurrent.weight("recurrent_kernel", [self.units, width]))];
        // As Keras: the input's is one for all gates, unless states have their own.
        let gates_of_input = if self.recurrent_dropout == 0.0 { 1 } else { self.count };
        input.extend(self.factors(
            cx,
            "dropout",
            self.dropout,
            [gates_of_input.into(), rows.clone(), n.into()],
        )?);
        let of_states = [self.count.into(), rows.clone(), self.units.into()];
        recurrent.extend(self.factors(cx, "recurrent_dropout", self.recurrent_dropout, of_states)?);
        Ok(CellWeights { input, recurrent, inner: Vec::new() })
    }

    /// What elements are multiplied by while training, the same in every step: 0, or 1 / (1 − rate).
    fn factors<'g>(
        &self,
        cx: &mut Lower<'g>,
        name: &str,
        rate: f64,
        shape: [Dim; 3],
    ) -> Result<Option<Tensor<'g>>> {
        if !(0.0..1.0).contains(&rate) {
            return Err(cx.error(self.cell, format!("a rate `{name}` of at least 0 and below 1"), rate));
        }
        let dropout = Dropout::new(rate);
        let noise = dropout.noise(cx)?;
        let ones = |noise: Noise<'g>| {
            let uniform = noise.uniform(shape);
            dropout.drop(uniform.ones_like(), uniform)
        };
        Ok(noise.map(ones))
    }
}

/// x · kernel, for `[kernel]` or `[kernel, factors]`: these are `[1 or gates, batch, n]`, and multiply x, for all gates or for each another time.
pub(super) fn product<'b>(x: Tensor<'b>, weights: &[Tensor<'b>]) -> Tensor<'b> {
    let kernel = weights[0];
    let Some(&factors) = weights.get(1) else { return x.matmul(kernel) };
    let gates = factors.dim(0).as_const().unwrap_or(1);
    let factor = |gate: usize| factors.narrow(0, gate, 1).reshape(factors.shape()[1..].to_vec());
    if gates == 1 {
        return (x * factor(0)).matmul(kernel);
    }
    let units = kernel.dim(-1).as_const().unwrap_or(gates) / gates;
    let gate = |k: usize| (x * factor(k)).matmul(kernel.narrow(-1, k * units, units));
    let products: Vec<Tensor> = (0..gates).map(gate).collect();
    x.builder().concat(&products, -1)
}

/// The product with weights of which the last is a bias, if there is one.
pub(super) fn linear<'b>(x: Tensor<'b>, weights: &[Tensor<'b>], use_bias: bool) -> Tensor<'b> {
    match weights.split_last() {
        Some((bias, rest)) if use_bias => product(x, rest) + *bias,
        _ => product(x, weights),
    }
}
