use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::Axes;
use crate::losses::{Loss, Prediction, numbers};
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// 1 − 2 Σ t y / (Σ t + Σ y + 10⁻⁷) over `axis`: how little two regions overlap (Milletari et al. 2016, "V-Net: fully convolutional neural
    /// networks for volumetric medical image segmentation").
    ///
    /// Target and prediction `[batch, …, n]`, each in [0, 1].
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // 1 − 2 · 1 / (2 + 1).
    /// assert!((Dice::new().values(arr2(&[[1.0, 1.0]]), arr2(&[[1.0, 0.0]]))?[0] - 0.3333).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Dice {
        /// The axes of a region, behind the batch: `[1, 2, 3]` for each image by itself. Where none is named, the whole batch is one region.
        axis: into Axes = [],
    }
}
kind!(Dice = "dice");

settings! {
    /// 1 − Σ t y / (Σ t y + alpha Σ t (1 − y) + beta Σ (1 − t) y + 10⁻⁷) over `axis`: how little two regions overlap, where what is missed and what is too much
    /// may weigh differently (Salehi et al. 2017, "Tversky loss function for image segmentation using 3D fully convolutional deep networks").
    ///
    /// Target and prediction `[batch, …, n]`, each in [0, 1].
    ///
    /// ```
    /// use ndarray::arr2;
    /// use nervure_nn::losses::*;
    /// // 1 − 1 / (1 + 0.9 · 1).
    /// assert!((Tversky::new().alpha(0.9).values(arr2(&[[1.0, 1.0]]), arr2(&[[1.0, 0.0]]))?[0] - 0.4737).abs() < 1e-4);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Tversky {
        /// The weight of what is missed, at least 0.
        alpha: f64 = 0.5,
        /// The weight of what is too much, at least 0.
        beta: f64 = 0.5,
        /// The axes of a region, behind the batch: `[1, 2, 3]` for each image by itself. Where none is named, the whole batch is one region.
        axis: into Axes = [],
    }
}
kind!(Tversky = "tversky");

impl Loss for Dice {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let y = prediction.value;
        overlap(y, &self.axis, |sum| sum(target * y) * 2.0 / (sum(target) + sum(y) + 1e-7))
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        region(&self.axis, prediction)
    }
}

impl Loss for Tversky {
    fn lower<'g>(&self, target: Tensor<'g>, prediction: Prediction<'g>) -> Tensor<'g> {
        let y = prediction.value;
        overlap(y, &self.axis, |sum| {
            let both = sum(target * y);
            let (missed, more) = (sum(target * (1.0 - y)), sum((1.0 - target) * y));
            both / (both + missed * self.alpha + more * self.beta + 1e-7)
        })
    }

    fn target(&self, prediction: &Type) -> Result<Type, String> {
        for (name, weight) in [("alpha", self.alpha), ("beta", self.beta)] {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(format!("expected an {name} of at least 0, received {weight}"));
            }
        }
        region(&self.axis, prediction)
    }
}

/// 1 − share of regions, of the prediction's shape without these axes; where there are none, one share for every place before the last axis.
fn overlap<'g>(
    y: Tensor<'g>,
    axes: &Axes,
    share: impl Fn(&dyn Fn(Tensor<'g>) -> Tensor<'g>) -> Tensor<'g>,
) -> Tensor<'g> {
    if !axes.0.is_empty() {
        return 1.0 - share(&|x| x.sum(&axes.0));
    }
    let mut shape = y.shape();
    shape.pop();
    (1.0 - share(&|x| x.sum_all())).broadcast_to(shape)
}

fn region(axes: &Axes, prediction: &Type) -> Result<Type, String> {
    let ty = numbers(prediction)?;
    match axes.places(ty.rank()) {
        Some(places) if !places.contains(&0) => Ok(ty),
        Some(_) | None => Err(format!("expected axes behind the batch, each once, received {:?} of {ty}", axes.0)),
    }
}

impl Samples<dyn Loss> for Dice {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(Dice::new(), [ty.clone(), ty.clone()]),
            Sample::new(Dice::new().axis([1, -1]), [ty.clone(), ty]),
        ]
    }
}

impl Samples<dyn Loss> for Tversky {
    fn samples() -> Vec<Sample<dyn Loss>> {
        let ty = Type::new(DType::F32, [batch(), 2.into(), 3.into()]);
        vec![
            Sample::new(Tversky::new(), [ty.clone(), ty.clone()]),
            Sample::new(Tversky::new().alpha(0.3).beta(0.7).axis(-1), [ty.clone(), ty]),
        ]
    }
}
