use std::f64::consts::TAU;

use nervure_graph::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layers::random_image::{bounds, of_images, pixels};
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Interpolation, Layer, Numbers};
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

/// What stands beyond the edges of an image `a b c d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillMode {
    /// `d c b a | a b c d | d c b a`.
    Reflect,
    /// `a b c d | a b c d | a b c d`.
    Wrap,
    /// The fill value.
    Constant,
    /// `a a a a | a b c d | d d d d`.
    Nearest,
}

/// Declares a layer that moves images: its own settings, then those that say how pixels come from the old ones.
macro_rules! moving {
    ($(#[doc = $doc:literal])* pub struct $word:ident { $($own:tt)* }) => {
        settings! {
            $(#[doc = $doc])*
            pub struct $word {
                $($own)*
                /// What stands beyond the edges.
                fill_mode: FillMode = FillMode::Reflect,
                /// Bilinear between neighbours, or the nearest.
                interpolation: Interpolation = Interpolation::Bilinear,
                /// What stands beyond the edges with `constant`.
                fill_value: f64 = 0.0,
                /// Where the channels stand.
                data_format: fixed ChannelsLast = ChannelsLast,
            }
        }
        kind!($word);

        impl $word {
            fn sampling(&self) -> Sampling {
                Sampling {
                    fill_mode: self.fill_mode,
                    interpolation: self.interpolation,
                    fill_value: self.fill_value,
                }
            }
        }
    };
}

/// How pixels of images that are moved come from the old ones.
struct Sampling {
    fill_mode: FillMode,
    interpolation: Interpolation,
    fill_value: f64,
}

moving! {
    /// While training, turns each image of `[batch, height, width, c]` around its middle by a uniform angle, counterclockwise; otherwise the identity. Whole numbers become
    /// floats.
    ///
    /// The angle follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 28, 1]).add(RandomRotation::new(0.1).fill_mode(FillMode::Constant)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 28, 28, 1]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct RandomRotation {
        /// Least and greatest angle, as parts of a full turn, from −1 to 1; one number f stands for −f and f.
        factor: into Numbers,
    }
}

impl Layer for RandomRotation {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let (least, greatest) = bounds(cx, self, &self.factor, -1.0)?;
        self.sampling().lower(cx, self, x, |cx, (h, w)| {
            let angle = (of_images(cx, x) * (greatest - least) + least) * TAU;
            let (cos, sin) = (angle.cos(), angle.sin());
            let (y, x) = ((h - 1.0) / 2.0, (w - 1.0) / 2.0);
            // Of rows and columns: what they are multiplied by, and what is added.
            ([sin * x * -1.0 - cos * y + y, cos, sin], [sin * y - cos * x + x, -sin, cos])
        })
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

moving! {
    /// While training, moves each image of `[batch, height, width, c]` down and right by uniform parts of its height and width; otherwise the identity. Whole numbers
    /// become floats.
    ///
    /// The distance follows from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct RandomTranslation {
        /// Least and greatest part of the height, from −1 to 1; one number f stands for −f and f.
        height_factor: into Numbers,
        /// Least and greatest part of the width, from −1 to 1; one number f stands for −f and f.
        width_factor: into Numbers,
    }
}

impl Layer for RandomTranslation {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let down = parts(cx, self, &self.height_factor, false)?;
        let right = parts(cx, self, &self.width_factor, false)?;
        self.sampling().lower(cx, self, x, |cx, (h, w)| {
            let mut moved = |(least, greatest): (f64, f64), size: f64| {
                (of_images(cx, x) * (greatest - least) + least) * -size
            };
            let (rows, columns) = (moved(down, h), moved(right, w));
            let (zero, one) = (x.constant(0.0), x.constant(1.0));
            ([rows, one, zero], [columns, zero, one])
        })
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

moving! {
    /// While training, makes what is seen of each image of `[batch, height, width, c]` 1 + a uniform factor times as large around its middle: a negative factor zooms in;
    /// otherwise the identity. Whole numbers become floats.
    ///
    /// The factors follow from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct RandomZoom {
        /// Least and greatest factor of the height, above −1 and up to 1; one number f stands for −f and f.
        height_factor: into Numbers,
        /// Least and greatest factor of the width; without it, that of the height.
        width_factor: some Numbers,
    }
}

impl Layer for RandomZoom {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let of_height = parts(cx, self, &self.height_factor, true)?;
        let of_width = self.width_factor.as_ref().map(|f| parts(cx, self, f, true)).transpose()?;
        self.sampling().lower(cx, self, x, |cx, (h, w)| {
            let mut zoom = |(least, greatest): (f64, f64)| of_images(cx, x) * (greatest - least) + (1.0 + least);
            let rows = zoom(of_height);
            let columns = of_width.map_or(rows, zoom);
            let zero = x.constant(0.0);
            let start = |zoom: Tensor<'g>, size: f64| (1.0 - zoom) * ((size - 1.0) / 2.0);
            ([start(rows, h), rows, zero], [start(columns, w), zero, columns])
        })
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// Least and greatest part of a side, each given one from −1 (or above it) to 1.
fn parts(cx: &Lower<'_>, layer: &dyn Layer, factor: &Numbers, above: bool) -> Result<(f64, f64)> {
    let given = factor.as_slice();
    if given.iter().any(|f| !(-1.0..=1.0).contains(f) || above && *f == -1.0) {
        let from = if above { "above -1 and up to 1" } else { "from -1 to 1" };
        return Err(cx.error(layer, format!("factors {from}"), format!("{given:?}")));
    }
    bounds(cx, layer, factor, -1.0)
}

/// a, b, c: a pixel of row y and column x comes from a + b · y + c · x.
type Line<'g> = [Tensor<'g>; 3];

impl Sampling {
    /// In training the images moved: `from` says, of a height and width, the row and the column where each pixel comes from.
    fn lower<'g>(
        &self,
        cx: &mut Lower<'g>,
        layer: &dyn Layer,
        x: Tensor<'g>,
        from: impl FnOnce(&mut Lower<'g>, (f64, f64)) -> (Line<'g>, Line<'g>),
    ) -> Result<Vec<Tensor<'g>>> {
        spatial::<2>(cx, layer, x)?;
        let (h, w) = (cx.fixed(layer, x, 1)?, cx.fixed(layer, x, 2)?);
        if !matches!(self.interpolation, Interpolation::Nearest | Interpolation::Bilinear) {
            let received = format!("{:?}", self.interpolation);
            return Err(cx.error(layer, "interpolation `nearest` or `bilinear`", received));
        }
        if !cx.training() {
            return Ok(vec![x]);
        }
        let shape = [1.into(), h.into(), w.into(), 1.into()];
        let grid = |axis| cx.builder().iota(DType::I32, shape.clone(), axis).cast(DType::F32);
        let (rows, columns) = (grid(1), grid(2));
        let (of_row, of_column) = from(cx, (h as f64, w as f64));
        let at = |[a, b, c]: Line<'g>| a + b * rows + c * columns;
        let along_rows = self.neighbours(at(of_row), h);
        let along_columns = self.neighbours(at(of_column), w);

        let mut sum: Option<Tensor<'g>> = None;
        for a in &along_rows {
            for b in &along_columns {
                let mut found = pixels(x, w, a.place, b.place);
                if self.fill_mode == FillMode::Constant {
                    found = (a.within & b.within).select(found, found.constant(self.fill_value));
                }
                let part = a.share * b.share * found;
                sum = Some(sum.map_or(part, |sum| sum + part));
            }
        }
        Ok(sum.into_iter().collect())
    }

    /// The pixels of an axis of `n` that make up what stands at places of it.
    fn neighbours<'g>(&self, at: Tensor<'g>, n: usize) -> Vec<Neighbour<'g>> {
        let neighbour = |index: Tensor<'g>, share: Tensor<'g>| {
            let size = n as f64;
            let within = index.greater_equal(index.constant(0.0)) & index.less(index.constant(size));
            let modulo = |by: f64| index - (index / by).floor() * by;
            let place = match self.fill_mode {
                FillMode::Reflect => {
                    let place = modulo(2.0 * size);
                    place.min(2.0 * size - 1.0 - place)
                }
                FillMode::Wrap => modulo(size),
                FillMode::Constant | FillMode::Nearest => index,
            };
            // What is not finite stands nowhere, and is looked up at the edge.
            Neighbour { place: place.clamp(0.0, size - 1.0).cast(DType::I32), within, share }
        };
        let one = at.constant(1.0);
        if self.interpolation == Interpolation::Nearest {
            // Halves away from 0.
            return vec![neighbour(at.sign() * (at.abs() + 0.5).floor(), one)];
        }
        let below = at.floor();
        let share = at - below;
        vec![neighbour(below, one - share), neighbour(below + 1.0, share)]
    }
}

/// A pixel of an axis that has a share in what stands at a place.
struct Neighbour<'g> {
    place: Tensor<'g>,
    within: Tensor<'g>,
    share: Tensor<'g>,
}

impl Samples<dyn Layer> for RandomRotation {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = || [sample_input::<2>(3, 2)];
        vec![
            Sample::new(RandomRotation::new(0.3), x()),
            Sample::new(RandomRotation::new([0.1, 0.2]).fill_mode(FillMode::Constant).fill_value(0.5), x()),
        ]
    }
}

impl Samples<dyn Layer> for RandomTranslation {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = || [sample_input::<2>(3, 1)];
        vec![
            Sample::new(RandomTranslation::new(0.9, [-0.1, 0.6]).fill_mode(FillMode::Wrap), x()),
            Sample::new(RandomTranslation::new(0.3, 0.3).interpolation(Interpolation::Nearest), x()),
        ]
    }
}

impl Samples<dyn Layer> for RandomZoom {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = || [sample_input::<2>(3, 1)];
        vec![
            Sample::new(RandomZoom::new(0.5), x()),
            Sample::new(RandomZoom::new(0.5).width_factor([0.2, 0.6]).fill_mode(FillMode::Nearest), x()),
        ]
    }
}
