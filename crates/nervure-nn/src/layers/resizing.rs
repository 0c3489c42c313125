use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::resample::{Interpolation, resize};
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// Images of another size: `[batch, h, w, c]` → `[batch, height, width, c]`. Whole numbers are rounded to such of their type.
    ///
    /// With `crop_to_aspect_ratio` the greatest part in the middle is taken that is as wide for its height as the result, with `pad_to_aspect_ratio` the image
    /// is put in the middle of the least one that is; otherwise it is distorted. Height and width of the input have to be known.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let images = input_of("images", DType::U8, [300, 200, 3]);
    /// let model = Model::new(&images, &Resizing::new(224, 224).crop_to_aspect_ratio(true).on(&images)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "u8[batch, 224, 224, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Resizing {
        /// Rows of the result.
        height: usize,
        /// Columns of the result.
        width: usize,
        /// How new pixels come from old ones.
        interpolation: Interpolation = Interpolation::Bilinear,
        /// Whether ends are left out so that the image is not distorted.
        crop_to_aspect_ratio: bool = false,
        /// Whether ends are put on so that the image is not distorted.
        pad_to_aspect_ratio: bool = false,
        /// What stands at ends that are put on.
        fill_value: f64 = 0.0,
        /// Whether each pixel of a smaller image is made of all that it covers.
        antialias: bool = false,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(Resizing);

impl Layer for Resizing {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        if inputs[0].dtype() == DType::Bool {
            return Err(cx.error(self, "images of numbers", inputs[0].ty()));
        }
        let mut x = inputs[0].cast(DType::F32);
        let to = (self.height, self.width);
        let (h, w) = sizes(cx, self, x, to)?;
        match (self.crop_to_aspect_ratio, self.pad_to_aspect_ratio) {
            (true, true) => return Err(cx.error(self, "images cropped or padded", "both")),
            (true, false) => x = crop_to_ratio(x, (h, w), to),
            (false, true) => {
                // As Keras: one axis alone is padded, by the same on both ends.
                let top = (in_ratio(w, to.0, to.1).max(h) - h) / 2;
                let left = if top > 0 { 0 } else { (in_ratio(h, to.1, to.0).max(w) - w) / 2 };
                x = x.pad(&[(0, 0), (top, top), (left, left), (0, 0)], self.fill_value);
            }
            (false, false) => {}
        }
        let x = resize(cx, self, x, (1, to.0), self.interpolation, self.antialias)?;
        let y = resize(cx, self, x, (2, to.1), self.interpolation, self.antialias)?;
        Ok(vec![match inputs[0].dtype() {
            DType::F32 => y,
            whole => y.round().cast(whole),
        }])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

settings! {
    /// The middle of images: `[batch, h, w, c]` → `[batch, height, width, c]`, floats.
    ///
    /// Of h rows, those from ⌊(h − height) / 2⌋ on. Images that are too small are cropped to the ratio of the result's sides, and resized
    /// by [`Interpolation::Bilinear`]. Height and width of the input have to be known.
    pub struct CenterCrop {
        /// Rows of the result.
        height: usize,
        /// Columns of the result.
        width: usize,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(CenterCrop);

impl Layer for CenterCrop {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        Ok(vec![central(cx, self, x, (self.height, self.width))?])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// The middle of images, resized where they are too small.
///
/// # Errors
/// Sizes that are 0, not known, or too large.
pub(super) fn central<'g>(cx: &Lower<'g>, layer: &dyn Layer, x: Tensor<'g>, to: (usize, usize)) -> Result<Tensor<'g>> {
    let (h, w) = sizes(cx, layer, x, to)?;
    if h >= to.0 && w >= to.1 {
        return Ok(middle(x, (h, w), to));
    }
    let x = crop_to_ratio(x, (h, w), to);
    let x = resize(cx, layer, x, (1, to.0), Interpolation::Bilinear, false)?;
    resize(cx, layer, x, (2, to.1), Interpolation::Bilinear, false)
}

/// Height and width of images that are to become `to`.
///
/// # Errors
/// Sizes that are 0 or not known.
pub(super) fn sizes(cx: &Lower<'_>, layer: &dyn Layer, x: Tensor<'_>, to: (usize, usize)) -> Result<(usize, usize)> {
    spatial::<2>(cx, layer, x)?;
    let (h, w) = (cx.fixed(layer, x, 1)?, cx.fixed(layer, x, 2)?);
    if h == 0 || w == 0 || to.0 == 0 || to.1 == 0 {
        let received = format!("{h} × {w} and {} × {}", to.0, to.1);
        return Err(cx.error(layer, "images of at least one pixel", received));
    }
    Ok((h, w))
}

/// ⌊n · a / b⌋: a side that goes with one of `n` in the ratio a : b.
fn in_ratio(n: usize, a: usize, b: usize) -> usize {
    usize::try_from(n as u128 * a as u128 / b as u128).unwrap_or(usize::MAX)
}

/// The greatest part in the middle whose sides have the ratio of those of `to`.
fn crop_to_ratio(x: Tensor<'_>, (h, w): (usize, usize), to: (usize, usize)) -> Tensor<'_> {
    let rows = in_ratio(w, to.0, to.1).clamp(1, h);
    let columns = in_ratio(h, to.1, to.0).clamp(1, w);
    middle(x, (h, w), (rows, columns))
}

fn middle(x: Tensor<'_>, (h, w): (usize, usize), to: (usize, usize)) -> Tensor<'_> {
    x.narrow(1, (h - to.0) / 2, to.0).narrow(2, (w - to.1) / 2, to.1)
}

impl Samples<dyn Layer> for Resizing {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = sample_input::<2>(4, 2);
        let bytes = Type::new(DType::U8, [batch(), 3.into(), 3.into(), 1.into()]);
        vec![
            Sample::new(Resizing::new(3, 7), [x.clone()]),
            Sample::new(Resizing::new(2, 2).interpolation(Interpolation::Nearest), [bytes]),
            Sample::new(Resizing::new(2, 4).crop_to_aspect_ratio(true).antialias(true), [x.clone()]),
            Sample::new(
                Resizing::new(6, 2).pad_to_aspect_ratio(true).fill_value(0.5).interpolation(Interpolation::Bicubic),
                [x],
            ),
        ]
    }
}

impl Samples<dyn Layer> for CenterCrop {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(CenterCrop::new(2, 3), [sample_input::<2>(4, 2)]),
            Sample::new(CenterCrop::new(5, 3), [sample_input::<2>(4, 1)]),
        ]
    }
}
