use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Each row's elements in another shape: `[batch, …]` → `[batch, target_shape…]`, row-major.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([6, 4]).add(Reshape::new([-1, 2, 2])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 6, 2, 2]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Reshape {
        /// The shape without the batch; one size may be −1: what the others leave.
        target_shape: into Vec<i64>,
    }
}
kind!(Reshape);

impl Reshape {
    /// The sizes, the free one inferred from the number of elements.
    fn sizes(&self, elements: &Dim) -> Option<Vec<Dim>> {
        let free = self.target_shape.iter().filter(|&&n| n == -1).count();
        let known = |&n: &i64| usize::try_from(n).ok().map(Dim::from);
        let mut product = Dim::from(1);
        for n in self.target_shape.iter().filter(|&&n| n != -1) {
            product = product * known(n)?;
        }
        let rest = match free {
            0 if product == *elements => product,
            1 => elements.div_exact(&product)?,
            _ => return None,
        };
        self.target_shape.iter().map(|n| if *n == -1 { Some(rest.clone()) } else { known(n) }).collect()
    }
}

impl Layer for Reshape {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let shape = x.shape();
        let elements = shape.iter().skip(1).fold(Dim::from(1), |n, d| n * d);
        match (shape.first(), self.sizes(&elements)) {
            (Some(rows), Some(sizes)) => Ok(vec![x.reshape([std::slice::from_ref(rows), &sizes[..]].concat())]),
            _ => Err(cx.error(
                self,
                format!("an input [batch, …] whose rows have the elements of {:?}", self.target_shape),
                x.ty(),
            )),
        }
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Reshape {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 4.into(), 3.into()]);
        vec![
            Sample::new(Reshape::new([2, 6]), [x.clone()]),
            Sample::new(Reshape::new([3, -1, 2]), [x.clone()]),
            Sample::new(Reshape::new([-1]), [x]),
        ]
    }
}
