use nervure_graph::{self as graph, Tensor};

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
    /// A convolution over `N` spatial axes: y = activation(x ∗ kernel + bias), where the kernel is applied as it is, not mirrored.
    ///
    /// `[batch, spatial…, c]` → `[batch, spatial'…, filters]`. Weights: `kernel [kernel_size…, c / groups, filters]`, `bias [filters]`. Of n elements
    /// along an axis come ⌈n / stride⌉ with padding `same`, ⌊(n − span) / stride⌋ + 1 with `valid`, ⌊(n − 1) / stride⌋ + 1 with `causal`; a kernel
    /// spans (size − 1) · dilation + 1 elements.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 28, 1]).add(Conv2D::new(8, 3).strides(2).activation(Relu)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 13, 13, 8]");
    /// assert_eq!(model.parameter_count(), 3 * 3 * 8 + 8);
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Conv[const N: usize][N] {
        /// Outputs of each place.
        filters: usize,
        /// Size of a kernel along each spatial axis.
        kernel_size: into Extent<N>,
        /// Distance between neighbouring places of the kernel.
        strides: into Extent<N> = 1,
        /// What is put around the input, zeros.
        padding: Padding = Padding::Valid,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        /// Distance between neighbouring elements that a kernel sees.
        dilation_rate: into Extent<N> = 1,
        /// Groups into which channels are split, each convolved with its share of the filters.
        groups: usize = 1,
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
    /// A convolution over sequences `[batch, length, c]`, which knows causal padding: see [`Conv`].
    pub type Conv1D = Conv<1>;
}
kind! {
    /// A convolution over images `[batch, height, width, c]`: see [`Conv`].
    pub type Conv2D = Conv<2>;
}
kind! {
    /// A convolution over volumes `[batch, depth, height, width, c]`: see [`Conv`].
    pub type Conv3D = Conv<3>;
}

impl<const N: usize> Layer for Conv<N>
where
    Conv<N>: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        let causal = N == 1 && self.padding == Padding::Causal;
        let padding = if causal { Padding::Valid } else { self.padding };
        let mut window = window(cx, self, x, [self.kernel_size, self.strides, self.dilation_rate], padding)?;
        if causal {
            window.padding = graph::Padding::Explicit(vec![(window.span(0) - 1, 0)]);
        }
        let channels = cx.fixed(self, x, -1)?;
        if self.filters == 0 {
            return Err(cx.error(self, "at least 1 filter", self.filters));
        }
        let groups = self.groups;
        if groups == 0 || !channels.is_multiple_of(groups) || !self.filters.is_multiple_of(groups) {
            let received = format!("{channels} channels, {} filters, {groups} groups", self.filters);
            return Err(cx.error(self, "channels and filters that the groups divide", received));
        }
        let shape = [&self.kernel_size.0[..], &[channels / groups, self.filters]].concat();
        let kernel = cx.weight(self.kernel.weight("kernel", shape));
        let y = x.conv(kernel, window, groups);
        let bias = self.use_bias.then(|| self.bias.weight("bias", [self.filters]));
        Ok(vec![cx.affine(y, bias, &self.activation)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<const N: usize> Samples<dyn Layer> for Conv<N>
where
    Conv<N>: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = sample_input::<N>;
        let mut samples = vec![
            Sample::new(Conv::<N>::new(2, 2), [x(4, 2)]),
            Sample::new(
                Conv::<N>::new(4, Extent(std::array::from_fn(|i| 3 - i))).strides(2).padding(Padding::Same).groups(2),
                [x(4, 2)],
            ),
            Sample::new(
                Conv::<N>::new(1, 2)
                    .dilation_rate(2)
                    .use_bias(false)
                    .activation(Tanh)
                    .kernel_regularizer(L2::new(0.01)),
                [x(3, 1)],
            ),
        ];
        if N == 1 {
            let causal = Conv::<N>::new(2, 3).dilation_rate(2).padding(Padding::Causal);
            samples.push(Sample::new(causal, [x(4, 2)]));
        }
        samples
    }
}
