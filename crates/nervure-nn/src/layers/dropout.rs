use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, sets each element to 0 with probability `rate` and divides the others by 1 − rate; otherwise the identity. Any shape
    /// (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting").
    ///
    /// What is dropped follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct Dropout {
        /// The share that is dropped, at least 0 and below 1.
        rate: f64,
        /// The shape in which elements are dropped together: along an axis of size 1 all or none; `None` stands for the input's size. Without it, that of the
        /// input.
        noise_shape: some Vec<Option<usize>>,
    }
}
kind!(Dropout);

impl Layer for Dropout {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        if !(0.0..1.0).contains(&self.rate) {
            return Err(cx.error(self, "a rate of at least 0 and below 1", self.rate));
        }
        let mut shape = x.shape();
        if let Some(noise) = &self.noise_shape {
            let broadcasts = noise.iter().zip(&shape).all(|(n, d)| n.is_none_or(|n| n == 1 || d.is(n)));
            if noise.len() != shape.len() || !broadcasts {
                return Err(cx.error(self, format!("an input to which {noise:?} broadcasts"), x.ty()));
            }
            for (d, n) in shape.iter_mut().zip(noise) {
                *d = n.map_or(d.clone(), Into::into);
            }
        }
        if !cx.training() || self.rate == 0.0 {
            return Ok(vec![x]);
        }
        let uniform = cx.uniform(shape);
        let kept = uniform.greater_equal(uniform.constant(self.rate));
        Ok(vec![kept.select(x * (1.0 / (1.0 - self.rate)), x.constant(0.0))])
    }
}

impl Samples<dyn Layer> for Dropout {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Dropout::new(0.4), [Type::new(DType::F32, [batch(), 6.into()])]),
            Sample::new(
                Dropout::new(0.5).noise_shape([None, Some(1), Some(3)]),
                [Type::new(DType::F32, [batch(), 4.into(), 3.into()])],
            ),
        ]
    }
}
