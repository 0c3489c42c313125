//! What recurrent layers share: their settings, and the walk along the time axis.

use nervure_graph::{Builder, DType, Dim, Scan, Tensor};

use crate::Result;
use crate::initializers::Zeros;
use crate::layers::Layer;
use crate::layers::cell::{Cell, CellWeights, check_states};
use crate::lower::{Lower, Weight};

/// How a sequence is walked along, and what is given of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    pub return_sequences: bool,
    pub return_state: bool,
    pub go_backwards: bool,
    pub stateful: bool,
    pub zero_output_for_mask: bool,
}

/// Declares a layer that takes a cell along time: its own settings, followed by those of the walk.
macro_rules! walks {
    ($(#[doc = $doc:literal])* pub struct $layer:ident { $($fields:tt)* }) => {
        $crate::settings::settings! {
            $(#[doc = $doc])*
            pub struct $layer {
                $($fields)*
                /// Whether every step's output is given instead of the last.
                return_sequences: bool = false,
                /// Whether the last states are given, as further outputs.
                return_state: bool = false,
                /// Whether the sequence is walked from its end.
                go_backwards: bool = false,
                /// Whether a training step's last states are what the next one begins with, row by row. The batch has to have a fixed size.
                stateful: bool = false,
                /// Whether Keras is to write the steps out instead of a loop. The numbers are the same; here it makes no difference.
                unroll: bool = false,
                /// Whether the output of a step that is masked is 0 instead of the one before.
                zero_output_for_mask: bool = false,
            }
        }

        impl $layer {
            fn walk(&self) -> $crate::layers::recurrent::Walk {
                $crate::layers::recurrent::Walk {
                    return_sequences: self.return_sequences,
                    return_state: self.return_state,
                    go_backwards: self.go_backwards,
                    stateful: self.stateful,
                    zero_output_for_mask: self.zero_output_for_mask,
                }
            }
        }
    };
}
pub(super) use walks;

/// Declares a cell and the layer that takes it along time, which have the same settings but for those of the walk: those of every cell, and in braces its own.
macro_rules! recurrent {
    (
        $(#[doc = $cell_doc:literal])* pub struct $cell:ident;
        $(#[doc = $doc:literal])* pub struct $layer:ident;
        $({ $(#[doc = $own_doc:literal])* $own:ident: $($spec:tt)* })*
    ) => {
        $crate::layers::recurrent::recurrent! {
            @declare ($crate::settings::settings) [$($cell_doc)*] $cell [$([$($own_doc)*] $own [$($spec)*])*]
        }
        $crate::layers::recurrent::recurrent! {
            @declare ($crate::layers::recurrent::walks) [$($doc)*] $layer [$([$($own_doc)*] $own [$($spec)*])*]
        }
        $crate::word::kind!($cell);
        $crate::word::kind!($layer);

        impl $layer {
            fn stepped(&self) -> $cell {
                let Self {
                    units, activation, $($own,)* use_bias, kernel, recurrent, bias, dropout, recurrent_dropout, ..
                } = self.clone();
                $cell { units, activation, $($own,)* use_bias, kernel, recurrent, bias, dropout, recurrent_dropout }
            }
        }

        impl $cell {
            fn gates(&self, count: usize) -> $crate::layers::cell::Gates<'_> {
                let Self { units, kernel, recurrent, dropout, recurrent_dropout, .. } = self;
                $crate::layers::cell::Gates {
                    cell: self,
                    units: *units,
                    count,
                    kernel,
                    recurrent,
                    dropout: *dropout,
                    recurrent_dropout: *recurrent_dropout,
                }
            }
        }

        impl $crate::layers::Layer for $layer {
            fn lower<'g>(
                &self,
                cx: &mut $crate::lower::Lower<'g>,
                inputs: &[nervure_graph::Tensor<'g>],
            ) -> $crate::Result<Vec<nervure_graph::Tensor<'g>>> {
                self.walk().along(cx, self, &self.stepped(), inputs)
            }

            fn arity(&self) -> Option<usize> {
                None
            }

            fn passes_mask(&self) -> bool {
                false
            }
        }

        impl $crate::layers::Layer for $cell {
            fn lower<'g>(
                &self,
                cx: &mut $crate::lower::Lower<'g>,
                inputs: &[nervure_graph::Tensor<'g>],
            ) -> $crate::Result<Vec<nervure_graph::Tensor<'g>>> {
                $crate::layers::apply_cell(cx, self, self, inputs)
            }

            fn cell(&self) -> Option<&dyn $crate::layers::Cell> {
                Some(self)
            }

            fn arity(&self) -> Option<usize> {
                None
            }
        }
    };
    (@declare ($($by:tt)*) [$($doc:literal)*] $word:ident [$([$($own_doc:literal)*] $own:ident [$($spec:tt)*])*]) => {
        $($by)*! {
            $(#[doc = $doc])*
            pub struct $word {
                /// Numbers of a state.
                units: usize,
                /// What is applied to the new state.
                activation: into $crate::word::Object<dyn $crate::activations::Activation> = $crate::activations::Tanh,
                $($(#[doc = $own_doc])* $own: $($spec)*,)*
                /// Whether a bias is added.
                use_bias: bool = true,
                /// the kernel
                kernel: weight $crate::initializers::GlorotUniform,
                /// the recurrent kernel
                recurrent: weight $crate::initializers::Orthogonal,
                /// the bias
                bias: weight $crate::initializers::Zeros,
                /// Share of the inputs that is dropped while training, the same in every step.
                dropout: f64 = 0.0,
                /// Share of the state that is dropped in its products while training, the same in every step and another for each gate.
                recurrent_dropout: f64 = 0.0,
            }
        }
    };
}
pub(super) use recurrent;

/// Bytes for each row of a batch beyond which training does not keep what every step computed, but computes it again for a segment of ⌈√time⌉ steps
/// at a time: of 64 rows this is a gibibyte, for which an LSTM of 128 units has 3000 steps.
const KEPT: usize = 16 << 20;

/// `[batch, time, …]` ↔ `[time, batch, …]`.
fn swap_time(x: Tensor<'_>) -> Tensor<'_> {
    let axes: Vec<usize> = [1, 0].into_iter().chain(2..x.rank()).collect();
    x.transpose(&axes)
}

/// Whether this is a sequence that recurrent layers take.
///
/// # Errors
/// Another rank than 3, or another type than `f32`.
pub(super) fn check_sequence(cx: &Lower<'_>, layer: &dyn Layer, x: Tensor<'_>) -> Result<()> {
    if x.rank() == 3 && x.dtype() == DType::F32 {
        return Ok(());
    }
    Err(cx.error(layer, "an input f32[batch, time, n]", x.ty()))
}

impl Walk {
    /// A cell along `[batch, time, n]`, from the states that follow it among the inputs, or from zeros. Gives the last output `[batch, size]` or those of all
    /// steps `[batch, time, size]` with the mask, and the last states if they are asked for. A step that the mask leaves out keeps the states.
    pub fn along<'g>(
        self,
        cx: &mut Lower<'g>,
        layer: &dyn Layer,
        cell: &dyn Cell,
        inputs: &[Tensor<'g>],
    ) -> Result<Vec<Tensor<'g>>> {
        let Some((&x, initial)) = inputs.split_first() else {
            return Err(cx.error(layer, "a sequence, and states or none", "no input"));
        };
        check_sequence(cx, layer, x)?;
        let n = cx.fixed(layer, x, -1)?;
        let weights = cell.weights(cx, &x.dim(0), n)?;
        let initial = self.initial(cx, layer, cell, x, initial)?;
        // Of all steps at once.
        let seen = cell.see(swap_time(x), &weights);
        cx.builder().check().map_err(|e| cx.failure(layer, e))?;

        let mask = cx.mask(x);
        let (body, output) = self.body(cx, layer, cell, (&initial, seen, &weights), mask)?;
        let outer = cx.builder();
        let slices: Vec<Tensor> = [seen].into_iter().chain(mask.map(swap_time)).collect();
        let operands = [&initial[..], &slices, &weights.of_steps()].concat();
        let (carries, slices, length) = (initial.len(), slices.len(), x.dim(1));
        let scan = Scan { body, carries, slices, length, reverse: self.go_backwards };
        let results = if cx.training() && scan.kept_bytes().at_one() > KEPT {
            outer.scan_in_segments(&scan, &operands)
        } else {
            let count = scan.body.outputs().len();
            let results = outer.scan(scan, &operands);
            (0..count).map(|i| results.project(i)).collect()
        };
        let states = results[..carries].to_vec();
        if self.stateful {
            for (i, state) in states.iter().enumerate() {
                cx.update(&state_name(i), *state);
            }
        }
        let in_order = |x: Tensor<'g>| if self.go_backwards { x.reverse(&[1]) } else { x };
        let y = match output {
            Output::Stacked if self.return_sequences => in_order(swap_time(results[carries])),
            Output::Stacked => last(swap_time(results[carries]), self.go_backwards),
            Output::State(i) => match mask.filter(|_| self.zero_output_for_mask) {
                Some(mask) => {
                    let counts = last(mask, self.go_backwards).expand(-1);
                    counts.select(states[i], states[i].constant(0.0))
                }
                None => states[i],
            },
        };
        if self.return_sequences
            && let Some(mask) = mask
        {
            cx.set_mask(y, in_order(mask));
        }
        let states = if self.return_state { states } else { Vec::new() };
        Ok([vec![y], states].concat())
    }

    /// What the states are before the first step.
    fn initial<'g>(
        self,
        cx: &mut Lower<'g>,
        layer: &dyn Layer,
        cell: &dyn Cell,
        x: Tensor<'g>,
        given: &[Tensor<'g>],
    ) -> Result<Vec<Tensor<'g>>> {
        let (rows, sizes) = (x.dim(0), cell.state_sizes());
        let kept = if self.stateful {
            let Some(rows) = rows.as_const() else {
                return Err(cx.error(layer, "a batch of fixed size for `stateful`", x.ty()));
            };
            let state = |(i, &size): (usize, &usize)| {
                cx.weight(Weight::new(&state_name(i), [rows, size], Zeros).state())
            };
            Some(sizes.iter().enumerate().map(state).collect())
        } else {
            None
        };
        if !given.is_empty() {
            check_states(cx, layer, cell, rows, given)?;
            return Ok(given.to_vec());
        }
        let zeros = |&size: &usize| cx.builder().full(DType::F32, [rows.clone(), size.into()], 0.0);
        Ok(kept.unwrap_or_else(|| sizes.iter().map(zeros).collect()))
    }

    /// What one step computes: the states, and the output unless the last of a state is all that is asked for.
    fn body<'g>(
        self,
        cx: &Lower<'g>,
        layer: &dyn Layer,
        cell: &dyn Cell,
        (initial, seen, weights): (&[Tensor<'g>], Tensor<'g>, &CellWeights<'g>),
        mask: Option<Tensor<'g>>,
    ) -> Result<(nervure_graph::Graph, Output)> {
        let inner = Builder::new();
        let declare = |name: &str, like: Tensor<'g>, from: usize| {
            inner.input(name, like.dtype(), like.shape()[from..].to_vec())
        };
        let old: Vec<Tensor> =
            initial.iter().enumerate().map(|(i, state)| declare(&format!("state {i}"), *state, 0)).collect();
        let slice = declare("seen", seen, 1);
        let counts = mask.map(|mask| inner.input("mask", DType::Bool, [mask.dim(0)]).expand(-1));
        let of_steps = weights.of_steps();
        let declared: Vec<Tensor> =
            of_steps.iter().enumerate().map(|(i, w)| declare(&format!("weight {i}"), *w, 0)).collect();
        inner.input("time", DType::I32, []);
        let (mut y, mut new) = cell.step(&old, slice, &weights.with(&mut declared.into_iter()));
        let state = new.iter().position(|state| state.id() == y.id());
        if let Some(counts) = counts {
            new = new.iter().zip(&old).map(|(new, old)| counts.select(*new, *old)).collect();
            y = match state {
                _ if self.zero_output_for_mask => counts.select(y, y.constant(0.0)),
                Some(i) if i == cell.output_state() => new[i],
                _ => counts.select(y, old[cell.output_state()]),
            };
        }
        for (i, state) in new.iter().enumerate() {
            inner.output(&format!("state {i}"), *state);
        }
        let output = match state.filter(|&i| i == cell.output_state() && !self.return_sequences) {
            Some(i) => Output::State(i),
            None => {
                inner.output("output", y);
                Output::Stacked
            }
        };
        let body = inner.finish().map_err(|e| cx.failure(layer, e))?;
        Ok((body, output))
    }
}

/// Where a scan has the output.
enum Output {
    /// The last one is this state's last value.
    State(usize),
    /// Those of all steps, after the states.
    Stacked,
}

/// A state's name among the weights.
fn state_name(i: usize) -> String {
    if i == 0 { "rnn_state".into() } else { format!("rnn_state_{i}") }
}

/// What the walk comes to last, along axis 1.
fn last(x: Tensor<'_>, go_backwards: bool) -> Tensor<'_> {
    let at = if go_backwards { Dim::from(0) } else { x.dim(1) - 1 };
    let mut shape = x.shape();
    shape.remove(1);
    x.narrow(1, at, 1).reshape(shape)
}
