use nervure_graph::{DType, Tensor, Type};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Layer, Numbers};
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

/// Along which axes images are flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlipMode {
    /// Left and right change places.
    Horizontal,
    /// Top and bottom change places.
    Vertical,
    /// Both at once: a turn by half a circle.
    HorizontalAndVertical,
}

settings! {
    /// While training, flips each image of `[batch, height, width, c]` with probability ½; otherwise the identity. Whole numbers become floats.
    ///
    /// What is flipped follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct RandomFlip {
        /// Along which axes; with both, an image is flipped along both or none, as in Keras.
        mode: given FlipMode = FlipMode::HorizontalAndVertical,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(RandomFlip);

impl Layer for RandomFlip {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        spatial::<2>(cx, self, x)?;
        if !cx.training() {
            return Ok(vec![x]);
        }
        let axes: &[isize] = match self.mode {
            FlipMode::Horizontal => &[2],
            FlipMode::Vertical => &[1],
            FlipMode::HorizontalAndVertical => &[1, 2],
        };
        let uniform = of_images(cx, x);
        Ok(vec![uniform.less_equal(uniform.constant(0.5)).select(x.reverse(axes), x)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

settings! {
    /// While training, adds to each image of `[batch, height, width, c]` a uniform number between the factors' bounds times the width of `value_range`, and keeps
    /// values within that range; otherwise the identity. Whole numbers become floats.
    ///
    /// What is added follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct RandomBrightness {
        /// Least and greatest factor, from −1 to 1; one number f stands for −f and f.
        factor: into Numbers,
        /// Least and greatest value of images.
        value_range: [f64; 2] = [0.0, 255.0],
    }
}
kind!(RandomBrightness);

impl Layer for RandomBrightness {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        spatial::<2>(cx, self, x)?;
        let (least, greatest) = bounds(cx, self, &self.factor, -1.0)?;
        if !cx.training() {
            return Ok(vec![x]);
        }
        let [a, b] = self.value_range;
        let (low, high) = (a.min(b), a.max(b));
        let delta = (of_images(cx, x) * (greatest - least) + least) * (high - low);
        Ok(vec![(x + delta).clamp(low, high)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

settings! {
    /// While training, multiplies what each channel of each image of `[batch, height, width, c]` deviates from its mean by a uniform number, one for an image, and
    /// keeps values within `value_range`; otherwise the identity. Whole numbers become floats.
    ///
    /// What is drawn follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct RandomContrast {
        /// Bounds a and b from 0 to 1, for numbers from 1 − a to 1 + b; one number f stands for 0 and f, as in Keras.
        factor: into Numbers,
        /// Least and greatest value of images.
        value_range: [f64; 2] = [0.0, 255.0],
    }
}
kind!(RandomContrast);

impl Layer for RandomContrast {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        spatial::<2>(cx, self, x)?;
        let (a, b) = bounds(cx, self, &self.factor, 0.0)?;
        if !cx.training() {
            return Ok(vec![x]);
        }
        let factor = of_images(cx, x) * (a + b) + (1.0 - a);
        let mean = x.mean(&[1, 2]).keep_axes(x, &[1, 2]);
        Ok(vec![((x - mean) * factor + mean).clamp(self.value_range[0], self.value_range[1])])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// A uniform number for each image: `[batch, 1, 1, 1]`.
pub(super) fn of_images<'g>(cx: &mut Lower<'g>, x: Tensor<'g>) -> Tensor<'g> {
    cx.uniform([x.dim(0), 1.into(), 1.into(), 1.into()])
}

/// The pixels of images `[batch, h, w, c]` that stand in rows and columns, `i32`, which broadcast to `[batch, height, width, 1]`: `[batch, height, width, c]`.
pub(super) fn pixels<'g>(images: Tensor<'g>, w: usize, rows: Tensor<'g>, columns: Tensor<'g>) -> Tensor<'g> {
    let (batch, c) = (images.dim(0), images.dim(3));
    let places = rows * w as f64 + columns;
    let (height, width) = (places.dim(1), places.dim(2));
    let places = places.broadcast_to([batch.clone(), height.clone(), width.clone(), 1.into()]);
    let flat = images.reshape([batch.clone(), images.dim(1) * w, c.clone()]);
    flat.gather(places.reshape([batch.clone(), &height * &width]), 1).reshape([batch, height, width, c])
}

/// Which places of an axis of `size` lie within a part of it, a share for each image, that begins anywhere: `bool`, of size 1 along the other axes of images.
pub(super) fn within_axis<'g>(
    cx: &mut Lower<'g>,
    x: Tensor<'g>,
    (axis, size): (usize, usize),
    share: Tensor<'g>,
) -> Tensor<'g> {
    let length = share * size as f64;
    let start = of_images(cx, x) * (size as f64 - length);
    let mut shape = vec![1.into(); 4];
    shape[axis] = size.into();
    let place = x.builder().iota(DType::I32, shape, axis).cast(DType::F32);
    place.greater_equal(start) & place.less(start + length)
}

/// Least and greatest factor, from `least` to 1.
pub(super) fn bounds(cx: &Lower<'_>, layer: &dyn Layer, factor: &Numbers, least: f64) -> Result<(f64, f64)> {
    match *factor.as_slice() {
        [f] if (least..=1.0).contains(&f) => Ok(((-f.abs()).max(least), f.abs())),
        [a, b] if a.min(b) <= 1.0 && a.max(b) >= least => Ok((a.min(b), a.max(b))),
        ref other => {
            Err(cx.error(layer, format!("a factor, or two, from {least} to 1"), format!("{other:?}")))
        }
    }
}

impl Samples<dyn Layer> for RandomFlip {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let bytes = Type::new(DType::U8, [batch(), 2.into(), 2.into(), 1.into()]);
        vec![
            Sample::new(RandomFlip::default(), [sample_input::<2>(2, 2)]),
            Sample::new(RandomFlip::new(FlipMode::Horizontal), [sample_input::<2>(2, 1)]),
            Sample::new(RandomFlip::new(FlipMode::Vertical), [bytes]),
        ]
    }
}

impl Samples<dyn Layer> for RandomBrightness {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(RandomBrightness::new(0.3).value_range([-3.0, 3.0]), [sample_input::<2>(2, 2)]),
            Sample::new(RandomBrightness::new([0.1, 0.2]), [sample_input::<2>(2, 1)]),
        ]
    }
}

impl Samples<dyn Layer> for RandomContrast {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(RandomContrast::new(0.3).value_range([-3.0, 3.0]), [sample_input::<2>(2, 2)]),
            Sample::new(RandomContrast::new([0.1, 0.2]), [sample_input::<2>(2, 1)]),
        ]
    }
}
