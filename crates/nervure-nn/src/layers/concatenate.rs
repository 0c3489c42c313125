use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::metrics::spread;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The inputs one after the other along `axis`; their other axes are equal. Axis 0, the batch, is refused.
    ///
    /// Along the last axis the result is masked where all inputs are, if all have a mask; along another one each part keeps its own.
    pub struct Concatenate {
        /// The axis.
        axis: isize = -1,
    }
}
kind!(Concatenate);

impl Layer for Concatenate {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let Some(first) = inputs.first() else {
            return Err(cx.error(self, "at least one input", "none"));
        };
        let rank = first.rank() as isize;
        let axis = if self.axis < 0 { self.axis + rank } else { self.axis };
        if axis < 1 || axis >= rank {
            let expected = format!("inputs [batch, …] with an axis {} behind the batch", self.axis);
            return Err(cx.error(self, expected, first.ty()));
        }
        let y = cx.builder().concat(inputs, axis);
        let masks: Vec<_> = inputs.iter().map(|&x| cx.mask(x).filter(|m| m.rank() < x.rank())).collect();
        if axis == rank - 1 {
            if let Some(masks) = masks.into_iter().collect::<Option<Vec<_>>>()
                && let Some(mask) = masks.into_iter().reduce(|a, b| a | b)
            {
                cx.set_mask(y, mask);
            }
        } else if masks.iter().any(Option::is_some) {
            let parts: Vec<_> = inputs
                .iter()
                .zip(masks)
                .map(|(x, mask)| {
                    // A value without its last axis has the shape of a mask.
                    let like = x.narrow(-1, 0, 1).reshape(&x.shape()[..x.rank() - 1]);
                    mask.map_or_else(|| like.builder().full(DType::Bool, like.shape(), 1.0), |m| spread(m, like))
                })
                .collect();
            let mask = cx.builder().concat(&parts, axis);
            cx.set_mask(y, mask);
        }
        Ok(vec![y])
    }

    fn arity(&self) -> Option<usize> {
        None
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Concatenate {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let ty = |n: usize, m: usize| Type::new(DType::F32, [batch(), n.into(), m.into()]);
        vec![
            Sample::new(Concatenate::new(), [ty(2, 3), ty(2, 1), ty(2, 2)]),
            Sample::new(Concatenate::new().axis(1), [ty(2, 3), ty(1, 3)]),
        ]
    }
}
