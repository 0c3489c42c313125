use nervure_graph::{Dim, Tensor};

use crate::Result;
use crate::activations::{Activation, Linear, Tanh};
use crate::initializers::{GlorotUniform, Zeros};
use crate::layers::window::{ChannelsLast, sample_input, window};
use crate::layers::{Extent, Layer, Padding};
use crate::lower::Lower;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Kind, Object, Sample, Samples, kind};

settings! {
    /// A convolution of each channel apart over `N` spatial axes: y = activation(x ∗ kernel + bias), with m = `depth_multiplier` outputs for each channel.
    ///
    /// `[batch, spatial…, c]` → `[batch, spatial'…, c · m]`, the outputs of one channel side by side. Weights: `kernel [kernel_size…, c, m]`, `bias [c · m]`. Sizes
    /// are those of [`Conv`](super::Conv).
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 28, 4]).add(DepthwiseConv2D::new(3).depth_multiplier(2)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 26, 26, 8]");
    /// assert_eq!(model.parameter_count(), 3 * 3 * 4 * 2 + 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct DepthwiseConv[const N: usize][N] {
        /// Size of a kernel along each spatial axis.
        kernel_size: into Extent<N>,
        /// Distance between neighbouring places of the kernel.
        strides: into Extent<N> = 1,
        /// What is put around the input, zeros: `valid` or `same`.
        padding: Padding = Padding::Valid,
        /// Outputs of each channel.
        depth_multiplier: usize = 1,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        /// Distance between neighbouring elements that a kernel sees.
        dilation_rate: into Extent<N> = 1,
        /// What is applied to the sum.
        activation: into Object<dyn Activation> = Linear,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// the kernel
        depthwise: weight GlorotUniform,
        /// the bias
        bias: weight Zeros,
    }
}

kind! {
    /// A convolution of each channel by itself, of sequences `[batch, length, c]`: see [`DepthwiseConv`].
    pub type DepthwiseConv1D = DepthwiseConv<1>;
}
kind! {
    /// A convolution of each channel by itself, of images `[batch, height, width, c]`: see [`DepthwiseConv`].
    pub type DepthwiseConv2D = DepthwiseConv<2>;
}

impl<const N: usize> Layer for DepthwiseConv<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, m) = (inputs[0], self.depth_multiplier);
        let window =
            window(cx, self, x, [self.kernel_size, self.strides, self.dilation_rate], self.padding)?;
        let channels = cx.fixed(self, x, -1)?;
        if m == 0 {
            return Err(cx.error(self, "a depth_multiplier of at least 1", m));
        }
        let shape = [&self.kernel_size.0[..], &[channels, m]].concat();
        let kernel = cx.weight(self.depthwise.weight("kernel", shape));
        let y = x.conv(by_channel(kernel), window, channels);
        let bias = self.use_bias.then(|| self.bias.weight("bias", [channels.saturating_mul(m)]));
        Ok(vec![cx.affine(y, bias, &self.activation)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// A kernel `[size…, c, m]` as that of a convolution in c groups: `[size…, 1, c · m]`.
pub(super) fn by_channel(kernel: Tensor<'_>) -> Tensor<'_> {
    let mut shape = kernel.shape();
    let m = shape.pop().unwrap_or_else(|| 1.into());
    let c = shape.pop().unwrap_or_else(|| 1.into());
    shape.extend([Dim::from(1), c * m]);
    kernel.reshape(shape)
}

impl<const N: usize> Samples<dyn Layer> for DepthwiseConv<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = sample_input::<N>;
        vec![
            Sample::new(Self::new(2), [x(3, 2)]),
            Sample::new(
                Self::new(Extent(std::array::from_fn(|i| 3 - i)))
                    .strides(2)
                    .padding(Padding::Same)
                    .depth_multiplier(2),
                [x(4, 2)],
            ),
            Sample::new(
                Self::new(2)
                    .dilation_rate(2)
                    .use_bias(false)
                    .activation(Tanh)
                    .depthwise_regularizer(L2::new(0.01)),
                [x(3, 1)],
            ),
        ]
    }
}
