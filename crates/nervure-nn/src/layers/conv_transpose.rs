use nervure_graph::{self as graph, Dim, Tensor};

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
    /// The transpose of a convolution over `N` spatial axes, of what takes its images to its inputs: y = activation(convᵀ(x) + bias).
    ///
    /// `[batch, spatial…, c]` → `[batch, spatial'…, filters]`. Weights: `kernel [kernel_size…, filters, c]`, `bias [filters]`. With a kernel that spans
    /// k = (size − 1) · dilation + 1, of n elements along an axis come
    ///
    /// ```text
    ///                        padding `valid`                          padding `same`
    /// no output_padding      (n − 1) · stride + max(k, stride)        n · stride
    /// output_padding p       (n − 1) · stride + k + p                 (n − 1) · stride + k mod 2 + p
    /// ```
    ///
    /// (Zeiler et al. 2010, "Deconvolutional networks").
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([7, 7, 4]).add(Conv2DTranspose::new(8, 3).strides(2).padding(Padding::Same)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 14, 14, 8]");
    /// assert_eq!(model.parameter_count(), 3 * 3 * 8 * 4 + 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct ConvTranspose[const N: usize][N] {
        /// Outputs of each place.
        filters: usize,
        /// Size of a kernel along each spatial axis.
        kernel_size: into Extent<N>,
        /// Distance between neighbouring places of the kernel in the output.
        strides: into Extent<N> = 1,
        /// What the convolution would put around its input: what is left out of the output.
        padding: Padding = Padding::Valid,
        /// What is added to the output's size along each spatial axis, below the stride.
        output_padding: some Extent<N>,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        /// Distance between neighbouring elements of a kernel; 1 if a stride is above 1.
        dilation_rate: into Extent<N> = 1,
        /// What is applied to the sum.
        activation: into Object<dyn Activation> = Linear,
        /// Whether a bias is added.
        use_bias: bool = true,
        /// the kernel
        kernel: weight GlorotUniform,
        /// the bias
        bias: weight Zeros,
    }
}

kind! {
    /// A convolution the other way round, which makes more of less, of sequences `[batch, length, c]`: see [`ConvTranspose`].
    pub type Conv1DTranspose = ConvTranspose<1>; | "Convolution1DTranspose"
}
kind! {
    /// A convolution the other way round, which makes more of less, of images `[batch, height, width, c]`: see [`ConvTranspose`].
    pub type Conv2DTranspose = ConvTranspose<2>; | "Convolution2DTranspose"
}
kind! {
    /// A convolution the other way round, which makes more of less, of volumes `[batch, depth, height, width, c]`: see [`ConvTranspose`].
    pub type Conv3DTranspose = ConvTranspose<3>; | "Convolution3DTranspose"
}

impl<const N: usize> ConvTranspose<N> {
    /// The size of an axis of `n` elements for a kernel that spans `k`, and what the convolution from there would put around it.
    fn along_axis(&self, axis: usize, n: Dim, k: usize) -> (Dim, (usize, usize)) {
        let (stride, more) = (self.strides.0[axis], self.output_padding.map(|p| p.0[axis]));
        // Zeros around x, whose elements stand a stride apart, for a convolution with the mirrored kernel.
        let (before, after) = if self.padding == Padding::Same {
            let both = match more {
                None => stride.saturating_add(k).saturating_sub(2),
                Some(more) => k.saturating_add(k % 2 + more).saturating_sub(2),
            };
            let before = both.div_ceil(2).min(k - 1);
            (before, both - before)
        } else {
            (k - 1, (k - 1).saturating_add(more.unwrap_or(stride.saturating_sub(k))))
        };
        let size = (n - 1) * stride + before.saturating_add(after).saturating_add(2) - k;
        (size, (k - 1 - before, (k - 1).saturating_sub(after)))
    }
}

impl<const N: usize> Layer for ConvTranspose<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let mut window =
            window(cx, self, x, [self.kernel_size, self.strides, self.dilation_rate], self.padding)?;
        let channels = cx.fixed(self, x, -1)?;
        if self.filters == 0 {
            return Err(cx.error(self, "at least 1 filter", self.filters));
        }
        let above_1 = |e: Extent<N>| e.0.iter().any(|&n| n > 1);
        if above_1(self.strides) && above_1(self.dilation_rate) {
            let received = format!("{:?} and {:?}", self.strides.0, self.dilation_rate.0);
            return Err(cx.error(self, "strides or a dilation_rate of 1", received));
        }
        if let Some(more) = self.output_padding
            && more.0.iter().zip(self.strides.0).any(|(&more, stride)| more >= stride)
        {
            let expected = format!("an output_padding below the strides {:?}", self.strides.0);
            return Err(cx.error(self, expected, format!("{:?}", more.0)));
        }
        let (sizes, around): (Vec<Dim>, Vec<(usize, usize)>) =
            (0..N).map(|i| self.along_axis(i, x.dim(i as isize + 1), window.span(i))).unzip();
        window.padding = graph::Padding::Explicit(around);
        let shape = [&self.kernel_size.0[..], &[self.filters, channels]].concat();
        let kernel = cx.weight(self.kernel.weight("kernel", shape));
        let y = x.conv_input_grad(kernel, window, 1, sizes);
        let bias = self.use_bias.then(|| self.bias.weight("bias", [self.filters]));
        Ok(vec![cx.affine(y, bias, &self.activation)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<const N: usize> Samples<dyn Layer> for ConvTranspose<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = sample_input::<N>;
        vec![
            Sample::new(Self::new(2, 2), [x(2, 2)]),
            Sample::new(
                Self::new(1, Extent(std::array::from_fn(|i| 3 - i))).strides(2).padding(Padding::Same),
                [x(2, 2)],
            ),
            Sample::new(Self::new(1, 2).strides(3).output_padding(1).use_bias(false), [x(2, 1)]),
            Sample::new(
                Self::new(1, 2).dilation_rate(2).activation(Tanh).kernel_regularizer(L2::new(0.01)),
                [x(2, 1)],
            ),
        ]
    }
}
