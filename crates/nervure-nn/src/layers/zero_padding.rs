use nervure_graph::Tensor;

use crate::Result;
use crate::layers::window::{Around, ChannelsLast, sample_input, spatial};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// With zeros at the ends of `N` spatial axes: `[batch, spatial…, c]` → `[batch, before + spatial + after…, c]`.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8, 8, 3]).add(ZeroPadding2D::new([(1, 2), (0, 3)])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 11, 11, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct ZeroPadding[const N: usize][N] {
        /// Zeros before and after, along each spatial axis.
        padding: given into Around<N> = 1,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}

kind! {
    /// Puts zeros at both ends of sequences `[batch, length, c]`: see [`ZeroPadding`].
    pub type ZeroPadding1D = ZeroPadding<1>;
}
kind! {
    /// Puts zeros at both ends of images `[batch, height, width, c]`: see [`ZeroPadding`].
    pub type ZeroPadding2D = ZeroPadding<2>;
}
kind! {
    /// Puts zeros at both ends of volumes `[batch, depth, height, width, c]`: see [`ZeroPadding`].
    pub type ZeroPadding3D = ZeroPadding<3>;
}

impl<const N: usize> Layer for ZeroPadding<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        spatial::<N>(cx, self, inputs[0])?;
        Ok(vec![inputs[0].pad(&[&[(0, 0)], &self.padding.0[..], &[(0, 0)]].concat(), 0.0)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<const N: usize> Samples<dyn Layer> for ZeroPadding<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Self::new(1), [sample_input::<N>(2, 2)]),
            Sample::new(Self::new(Around(std::array::from_fn(|i| (i, 2 - i)))), [sample_input::<N>(1, 1)]),
        ]
    }
}
