use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::layers::axes::Numbers;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = scale · x + offset, with one number for all or one for each place of the last axis. Whole numbers become floats: `Rescaling::new(1.0 / 255.0)` takes
    /// images of bytes to [0, 1]. The shape stays.
    pub struct Rescaling {
        /// What x is multiplied by.
        scale: into Numbers,
        /// What is added.
        offset: into Numbers = 0.0,
    }
}
kind!(Rescaling);

impl Layer for Rescaling {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let constant = |numbers: &Numbers| match numbers {
            Numbers::One(v) => Ok(x.constant(*v)),
            Numbers::Each(v) if x.shape().last().is_some_and(|n| n.is(v.len())) => {
                Ok(x.builder().floats(&[v.len()], v))
            }
            Numbers::Each(v) => Err(cx.error(self, format!("an input [batch, …, {}]", v.len()), x.ty())),
        };
        let (scale, offset) = (constant(&self.scale)?, constant(&self.offset)?);
        let y = x * scale;
        Ok(vec![if self.offset == 0.0.into() { y } else { y + offset }])
    }
}

impl Samples<dyn Layer> for Rescaling {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Rescaling::new(2.0), [Type::new(DType::F32, [batch(), 3.into()])]),
            Sample::new(
                Rescaling::new([0.5, 2.0]).offset([1.0, -1.0]),
                [Type::new(DType::F32, [batch(), 3.into(), 2.into()])],
            ),
            Sample::new(Rescaling::new(1.0 / 255.0).offset(-0.5), [Type::new(DType::U8, [batch(), 3.into()])]),
        ]
    }
}
