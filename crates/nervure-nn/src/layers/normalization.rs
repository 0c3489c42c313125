use nervure_graph::{DType, Tensor, Type};

use crate::data::IntoArray;
use crate::layers::Layer;
use crate::layers::axes::{Axes, Numbers};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};
use crate::{Error, Result};

settings! {
    /// y = (x − mean) / max(√variance, 1e-7), with one mean and variance for each place along `axis`: given, or found in data by [`adapt`](Self::adapt).
    ///
    /// With `invert` the other way: y = x · max(√variance, 1e-7) + mean. Whole numbers become floats. The shape stays.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let x = ndarray::arr2(&[[1.0_f32, 10.0], [3.0, 30.0]]);
    /// let model = Sequential::new([2]).add(Normalization::new().adapt(&x)?).build(Seed(1))?;
    /// assert_eq!(model.predict(&x)?.as_f32(), Some(&[-1.0, -1.0, 1.0, 1.0][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Normalization {
        /// The axes whose places have their own mean and variance, `[]` for none.
        axis: into Axes = -1,
        /// The means: one for all, or one for each place, row-major.
        mean: some Numbers,
        /// The variances, as many as means.
        variance: some Numbers,
        /// Whether to undo a normalization.
        invert: bool = false,
    }
}
kind!(Normalization);

/// The least standard deviation that is divided by.
const LEAST: f64 = 1e-7;

impl Normalization {
    /// With mean and variance (Σ(x − mean)² / n) of these rows.
    ///
    /// # Errors
    /// [`Error::Data`] for data that are no finite numbers, that are empty, or that lack the axis.
    pub fn adapt(self, data: impl IntoArray) -> Result<Normalization> {
        let data = data.into_array();
        let shape = data.shape();
        let refuse = |expected: &str| {
            Err(Error::Data(format!(
                "normalization: expected {expected}, received {}{shape:?}",
                data.dtype()
            )))
        };
        let Some(values) = data.as_f32() else { return refuse("floats") };
        if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
            return refuse("finite numbers, at least one");
        }
        let mut kept = vec![false; shape.len()];
        for &axis in &self.axis.0 {
            let at = if axis < 0 { axis + shape.len() as isize } else { axis };
            match usize::try_from(at).ok().and_then(|at| kept.get_mut(at)) {
                Some(kept) => *kept = true,
                None => return refuse(&format!("rows with an axis {axis}")),
            }
        }
        // The group of an element: its place along the kept axes, row-major.
        let group = |element: usize| {
            let (mut rest, mut group, mut stride) = (element, 0, 1);
            for (&n, &kept) in shape.iter().zip(&kept).rev() {
                if kept {
                    group += rest % n * stride;
                    stride *= n;
                }
                rest /= n;
            }
            group
        };
        let groups: usize = shape.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(n, _)| n).product();
        let count = (values.len() / groups) as f64;
        let means_of = |value: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; groups];
            for (i, &v) in values.iter().enumerate() {
                let g = group(i);
                sums[g] += value(g, f64::from(v));
            }
            sums.into_iter().map(|s| s / count).collect::<Vec<f64>>()
        };
        let mean = means_of(&|_, v| v);
        let variance = means_of(&|g, v| (v - mean[g]) * (v - mean[g]));
        Ok(self.mean(mean).variance(variance))
    }
}

impl Layer for Normalization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let (Some(mean), Some(variance)) = (&self.mean, &self.variance) else {
            return Err(cx.error(self, "mean and variance, given or from `adapt`", "none"));
        };
        let axes = self.axis.of(cx, self, x)?;
        let sizes = axes.sizes();
        let places = sizes.iter().fold(1usize, |n, &d| n.saturating_mul(d));
        let constant = |values: &[f64]| match values {
            [v] => Ok(x.constant(*v)),
            v if v.len() == places => Ok(axes.along(x.builder().floats(&sizes, v), x)),
            v => Err(cx.error(self, format!("{places} means and variances for {}", x.ty()), v.len())),
        };
        let mean = constant(mean.as_slice())?;
        let deviations: Vec<f64> = variance.as_slice().iter().map(|v| v.sqrt().max(LEAST)).collect();
        let deviation = constant(&deviations)?;
        Ok(vec![if self.invert { x * deviation + mean } else { (x - mean) / deviation }])
    }
}

impl Samples<dyn Layer> for Normalization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(Normalization::new().mean([1.0, 0.0, -1.0]).variance([4.0, 1.0, 0.25]), [x.clone()]),
            Sample::new(Normalization::new().axis([]).mean(0.5).variance(2.0).invert(true), [x.clone()]),
            Sample::new(
                Normalization::new().axis([2, 1]).mean([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).variance(2.0),
                [x],
            ),
        ]
    }
}
