use nervure_graph::{DType, Tensor};

use crate::Result;
use crate::layers::random_image::{of_images, pixels};
use crate::layers::resizing::{central, sizes};
use crate::layers::window::{ChannelsLast, sample_input};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// While training, a window of each image, anywhere within it: `[batch, h, w, c]` → `[batch, height, width, c]`, floats. Otherwise, and of images that are too small,
    /// what [`CenterCrop`](super::CenterCrop) gives. Height and width of the input have to be known.
    ///
    /// Each image has a place of its own (in Keras the images of a batch share one), which follows from the model's seed, the step and the layer's place in the
    /// network: there is no seed of its own.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// // Moved by up to 4 pixels in each direction.
    /// let model = Sequential::new([32, 32, 3]).add(ZeroPadding2D::new(4)).add(RandomCrop::new(32, 32)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 32, 32, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct RandomCrop {
        /// Rows of the result.
        height: usize,
        /// Columns of the result.
        width: usize,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}
kind!(RandomCrop);

impl Layer for RandomCrop {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let to = (self.height, self.width);
        let (h, w) = sizes(cx, self, x, to)?;
        if !cx.training() || h < to.0 || w < to.1 {
            return Ok(vec![central(cx, self, x, to)?]);
        }
        let mut window = |axis: usize, from: usize, to: usize| {
            let mut shape = vec![1.into(); 4];
            shape[axis] = to.into();
            // Below `from − to + 1`: what is drawn is below 1 by more than such a product is rounded.
            let start = (of_images(cx, x) * (from - to + 1) as f64).floor().cast(DType::I32);
            start + x.builder().iota(DType::I32, shape, axis)
        };
        let (rows, columns) = (window(1, h, to.0), window(2, w, to.1));
        Ok(vec![pixels(x, w, rows, columns)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for RandomCrop {
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(RandomCrop::new(2, 3), [sample_input::<2>(4, 2)]),
            Sample::new(RandomCrop::new(5, 3), [sample_input::<2>(4, 1)]),
        ]
    }
}
