use nervure_graph::Tensor;

use crate::Result;
use crate::layers::dropout::checked_rate;
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Dropout, Layer};
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// [`Dropout`] of whole channels: along the `N` spatial axes of `[batch, spatial…, c]` all of a channel is dropped or none (Tompson et al. 2015,
    /// "Efficient object localization using convolutional networks").
    pub struct SpatialDropout[const N: usize][N] {
        /// The share that is dropped, at least 0 and below 1.
        rate: f64,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}

kind! {
    /// Drops whole channels of sequences `[batch, length, c]` in training: see [`SpatialDropout`].
    pub type SpatialDropout1D = SpatialDropout<1>;
}
kind! {
    /// Drops whole channels of images `[batch, height, width, c]` in training: see [`SpatialDropout`].
    pub type SpatialDropout2D = SpatialDropout<2>;
}
kind! {
    /// Drops whole channels of volumes `[batch, depth, height, width, c]` in training: see [`SpatialDropout`].
    pub type SpatialDropout3D = SpatialDropout<3>;
}

impl<const N: usize> Layer for SpatialDropout<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        spatial::<N>(cx, self, x)?;
        checked_rate(cx, self, self.rate)?;
        let dropout = Dropout::new(self.rate);
        let mut shape = x.shape();
        shape[1..=N].fill(1.into());
        Ok(vec![dropout.noise(cx)?.map_or(x, |noise| dropout.drop(x, noise.uniform(shape)))])
    }
}

impl<const N: usize> Samples<dyn Layer> for SpatialDropout<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![Sample::new(Self::new(0.4), [sample_input::<N>(2, 3)])]
    }
}
