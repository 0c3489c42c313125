use nervure_graph::Tensor;

use crate::Result;
use crate::layers::resample::{Interpolation, resize};
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Extent, Layer};
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// Each element `size` times along `N` spatial axes: `[batch, spatial…, c]` → `[batch, size · spatial…, c]`.
    pub struct UpSampling[const N: usize][N] {
        /// How often, along each spatial axis.
        size: given into Extent<N> = 2,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}

kind! {
    /// Repeats the elements of sequences `[batch, length, c]`: see [`UpSampling`].
    pub type UpSampling1D = UpSampling<1>;
}
kind! {
    /// Repeats the elements of volumes `[batch, depth, height, width, c]`: see [`UpSampling`].
    pub type UpSampling3D = UpSampling<3>;
}

impl<const N: usize> Layer for UpSampling<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        spatial::<N>(cx, self, x)?;
        at_least_1(cx, self, &self.size)?;
        Ok(vec![repeat(x, &self.size)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

settings! {
    /// Images `size` times as high and wide: `[batch, height, width, c]` → `[batch, size · height, size · width, c]`.
    ///
    /// Each pixel is repeated, or the new ones are interpolated between the centres of the old ones ([`Interpolation`]), for which height and width
    /// have to be known.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// use nervure_nn::layers::Interpolation;
    /// let smooth = UpSampling2D::new([2, 3]).interpolation(Interpolation::Bilinear);
    /// let model = Sequential::new([8, 8, 3]).add(smooth).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 16, 24, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct UpSampling2D {
        /// Factors of height and width.
        size: given into Extent<2> = 2,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        /// How new pixels come from old ones.
        interpolation: Interpolation = Interpolation::Nearest,
    }
}
kind!(UpSampling2D);

impl Layer for UpSampling2D {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        spatial::<2>(cx, self, x)?;
        at_least_1(cx, self, &self.size)?;
        if self.interpolation == Interpolation::Nearest {
            return Ok(vec![repeat(x, &self.size)]);
        }
        let mut y = x;
        for (i, times) in self.size.0.into_iter().enumerate() {
            let to = cx.fixed(self, x, i as isize + 1)?.saturating_mul(times);
            y = resize(cx, self, y, (i + 1, to), self.interpolation, false)?;
        }
        Ok(vec![y])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

fn at_least_1<const N: usize>(cx: &Lower<'_>, layer: &dyn Layer, size: &Extent<N>) -> Result<()> {
    if size.0.contains(&0) {
        return Err(cx.error(layer, "sizes of at least 1", format!("{:?}", size.0)));
    }
    Ok(())
}

/// Each element so many times along the axes behind the batch.
fn repeat<'g, const N: usize>(x: Tensor<'g>, times: &Extent<N>) -> Tensor<'g> {
    (1..).zip(times.0).fold(x, |x, (axis, times)| {
        let mut apart = x.shape();
        let mut together = x.shape();
        apart.insert(axis + 1, times.into());
        together[axis] = &together[axis] * times;
        x.expand(axis as isize + 1).broadcast_to(apart).reshape(together)
    })
}

impl<const N: usize> Samples<dyn Layer> for UpSampling<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Self::new(2), [sample_input::<N>(2, 2)]),
            Sample::new(Self::new(Extent(std::array::from_fn(|i| 3 - i))), [sample_input::<N>(2, 1)]),
        ]
    }
}

impl Samples<dyn Layer> for UpSampling2D {
    fn samples() -> Vec<Sample<dyn Layer>> {
        use Interpolation::*;
        [(Nearest, 2), (Bilinear, 3), (Bicubic, 2), (Lanczos3, 2), (Lanczos5, 2)]
            .map(|(how, n)| {
                Sample::new(UpSampling2D::new([n, 2]).interpolation(how), [sample_input::<2>(3, 2)])
            })
            .into()
    }
}
