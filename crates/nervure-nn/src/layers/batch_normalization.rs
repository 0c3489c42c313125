use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::{Initializer, Ones, Zeros};
use crate::layers::Layer;
use crate::layers::axes::Placed;
use crate::lower::{Lower, Weight};
use crate::metrics::spread;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Object, Sample, Samples, kind};

settings! {
    /// y = gamma · (x − mean) / √(variance + epsilon) + beta, for each place along `axis` (Ioffe and Szegedy 2015, "Batch normalization: accelerating deep
    /// network training").
    ///
    /// In training, mean and variance (Σ(x − mean)² / n) are the batch's over all other axes, of what is not masked, and the moving ones
    /// become momentum · moving + (1 − momentum) · batch's. In prediction, and in a frozen layer, they are the moving ones. The shape stays. Weights, of
    /// the size n of the axis: `gamma`, `beta`; states: `moving_mean`, `moving_variance`.
    pub struct BatchNormalization {
        /// The axis that keeps its own statistics.
        axis: isize = -1,
        /// Share of the moving statistics that a step leaves.
        momentum: f64 = 0.99,
        /// What is added to the variance.
        epsilon: f64 = 1e-3,
        /// Whether beta is added.
        center: bool = true,
        /// Whether gamma multiplies.
        scale: bool = true,
        /// beta
        beta: weight Zeros,
        /// gamma
        gamma: weight Ones,
        /// What the moving mean starts from.
        moving_mean_initializer: into Object<dyn Initializer> = Zeros,
        /// What the moving variance starts from.
        moving_variance_initializer: into Object<dyn Initializer> = Ones,
    }
}
kind!(BatchNormalization);

/// What Keras adds to the number of elements that are not masked, so that none is no division by 0.
const FUZZ: f64 = 1e-7;

impl BatchNormalization {
    /// Mean and variance of the batch over all axes but one.
    fn statistics<'g>(
        x: Tensor<'g>,
        axis: &Placed,
        mask: Option<Tensor<'g>>,
    ) -> (Tensor<'g>, Tensor<'g>) {
        let kept = axis.over();
        let others: Vec<isize> = (0..x.rank() as isize).filter(|a| !kept.contains(a)).collect();
        let deviation = |mean| x - axis.along(mean, x);
        let Some(mask) = mask.map(|m| spread(m, x)) else {
            let mean = x.mean(&others);
            return (mean, deviation(mean).square().mean(&others));
        };
        let count = mask.cast(DType::F32).sum(&others) + FUZZ;
        let mean_of = |t: Tensor<'g>| mask.select(t, t.constant(0.0)).sum(&others) / count;
        let mean = mean_of(x);
        (mean, mean_of(deviation(mean).square()))
    }
}

impl Layer for BatchNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let n = cx.fixed(self, x, self.axis)?;
        let axis = Placed::one(x.axis(self.axis), n);
        let gamma = self.scale.then(|| cx.weight(self.gamma.weight("gamma", [n])));
        let beta = self.center.then(|| cx.weight(self.beta.weight("beta", [n])));
        let mut mean = cx.weight(Weight::new("moving_mean", [n], self.moving_mean_initializer.clone()).state());
        let mut variance =
            cx.weight(Weight::new("moving_variance", [n], self.moving_variance_initializer.clone()).state());
        if cx.training() {
            let of_batch = Self::statistics(x, &axis, cx.mask(x));
            let moved = |moving, new| moving * self.momentum + new * (1.0 - self.momentum);
            cx.update("moving_mean", moved(mean, of_batch.0));
            cx.update("moving_variance", moved(variance, of_batch.1));
            (mean, variance) = of_batch;
        }
        let inverse = (variance + self.epsilon).rsqrt();
        let factor = gamma.map_or(inverse, |g| inverse * g);
        let y = (x - axis.along(mean, x)) * axis.along(factor, x);
        Ok(vec![beta.map_or(y, |b| y + axis.along(b, x))])
    }
}

impl Samples<dyn Layer> for BatchNormalization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(BatchNormalization::new(), [Type::new(DType::F32, [batch(), 3.into()])]),
            Sample::new(
                BatchNormalization::new().axis(1).momentum(0.5).epsilon(0.1).scale(false),
                [Type::new(DType::F32, [batch(), 2.into(), 3.into()])],
            ),
            Sample::new(
                BatchNormalization::new().center(false).gamma_regularizer(L2::new(0.1)),
                [Type::new(DType::F32, [batch(), 2.into(), 2.into(), 2.into()])],
            ),
        ]
    }
}
