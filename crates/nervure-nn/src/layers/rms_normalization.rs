use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::Ones;
use crate::layers::axes::{Axes, mean_over};
use crate::layers::Layer;
use crate::lower::{Lower, Weight};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = scale · x / √(Σx² / n + epsilon), over the n elements of `axis` (Zhang and Sennrich 2019, "Root mean square layer normalization").
    ///
    /// The shape stays. Weight, of the sizes of the axes: `scale`, from 1.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8]).add(RMSNormalization::new()).build(Seed(1))?;
    /// let y = model.predict(ndarray::arr2(&[[2.0_f32; 8]]))?;
    /// assert!(y.as_f32().unwrap().iter().all(|y| (y - 1.0).abs() < 1e-6));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct RMSNormalization {
        /// The axes over which a row is normalized.
        axis: into Axes = -1,
        /// What is added to the mean of squares.
        epsilon: f64 = 1e-6,
    }
}
kind!(RMSNormalization);

impl Layer for RMSNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let axes = self.axis.some_of(cx, self, x)?;
        let scale = axes.along(cx.weight(Weight::new("scale", axes.sizes(), Ones)), x);
        Ok(vec![x * (mean_over(x.square(), &axes.over()) + self.epsilon).rsqrt() * scale])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for RMSNormalization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into(), 2.into()]);
        vec![
            Sample::new(RMSNormalization::new(), [x.clone()]),
            Sample::new(RMSNormalization::new().axis([1, 2]).epsilon(0.1), [x]),
        ]
    }
}
