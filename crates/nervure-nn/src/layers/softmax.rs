use nervure_graph::{DType, Reduction, Tensor, Type};

use crate::Result;
use crate::activations;
use crate::layers::{Axes, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// yᵢ = eˣⁱ / Σ eˣ over `axis`, without overflow. The shape stays.
    ///
    /// A second input is a mask: truth values, or numbers of which those above ½ count, of the shape of x or one that is repeated to it. What does not
    /// count is 0 and has no part in the sum; where nothing counts all is 0. A mask that x carries is passed on.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// use nervure_nn::layers::Softmax;
    /// let (scores, seen) = (input("scores", [4]), input_of("seen", DType::Bool, [4]));
    /// let model = Model::new([&scores, &seen], &Softmax::new().on([&scores, &seen])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 4]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Softmax {
        /// The axes over which y sums to 1.
        axis: into Axes = -1,
    }
}
kind!(Softmax);

/// What scores that do not count are taken for: e to this, less any score, is 0.
const UNSEEN: f64 = -1e9;

/// A softmax of the scores that are seen, all if nothing is said; the others have 0, in a row where none is seen as well.
pub(super) fn softmax_of_seen<'g>(
    scores: Tensor<'g>,
    seen: Option<Tensor<'g>>,
    softmax: impl FnOnce(Tensor<'g>) -> Tensor<'g>,
) -> Tensor<'g> {
    let masked = |x: Tensor<'g>, unseen: f64| seen.map_or(x, |seen| seen.select(x, x.constant(unseen)));
    masked(softmax(masked(scores, UNSEEN)), 0.0)
}

impl Layer for Softmax {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, mask) = match *inputs {
            [x] => (x, None),
            [x, mask] => (x, Some(mask)),
            _ => return Err(cx.error(self, "x, or x and a mask", format!("{} inputs", inputs.len()))),
        };
        let mask = mask.map(|m| if m.dtype() == DType::Bool { m } else { m.greater(m.constant(0.5)) });
        let axes = self.axis.given(cx, self)?;
        let y = softmax_of_seen(x, mask, |seen| match *axes {
            [axis] => cx.activate(&activations::Softmax.axis(axis).into(), seen),
            _ => (seen - seen.reduce(Reduction::LogSumExp, axes).keep_axes(seen, axes)).exp(),
        });
        if y.shape() != x.shape() {
            return Err(cx.error(self, format!("a mask that is repeated to {}", x.ty()), inputs[1].ty()));
        }
        Ok(vec![y])
    }

    fn arity(&self) -> Option<usize> {
        None
    }
}

impl Samples<dyn Layer> for Softmax {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = |dtype, sizes: [usize; 2]| Type::new(dtype, [batch(), sizes[0].into(), sizes[1].into()]);
        let x = of(DType::F32, [3, 2]);
        vec![
            Sample::new(Softmax::new(), [x.clone()]),
            Sample::new(Softmax::new().axis([1, 2]), [x.clone(), of(DType::Bool, [3, 2])]),
            Sample::new(Softmax::new().axis(1), [x, of(DType::I32, [3, 1])]),
        ]
    }
}
