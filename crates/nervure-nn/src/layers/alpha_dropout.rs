use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Layer;
use crate::layers::dropout::{checked_rate, noise_shape};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, sets each element to α' = −α · λ, what `selu` tends to below, with probability `rate`; otherwise the identity. Any shape (Klambauer et al.
    /// 2017, "Self-normalizing neural networks").
    ///
    /// Then y = a · x + b with a = 1 / √((1 − rate) · (1 + rate · α'²)) and b = −a · α' · rate, so that mean 0 and variance 1 stay what they are. What is dropped
    /// follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct AlphaDropout {
        /// The share that is dropped, at least 0 and below 1.
        rate: f64,
        /// The shape in which elements are dropped together: along an axis of size 1 all or none; `None` stands for the input's size. Without it, that of the
        /// input.
        noise_shape: some Vec<Option<usize>>,
    }
}
kind!(AlphaDropout);

/// −α · λ of `selu`.
const LEAST: f64 = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5;

impl Layer for AlphaDropout {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        checked_rate(cx, self, self.rate)?;
        let shape = noise_shape(cx, self, x, &self.noise_shape)?;
        if !cx.training() || self.rate == 0.0 {
            return Ok(vec![x]);
        }
        let a = ((1.0 - self.rate) * (1.0 + self.rate * LEAST * LEAST)).sqrt().recip();
        let b = -a * LEAST * self.rate;
        let uniform = cx.uniform(shape);
        let kept = uniform.greater_equal(uniform.constant(self.rate));
        Ok(vec![kept.select(x * a + b, x.constant(LEAST * a + b))])
    }
}

impl Samples<dyn Layer> for AlphaDropout {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(AlphaDropout::new(0.4), [Type::new(DType::F32, [batch(), 6.into()])]),
            Sample::new(
                AlphaDropout::new(0.5).noise_shape([None, Some(1), Some(3)]),
                [Type::new(DType::F32, [batch(), 4.into(), 3.into()])],
            ),
        ]
    }
}
