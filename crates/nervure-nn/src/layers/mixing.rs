use std::f64::consts::TAU;

use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::random_image::{bounds, within_axis};
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Layer, Numbers};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, mixes each row with another one of its batch, and their labels alike: λx + (1 − λ)x' and λy + (1 − λ)y'; otherwise the identity (Zhang et al. 2018,
    /// "mixup: Beyond empirical risk minimization").
    ///
    /// Takes and gives rows `[batch, …]` and labels `[batch, …, n]`, floats: one-hot, not numbers of classes. Each row has a λ of its own, from the distribution
    /// Beta(α, α), and the others are the batch in a random order: what a row becomes while training depends on its company, predictions do not. What is drawn follows
    /// from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    ///
    /// [`Fit::augment`](crate::Fit::augment) trains with it:
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let mut model = Sequential::new([2]).add(Dense::new(2).activation(Softmax)).build(Seed(1))?;
    /// let x = ndarray::arr2(&[[0.0, 1.0], [1.0, 0.0], [0.1, 0.8]]);
    /// let labels = ndarray::arr2(&[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]);
    /// let fit = Fit::new(CategoricalCrossentropy::new(), Adam::new()).augment(MixUp::new().alpha(0.4));
    /// model.fit(&Dataset::new(&x, &labels), fit)?;
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct MixUp {
        /// α, above 0: the smaller, the nearer λ is to 0 or 1; with 1 it is uniform.
        alpha: f64 = 0.2,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(MixUp);

impl Layer for MixUp {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, labels) = rows_with_labels(cx, self, inputs)?;
        if !(self.alpha > 0.0 && self.alpha.is_finite()) {
            return Err(cx.error(self, "an alpha above 0", self.alpha));
        }
        if !cx.training() {
            return Ok(vec![x, labels]);
        }
        let share = beta(cx, x, x.constant(self.alpha));
        let order = permutation(cx, x);
        Ok(vec![mixed(x, order, share), mixed(labels, order, share)])
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

settings! {
    /// While training, puts a rectangle of another image of the batch in its place in each one, and mixes their labels by the pixels that they share; otherwise the
    /// identity (Yun et al. 2019, "CutMix: Regularization strategy to train strong classifiers with localizable features").
    ///
    /// Takes and gives images `[batch, height, width, c]`, whose height and width have to be known, and labels `[batch, …, n]`, floats: one-hot, not numbers of classes. The
    /// sides of the rectangle are √(1 − λ) of the image's, it lies anywhere within; each image has a λ of its own, from the distribution Beta(α, α), with an α between
    /// the bounds of `factor` for the batch. The others are the batch in a random order: what an image becomes while training depends on its company, predictions do
    /// not. What is drawn follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    ///
    /// [`Fit::augment`](crate::Fit::augment) trains with it.
    pub struct CutMix {
        /// Least and greatest α, from 0 to 1; one number f stands for 0 and f.
        factor: into Numbers = 1.0,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(CutMix);

impl Layer for CutMix {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, labels) = rows_with_labels(cx, self, inputs)?;
        spatial::<2>(cx, self, x)?;
        let (h, w) = (cx.fixed(self, x, 1)?, cx.fixed(self, x, 2)?);
        let (least, greatest) = bounds(cx, self, &self.factor, 0.0)?;
        if !cx.training() {
            return Ok(vec![x, labels]);
        }
        // Beta(0, 0) is none; with so little λ is 0 or 1.
        let alpha = cx.uniform([]) * (greatest - least) + (least + 1e-6);
        let side = (1.0 - beta(cx, x, alpha)).sqrt();
        let side = side.reshape([x.dim(0), 1.into(), 1.into(), 1.into()]);
        let cut = within_axis(cx, x, (1, h), side) & within_axis(cx, x, (2, w), side);
        let order = permutation(cx, x);
        let share = 1.0 - cut.cast(DType::F32).mean(&[1, 2, 3]);
        Ok(vec![cut.select(x.gather(order, 0), x), mixed(labels, order, share)])
    }

    fn arity(&self) -> Option<usize> {
        Some(2)
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// Rows and their labels, as floats.
///
/// # Errors
/// Labels that are no vectors.
fn rows_with_labels<'g>(
    cx: &Lower<'g>,
    layer: &dyn Layer,
    inputs: &[Tensor<'g>],
) -> Result<(Tensor<'g>, Tensor<'g>)> {
    let [x, labels] = [inputs[0], inputs[1]];
    if labels.rank() < 2 {
        return Err(cx.error(layer, "labels [batch, …, n], one-hot", labels.ty()));
    }
    Ok((x.cast(DType::F32), labels.cast(DType::F32)))
}

/// The places of all rows in a random order: `[batch]`.
fn permutation<'g>(cx: &mut Lower<'g>, x: Tensor<'g>) -> Tensor<'g> {
    cx.uniform([x.dim(0)]).argsort(false)
}

/// share · x + (1 − share) · x', of rows x and those in another order, with a share for each: `[batch]`.
fn mixed<'g>(x: Tensor<'g>, order: Tensor<'g>, share: Tensor<'g>) -> Tensor<'g> {
    let mut shape = vec![1.into(); x.rank()];
    shape[0] = x.dim(0);
    let share = share.reshape(shape);
    x * share + x.gather(order, 0) * (1.0 - share)
}

/// A number of Beta(a, a) for each row: `[batch]`, from two uniform ones, by Student's t of 2a degrees of freedom (Bailey 1994, "Polar generation of random variates with the
/// t-distribution").
///
/// It is ½ (1 + c w / √(1 + c² w²)) with w² = u^(−1/a) − 1 and c = cos 2πv. With p = u^(1/a) = 1 − q for w² = q / p nothing overflows where a is small, and q is exact
/// where it is large. c is not 0 for any float v, so neither is the root.
fn beta<'g>(cx: &mut Lower<'g>, x: Tensor<'g>, a: Tensor<'g>) -> Tensor<'g> {
    let log_p = (1.0 - cx.uniform([x.dim(0)])).log() / a;
    let c = (cx.uniform([x.dim(0)]) * TAU).cos();
    let (p, q) = (log_p.exp(), -log_p.expm1());
    (c * q.sqrt() / (p + q * c.square()).sqrt() + 1.0) * 0.5
}

impl Samples<dyn Layer> for MixUp {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let f32 = |sizes: &[usize]| {
            let sizes = sizes.iter().map(|&n| n.into());
            Type::new(DType::F32, [batch()].into_iter().chain(sizes).collect::<Vec<_>>())
        };
        let bytes = Type::new(DType::U8, [batch(), 2.into(), 2.into(), 1.into()]);
        vec![
            Sample::new(MixUp::new(), [sample_input::<2>(2, 2), f32(&[3])]),
            Sample::new(MixUp::new().alpha(2.0), [f32(&[3]), f32(&[2, 2])]),
            Sample::new(MixUp::new().alpha(1e-4), [bytes, f32(&[1])]),
        ]
    }
}

impl Samples<dyn Layer> for CutMix {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let labels = || Type::new(DType::F32, [batch(), 3.into()]);
        vec![
            Sample::new(CutMix::new(), [sample_input::<2>(4, 2), labels()]),
            Sample::new(CutMix::new().factor([0.5, 1.0]), [sample_input::<2>(3, 1), labels()]),
        ]
    }
}
