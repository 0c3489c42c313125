use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::layers::unit_normalization::unit;
use crate::layers::{Axes, Layer};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Scalar products of each row's vectors: y = Σ a · b over an axis of either input, for all places of their other axes.
    ///
    /// `[batch, m…, k]`, `[batch, k, n…]` → `[batch, m…, n…]`, with k at the place that `axes` says; `[batch, k]`, `[batch, k]` → `[batch, 1]`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let (a, b) = (input("a", [4]), input("b", [4]));
    /// let model = Model::new([&a, &b], &Dot::new(-1).normalize(true).on([&a, &b])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 1]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Dot {
        /// The axis that is summed over, not the batch: one of both inputs, or one each.
        axes: into Axes,
        /// Whether vectors are divided by their lengths first, so that y is the cosine of their angle.
        normalize: bool = false,
    }
}
kind!(Dot);

impl Layer for Dot {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let axes = match self.axes.0[..] {
            [axis] => [axis, axis],
            [a, b] => [a, b],
            _ => return Err(cx.error(self, "one or two axes", format!("{:?}", self.axes.0))),
        };
        let (mut sides, mut shape) = (Vec::new(), vec![inputs[0].dim(0)]);
        for (&x, axis) in inputs.iter().zip(axes) {
            let rank = x.rank() as isize;
            let at = if axis < 0 { axis.saturating_add(rank) } else { axis };
            if !(1..rank).contains(&at) {
                let expected = format!("inputs [batch, …] with an axis {axis} behind the batch");
                return Err(cx.error(self, expected, x.ty()));
            }
            let x = if self.normalize { unit(x, &[at], 1e-7) } else { x };
            let rest: Vec<usize> = (1..rank as usize).filter(|&a| a != at as usize).collect();
            let sizes: Vec<Dim> = rest.iter().map(|&a| x.dim(a as isize)).collect();
            let places = sizes.iter().fold(Dim::from(1), |n, d| n * d);
            shape.extend(sizes);
            let last = x.transpose(&[&[0], &rest[..], &[at as usize]].concat());
            sides.push(last.reshape([x.dim(0), places, x.dim(at)]));
        }
        let [a, b] = sides[..] else {
            return Err(cx.error(self, "2 inputs", sides.len()));
        };
        if a.dim(-1) != b.dim(-1) {
            let received = format!("{} and {}", inputs[0].ty(), inputs[1].ty());
            return Err(cx.error(self, format!("inputs of one size along the axes {axes:?}"), received));
        }
        if shape.len() == 1 {
            shape.push(1.into());
        }
        Ok(vec![a.matmul_with(b, false, true).reshape(shape)])
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Dot {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = |sizes: &[usize]| {
            let sizes = sizes.iter().map(|&n| Dim::from(n));
            Type::new(DType::F32, [batch()].into_iter().chain(sizes).collect::<Vec<_>>())
        };
        vec![
            Sample::new(Dot::new(-1), [of(&[3]), of(&[3])]),
            Sample::new(Dot::new([1, 2]).normalize(true), [of(&[3, 2]), of(&[4, 3])]),
            Sample::new(Dot::new([2, 1]), [of(&[2, 3]), of(&[3, 2, 2])]),
            Sample::new(Dot::new(1), [of(&[3]), of(&[3, 2])]),
        ]
    }
}
