use nervure_graph::{DType, Tensor};

use crate::Result;
use crate::layers::random_image::{bounds, of_images, within_axis};
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Layer, Numbers};
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, fills a rectangle of some images of `[batch, height, width, c]`; otherwise the identity. Whole numbers become floats (Zhong et al. 2020, "Random
    /// erasing data augmentation").
    ///
    /// The sides of the rectangle are √u and √v of the image's, u and v uniform between the bounds of `scale`; it lies anywhere within. What is drawn follows
    /// from the model's seed, the step and the layer's place in the network: there is no seed of its own.
    pub struct RandomErasing {
        /// Least and greatest probability, from 0 to 1, between which that of each image is drawn; one number f stands for 0 and f.
        factor: into Numbers = 1.0,
        /// Least and greatest part that is filled, from 0 to 1; one number s stands for 0 and s.
        scale: into Numbers = [0.02, 0.33],
        /// What it is filled with: one number, or one for each channel. Without it, normal numbers times the greatest value. Kept within
        /// `value_range`.
        fill_value: some Numbers,
        /// Least and greatest value of images.
        value_range: [f64; 2] = [0.0, 255.0],
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(RandomErasing);

impl Layer for RandomErasing {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        spatial::<2>(cx, self, x)?;
        let (h, w) = (cx.fixed(self, x, 1)?, cx.fixed(self, x, 2)?);
        let probability = bounds(cx, self, &self.factor, 0.0)?;
        let scale = bounds(cx, self, &self.scale, 0.0)?;
        let fill = self.fill_value.as_ref().map(Numbers::as_slice);
        if let Some(values) = fill
            && values.len() != 1
            && !x.dim(3).is(values.len())
        {
            return Err(cx.error(self, format!("images of {} channels", values.len()), x.ty()));
        }
        if !cx.training() {
            return Ok(vec![x]);
        }
        let between = |cx: &mut Lower<'g>, (least, greatest): (f64, f64)| of_images(cx, x) * (greatest - least) + least;
        let mut along = |axis: usize, size: usize| {
            let share = between(cx, scale).sqrt();
            within_axis(cx, x, (axis, size), share)
        };
        let (rows, columns) = (along(1, h), along(2, w));
        let probability = between(cx, probability);
        let chosen = of_images(cx, x).less(probability);
        let [low, high] = self.value_range;
        let fill = match fill {
            Some(values) => x.builder().floats(&[values.len()], values),
            None => cx.normal(x.shape()) * high,
        };
        Ok(vec![(rows & columns & chosen).select(fill.clamp(low, high), x)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for RandomErasing {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(RandomErasing::new().value_range([0.0, 1.0]), [sample_input::<2>(4, 2)]),
            Sample::new(
                RandomErasing::new().factor([1.0, 1.0]).scale(0.5).fill_value([0.5, 1.5]),
                [sample_input::<2>(3, 2)],
            ),
        ]
    }
}
