use nervure_graph::Tensor;

use crate::Result;
use crate::activations::{Activation, Linear, Tanh};
use crate::initializers::{GlorotUniform, Zeros};
use crate::layers::depthwise_conv::by_channel;
use crate::layers::window::{ChannelsLast, sample_input, window};
use crate::layers::{Extent, Layer, Padding};
use crate::lower::Lower;
use crate::regularizers::L2;
use crate::settings::settings;
use crate::word::{Kind, Object, Sample, Samples, kind};

settings! {
    /// A convolution of each channel apart over `N` spatial axes, then a mixture of the channels of each place: y = activation((x ∗ depthwise) · pointwise + bias)
    /// (Chollet 2017, "Xception: deep learning with depthwise separable convolutions").
    ///
    /// `[batch, spatial…, c]` → `[batch, spatial'…, filters]`. Weights, with m = `depth_multiplier`: `depthwise_kernel [kernel_size…, c, m]`,
    /// `pointwise_kernel [1…, c · m, filters]`, `bias [filters]`. Sizes are those of [`Conv`](super::Conv).
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 28, 4]).add(SeparableConv2D::new(16, 3)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 26, 26, 16]");
    /// assert_eq!(model.parameter_count(), 3 * 3 * 4 + 4 * 16 + 16);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct SeparableConv[const N: usize][N] {
        /// Outputs of each place.
        filters: usize,
        /// Size of a kernel along each spatial axis.
        kernel_size: into Extent<N>,
        /// Distance between neighbouring places of the kernel.
        strides: into Extent<N> = 1,
        /// What is put around the input, zeros: `valid` or `same`.
        padding: Padding = Padding::Valid,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        /// Distance between neighbouring elements that a kernel sees.
        dilation_rate: into Extent<N> = 1,
        /// Outputs of each channel before they are mixed.
        depth_multiplier: usize = 1,
        /// What is applied to the sum.
        activation: into Object<dyn Activation> = Linear,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// the kernel of each channel
        depthwise: weight GlorotUniform,
        /// the kernel that mixes
        pointwise: weight GlorotUniform,
        /// the bias
        bias: weight Zeros,
    }
}

kind! {
    /// A convolution of each channel, then one over all channels of a place, of sequences `[batch, length, c]`: see [`SeparableConv`].
    pub type SeparableConv1D = SeparableConv<1>; | "SeparableConvolution1D"
}
kind! {
    /// A convolution of each channel, then one over all channels of a place, of images `[batch, height, width, c]`: see [`SeparableConv`].
    pub type SeparableConv2D = SeparableConv<2>; | "SeparableConvolution2D"
}

impl<const N: usize> Layer for SeparableConv<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, m) = (inputs[0], self.depth_multiplier);
        let window =
            window(cx, self, x, [self.kernel_size, self.strides, self.dilation_rate], self.padding)?;
        let channels = cx.fixed(self, x, -1)?;
        if self.filters == 0 || m == 0 {
            let received = format!("{} and {m}", self.filters);
            return Err(cx.error(self, "at least 1 filter and a depth_multiplier of at least 1", received));
        }
        let shape = [&self.kernel_size.0[..], &[channels, m]].concat();
        let depthwise = cx.weight(self.depthwise.weight("depthwise_kernel", shape));
        let shape = [&[1; N][..], &[channels.saturating_mul(m), self.filters]].concat();
        let pointwise = cx.weight(self.pointwise.weight("pointwise_kernel", shape));
        let matrix = [pointwise.dim(-2), pointwise.dim(-1)];
        let y = x.conv(by_channel(depthwise), window, channels).matmul(pointwise.reshape(matrix));
        let bias = self.use_bias.then(|| self.bias.weight("bias", [self.filters]));
        Ok(vec![cx.affine(y, bias, &self.activation)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<const N: usize> Samples<dyn Layer> for SeparableConv<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = sample_input::<N>;
        vec![
            Sample::new(Self::new(3, 2), [x(3, 2)]),
            Sample::new(
                Self::new(1, Extent(std::array::from_fn(|i| 3 - i)))
                    .strides(2)
                    .padding(Padding::Same)
                    .depth_multiplier(2),
                [x(4, 2)],
            ),
            Sample::new(
                Self::new(2, 2)
                    .dilation_rate(2)
                    .use_bias(false)
                    .activation(Tanh)
                    .pointwise_regularizer(L2::new(0.01)),
                [x(3, 1)],
            ),
        ]
    }
}
