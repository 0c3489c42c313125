use nervure_graph::{DType, Tensor, Type};

use crate::activations;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};
use crate::Result;

settings! {
    /// An activation as a layer of its own: y = activation(x), of any shape.
    pub struct Activation {
        /// The activation.
        activation: into Object<dyn activations::Activation>,
    }
}
kind!(Activation);

impl Layer for Activation {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        Ok(vec![cx.activate(&self.activation, inputs[0])])
    }
}

impl Samples<dyn Layer> for Activation {
    fn samples() -> Vec<Sample<dyn Layer>> {
        // Every activation there is, so that each is covered.
        let all = <dyn activations::Activation as crate::word::Family>::registry().builtin();
        all.iter()
            .flat_map(|entry| (entry.samples)())
            .map(|s| match s.inputs.is_empty() {
                true => Sample::new(Activation { activation: s.word }, [Type::new(DType::F32, [batch(), 6.into()])]),
                false => Sample::new(Activation { activation: s.word }, s.inputs),
            })
            .collect()
    }
}
