use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::initializers::{Ones, Zeros};
use crate::layers::Layer;
use crate::layers::axes::Placed;
use crate::layers::layer_normalization::standardize;
use crate::lower::Lower;
use crate::network::batch;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// y = gamma · (x − mean) / √(variance + epsilon) + beta, with mean and variance (Σ(x − mean)² / n) of each row over all axes, for each of `groups`
    /// groups of neighbours along `axis` (Wu and He 2018, "Group normalization").
    ///
    /// The shape stays. Weights, of the size of the axis: `gamma`, `beta`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8, 8, 64]).add(GroupNormalization::new(16)).build(Seed(1))?;
    /// assert_eq!(model.parameter_count(), 64 + 64);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct GroupNormalization {
        /// How many groups, which divide the axis; −1 stands for one for each place of it.
        groups: given i64 = 32,
        /// The axis that is divided, not the batch.
        axis: isize = -1,
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
    }
}
kind!(GroupNormalization);

impl Layer for GroupNormalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let n = cx.fixed(self, x, self.axis)?;
        let axis = x.axis(self.axis);
        if axis == 0 {
            return Err(cx.error(self, "an axis behind the batch", self.axis));
        }
        let groups = if self.groups == -1 { Some(n) } else { usize::try_from(self.groups).ok() };
        let Some(groups) = groups.filter(|&g| g > 0 && n.is_multiple_of(g)) else {
            return Err(cx.error(self, format!("groups that divide {n}, or -1"), self.groups));
        };
        let mut shape = x.shape();
        shape[axis] = groups.into();
        shape.insert(axis + 1, (n / groups).into());
        let grouped = x.reshape(shape);
        let over: Vec<isize> =
            (1..grouped.rank()).filter(|&a| a != axis).map(|a| a as isize).collect();
        let (deviation, factor) = standardize(grouped, &over, self.epsilon);
        let y = (deviation * factor).reshape(x.shape());
        let gamma = self.scale.then_some(&self.gamma);
        let beta = self.center.then_some(&self.beta);
        Ok(vec![Placed::one(axis, n).affine(cx, y, gamma, beta)])
    }
}

impl Samples<dyn Layer> for GroupNormalization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let of = |sizes: [usize; 2]| Type::new(DType::F32, [batch(), sizes[0].into(), sizes[1].into()]);
        vec![
            Sample::new(GroupNormalization::new(2), [of([3, 4])]),
            Sample::new(GroupNormalization::new(-1).axis(1).epsilon(0.1).center(false), [of([2, 3])]),
            Sample::new(GroupNormalization::new(1).scale(false).beta_regularizer(L2::new(0.1)), [of([2, 2])]),
        ]
    }
}
