use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::initializers::{Initializer, Ones, Zeros};
use crate::layers::Layer;
use crate::layers::axes::along;
use crate::lower::{Lower, Weight};
use crate::metrics::spread;
use crate::network::batch;
use crate::regularizers::{L2, Regularizer};
use crate::word::{Object, Sample, Samples, kind, setters};

/// y = gamma · (x − mean) / √(variance + epsilon) + beta, for each place along `axis` (Ioffe and Szegedy 2015, "Batch normalization: accelerating deep
/// network training").
///
/// In training, mean and variance (Σ(x − mean)² / n) are the batch's over all other axes, of what is not masked, and the moving ones
/// become momentum · moving + (1 − momentum) · batch's. In prediction, and in a frozen layer, they are the moving ones. The shape stays. Weights, of
/// the size n of the axis: `gamma`, `beta`; states: `moving_mean`, `moving_variance`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchNormalization {
    axis: isize,
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
    beta_initializer: Object<dyn Initializer>,
    gamma_initializer: Object<dyn Initializer>,
    moving_mean_initializer: Object<dyn Initializer>,
    moving_variance_initializer: Object<dyn Initializer>,
    beta_regularizer: Option<Object<dyn Regularizer>>,
    gamma_regularizer: Option<Object<dyn Regularizer>>,
}
kind!(BatchNormalization);

/// What Keras adds to the number of elements that are not masked, so that none is no division by 0.
const FUZZ: f64 = 1e-7;

impl BatchNormalization {
    /// Over the last axis, with gamma and beta.
    pub fn new() -> BatchNormalization {
        BatchNormalization {
            axis: -1,
            momentum: 0.99,
            epsilon: 1e-3,
            center: true,
            scale: true,
            beta_initializer: Zeros.into(),
            gamma_initializer: Ones.into(),
            moving_mean_initializer: Zeros.into(),
            moving_variance_initializer: Ones.into(),
            beta_regularizer: None,
            gamma_regularizer: None,
        }
    }

    setters! {
        /// The axis that keeps its own statistics; default −1.
        axis: isize,
        /// Share of the moving statistics that a step leaves; default 0.99.
        momentum: f64,
        /// What is added to the variance; default 0.001.
        epsilon: f64,
        /// Whether beta is added; default true.
        center: bool,
        /// Whether gamma multiplies; default true.
        scale: bool,
        /// Default zeros.
        beta_initializer: into Object<dyn Initializer>,
        /// Default ones.
        gamma_initializer: into Object<dyn Initializer>,
        /// Default zeros.
        moving_mean_initializer: into Object<dyn Initializer>,
        /// Default ones.
        moving_variance_initializer: into Object<dyn Initializer>,
        /// A penalty on beta; default none.
        beta_regularizer: some Object<dyn Regularizer>,
        /// A penalty on gamma; default none.
        gamma_regularizer: some Object<dyn Regularizer>,
    }

    /// Mean and variance of the batch over all axes but one.
    fn statistics<'g>(
        x: Tensor<'g>,
        axis: (usize, usize),
        mask: Option<Tensor<'g>>,
    ) -> (Tensor<'g>, Tensor<'g>) {
        let others: Vec<isize> = (0..x.rank()).filter(|&a| a != axis.0).map(|a| a as isize).collect();
        let deviation = |mean| x - along(mean, &[axis], x);
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

impl Default for BatchNormalization {
    fn default() -> BatchNormalization {
        BatchNormalization::new()
    }
}

impl Layer for BatchNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let n = cx.fixed(self, x, self.axis)?;
        let axis = (x.axis(self.axis), n);
        let gamma = self.scale.then(|| {
            cx.weight(
                Weight::new("gamma", [n], self.gamma_initializer.clone()).regularizer(&self.gamma_regularizer),
            )
        });
        let beta = self.center.then(|| {
            cx.weight(
                Weight::new("beta", [n], self.beta_initializer.clone()).regularizer(&self.beta_regularizer),
            )
        });
        let mut mean = cx.weight(Weight::new("moving_mean", [n], self.moving_mean_initializer.clone()).state());
        let mut variance =
            cx.weight(Weight::new("moving_variance", [n], self.moving_variance_initializer.clone()).state());
        if cx.training() {
            let of_batch = Self::statistics(x, axis, cx.mask(x));
            let moved = |moving, new| moving * self.momentum + new * (1.0 - self.momentum);
            cx.update("moving_mean", moved(mean, of_batch.0));
            cx.update("moving_variance", moved(variance, of_batch.1));
            (mean, variance) = of_batch;
        }
        let inverse = (variance + self.epsilon).rsqrt();
        let factor = gamma.map_or(inverse, |g| inverse * g);
        let y = (x - along(mean, &[axis], x)) * along(factor, &[axis], x);
        Ok(vec![beta.map_or(y, |b| y + along(b, &[axis], x))])
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
