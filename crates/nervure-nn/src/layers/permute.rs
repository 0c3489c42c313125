use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The axes behind the batch in another order: axis i of the result is axis `dims[i − 1]` of the input, both counted from 1.
    pub struct Permute {
        /// A permutation of 1 … n, for an input of n axes behind the batch.
        dims: into Vec<usize>,
    }
}
kind!(Permute);

impl Layer for Permute {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let mut sorted = self.dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..x.rank()) {
            let expected = format!("an input with the axes 1 … {} behind the batch, for {:?}", sorted.len(), self.dims);
            return Err(cx.error(self, expected, x.ty()));
        }
        Ok(vec![x.transpose(&[&[0], &self.dims[..]].concat())])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Permute {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(
            Permute::new([2, 3, 1]),
            [Type::new(DType::F32, [batch(), 2.into(), 3.into(), 4.into()])],
        )]
    }
}
