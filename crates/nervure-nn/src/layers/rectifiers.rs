use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::activations::{Elu, LeakyRelu, Relu};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = max(x, 0); in general y = min(x, max_value) above the threshold and negative_slope · (x − threshold) up to it: the activation
    /// [`relu`](struct@Relu) as a layer, of any shape.
    pub struct ReLU {
        /// Greatest value, at least 0.
        max_value: just f64,
        /// Slope up to the threshold, at least 0.
        negative_slope: f64 = 0.0,
        /// Where the function begins to follow x, at least 0.
        threshold: f64 = 0.0,
    }
}
kind!(ReLU);

impl Layer for ReLU {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let mut relu = Relu.negative_slope(self.negative_slope).threshold(self.threshold);
        at_least_0(cx, self, "negative_slope", self.negative_slope)?;
        at_least_0(cx, self, "threshold", self.threshold)?;
        if let Some(max) = self.max_value {
            at_least_0(cx, self, "max_value", max)?;
            relu = relu.max_value(max);
        }
        Ok(vec![cx.activate(&relu.into(), inputs[0])])
    }
}

settings! {
    /// y = x above 0, else negative_slope · x: the activation [`leaky_relu`](struct@LeakyRelu) as a layer, of any shape (Maas et al. 2013, "Rectifier nonlinearities
    /// improve neural network acoustic models"). Its slope is steeper here, as in Keras.
    pub struct LeakyReLU {
        /// Slope below 0, at least 0.
        negative_slope: f64 = 0.3,
    }
}
kind!(LeakyReLU);

impl Layer for LeakyReLU {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        at_least_0(cx, self, "negative_slope", self.negative_slope)?;
        Ok(vec![cx.activate(&LeakyRelu.negative_slope(self.negative_slope).into(), inputs[0])])
    }
}

settings! {
    /// y = x above 0, else alpha · (eˣ − 1): the activation [`elu`](struct@Elu) as a layer, of any shape.
    pub struct ELU {
        /// What y tends to below, with the sign changed.
        alpha: f64 = 1.0,
    }
}
kind!(ELU);

impl Layer for ELU {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        Ok(vec![cx.activate(&Elu.alpha(self.alpha).into(), inputs[0])])
    }
}

fn at_least_0(cx: &Lower<'_>, layer: &dyn Layer, name: &str, value: f64) -> Result<()> {
    if value >= 0.0 { Ok(()) } else { Err(cx.error(layer, format!("{name} of at least 0"), value)) }
}

fn x() -> [Type; 1] {
    [Type::new(DType::F32, [batch(), 3.into(), 2.into()])]
}

impl Samples<dyn Layer> for ReLU {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(ReLU::new(), x()),
            Sample::new(ReLU::new().max_value(1.0).negative_slope(0.2).threshold(0.5), x()),
        ]
    }
}

impl Samples<dyn Layer> for LeakyReLU {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(LeakyReLU::new(), x()), Sample::new(LeakyReLU::new().negative_slope(0.5), x())]
    }
}

impl Samples<dyn Layer> for ELU {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(ELU::new(), x()), Sample::new(ELU::new().alpha(0.5), x())]
    }
}
