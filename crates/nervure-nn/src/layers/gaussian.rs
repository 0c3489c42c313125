use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::layers::dropout::checked_rate;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, multiplies each element by a normal number of mean 1 and standard deviation √(rate / (1 − rate)), that of [`Dropout`]'s factors; otherwise
    /// the identity. Any shape (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting").
    ///
    /// The numbers follow from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    ///
    /// [`Dropout`]: super::Dropout
    pub struct GaussianDropout {
        /// The share that [`Dropout`](super::Dropout) would drop, at least 0 and below 1.
        rate: f64,
    }
}
kind!(GaussianDropout);

impl Layer for GaussianDropout {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        checked_rate(cx, self, self.rate)?;
        if !cx.training() || self.rate == 0.0 {
            return Ok(vec![x]);
        }
        let deviation = (self.rate / (1.0 - self.rate)).sqrt();
        Ok(vec![x * (cx.normal(x.shape()) * deviation + 1.0)])
    }
}

settings! {
    /// While training, adds a normal number of mean 0 and standard deviation `stddev` to each element; otherwise the identity. Any shape.
    ///
    /// The numbers follow from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct GaussianNoise {
        /// Standard deviation, from 0 to 1.
        stddev: f64,
    }
}
kind!(GaussianNoise);

impl Layer for GaussianNoise {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if !(0.0..=1.0).contains(&self.stddev) {
            return Err(cx.error(self, "a standard deviation from 0 to 1", self.stddev));
        }
        if !cx.training() || self.stddev == 0.0 {
            return Ok(vec![x]);
        }
        Ok(vec![x + cx.normal(x.shape()) * self.stddev])
    }
}

impl Samples<dyn Layer> for GaussianDropout {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(GaussianDropout::new(0.4), [Type::new(DType::F32, [batch(), 3.into(), 2.into()])])]
    }
}

impl Samples<dyn Layer> for GaussianNoise {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(GaussianNoise::new(0.5), [Type::new(DType::F32, [batch(), 6.into()])])]
    }
}
