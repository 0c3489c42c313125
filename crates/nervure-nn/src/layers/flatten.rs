use nervure_graph::{DType, Dim, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::layers::window::ChannelsLast;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Each row's elements in one axis: `[batch, …]` → `[batch, n]`, row-major.
    pub struct Flatten {
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(Flatten);

impl Layer for Flatten {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let shape = x.shape();
        let Some((rows, rest)) = shape.split_first() else {
            return Err(cx.error(self, "an input [batch, …]", x.ty()));
        };
        let n = rest.iter().fold(Dim::from(1), |n, d| n * d);
        Ok(vec![x.reshape([rows.clone(), n])])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Flatten {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Flatten::new(), [Type::new(DType::F32, [batch(), 2.into(), 3.into()])]),
            Sample::new(Flatten::new(), [Type::new(DType::F32, [batch()])]),
        ]
    }
}
