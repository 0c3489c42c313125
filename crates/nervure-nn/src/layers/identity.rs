use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = x, of any shape and type.
    pub struct Identity;
}
kind!(Identity);

impl Layer for Identity {
    fn lower<'g>(&self, _: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        Ok(vec![inputs[0]])
    }
}

impl Samples<dyn Layer> for Identity {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(Identity, [Type::new(DType::F32, [batch(), 2.into()])])]
    }
}
