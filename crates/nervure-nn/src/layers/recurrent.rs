//! What recurrent layers share: the walk along the time axis.

use nervure_graph::{Builder, DType, Dim, Scan, Tensor};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;

/// How a sequence is walked along, and what is given of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walk {
    /// From the last step to the first.
    pub go_backwards: bool,
    /// The output of every step, in the order of the walk, instead of the last one's.
    pub return_sequences: bool,
}

/// Bytes for each row of a batch beyond which training does not keep what every step computed, but computes it again for a segment of ⌈√time⌉ steps
/// at a time: of 64 rows this is a gibibyte, for which an LSTM of 128 units has 3000 steps.
const KEPT: usize = 16 << 20;

/// `[batch, time, …]` ↔ `[time, batch, …]`.
pub(super) fn swap_time(x: Tensor<'_>) -> Tensor<'_> {
    let axes: Vec<usize> = [1, 0].into_iter().chain(2..x.rank()).collect();
    x.transpose(&axes)
}

impl Walk {
    /// The state of `units` numbers for which a step has room `states` times, from zeros, over what each step sees: `[time, batch, …]`.
    ///
    /// `step(states, seen, weights)` gives the new states, of which the first is the output. A step that `x`'s mask leaves out keeps the states, so that
    /// it repeats the last output. Gives `[batch, units]`, or `[batch, time, units]` with the mask.
    pub(super) fn along<'g>(
        self,
        cx: &mut Lower<'g>,
        layer: &dyn Layer,
        x: Tensor<'g>,
        (states, units): (usize, usize),
        (seen, weights): (Tensor<'g>, &[Tensor<'g>]),
        step: impl for<'b> Fn(&[Tensor<'b>], Tensor<'b>, &[Tensor<'b>]) -> Vec<Tensor<'b>>,
    ) -> Result<Tensor<'g>> {
        let (outer, length) = (cx.builder(), x.dim(1));
        let shape: [Dim; 2] = [x.dim(0), units.into()];
        let mask = cx.mask(x);
        let inner = Builder::new();
        let declare = |name: &str, like: Tensor<'g>, from: usize| {
            inner.input(name, like.dtype(), like.shape()[from..].to_vec())
        };
        let old: Vec<Tensor> =
            (0..states).map(|i| inner.input(&format!("state {i}"), DType::F32, shape.clone())).collect();
        let slice = declare("seen", seen, 1);
        let counts = mask.map(|_| inner.input("mask", DType::Bool, [shape[0].clone()]));
        let declared: Vec<Tensor> =
            weights.iter().enumerate().map(|(i, w)| declare(&format!("weight {i}"), *w, 0)).collect();
        inner.input("time", DType::I32, []);
        let mut new = step(&old, slice, &declared);
        if let Some(counts) = counts {
            new = new.iter().zip(&old).map(|(new, old)| counts.expand(-1).select(*new, *old)).collect();
        }
        for (i, state) in new.iter().enumerate() {
            inner.output(&format!("state {i}"), *state);
        }
        if self.return_sequences {
            inner.output("output", new[0]);
        }
        let body = inner.finish().map_err(|e| cx.failure(layer, e))?;

        let zeros = outer.full(DType::F32, shape, 0.0);
        let slices: Vec<Tensor> = [seen].into_iter().chain(mask.map(swap_time)).collect();
        let operands = [&vec![zeros; states][..], &slices, weights].concat();
        let scan = Scan { body, carries: states, slices: slices.len(), length, reverse: self.go_backwards };
        let results = if cx.training() && scan.kept_bytes().at_one() > KEPT {
            outer.scan_in_segments(&scan, &operands)
        } else {
            let results = outer.scan(scan, &operands);
            (0..states + usize::from(self.return_sequences)).map(|i| results.project(i)).collect()
        };
        if !self.return_sequences {
            return Ok(results[0]);
        }
        let in_order = |x: Tensor<'g>| if self.go_backwards { x.reverse(&[1]) } else { x };
        let y = in_order(swap_time(results[states]));
        if let Some(mask) = mask {
            cx.set_mask(y, in_order(mask));
        }
        Ok(y)
    }
}
