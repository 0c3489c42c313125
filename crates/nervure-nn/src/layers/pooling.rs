use std::fmt;
use std::marker::PhantomData;

use nervure_graph::{DType, PoolKind, Reduction, Tensor, Window};

use crate::Result;
use crate::layers::window::{ChannelsLast, sample_input, spatial, window};
use crate::layers::{Extent, Layer, Padding};
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// The greatest element, or the mean, of each window of each channel over `N` spatial axes.
    ///
    /// `[batch, spatial…, c]` → `[batch, spatial'…, c]`. Of n elements along an axis come ⌈n / stride⌉ with padding `same`,
    /// ⌊(n − size) / stride⌋ + 1 with `valid`. What lies in the padding does not count, in the mean either.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 28, 3]).add(MaxPooling2D::new(2)).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 14, 14, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Pooling[P, const N: usize][P, N] {
        /// Size of a window.
        pool_size: given into Extent<N> = 2,
        /// Distance between neighbouring windows; without it their size.
        strides: some Extent<N>,
        /// What is put around the input.
        padding: Padding = Padding::Valid,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        pooled: skip PhantomData<P> = PhantomData,
    }
}

kind! {
    /// The greatest of each window of a sequence: see [`Pooling`].
    pub type MaxPooling1D = Pooling<Greatest, 1>; | "MaxPool1D"
}
kind! {
    /// The greatest of each window of an image: see [`Pooling`].
    pub type MaxPooling2D = Pooling<Greatest, 2>; | "MaxPool2D"
}
kind! {
    /// The greatest of each window of a volume: see [`Pooling`].
    pub type MaxPooling3D = Pooling<Greatest, 3>; | "MaxPool3D"
}
kind! {
    /// The mean of each window of a sequence: see [`Pooling`].
    pub type AveragePooling1D = Pooling<Mean, 1>; | "AvgPool1D"
}
kind! {
    /// The mean of each window of an image: see [`Pooling`].
    pub type AveragePooling2D = Pooling<Mean, 2>; | "AvgPool2D"
}
kind! {
    /// The mean of each window of a volume: see [`Pooling`].
    pub type AveragePooling3D = Pooling<Mean, 3>; | "AvgPool3D"
}

/// What is taken of the elements of a window, or of all places.
pub trait Pooled: fmt::Debug + Clone + Send + Sync + 'static {
    /// Of each window.
    fn windows<'g>(x: Tensor<'g>, window: Window) -> Tensor<'g>;
    /// Of all places of the spatial axes, which leave the shape. A mask says which places count, where that makes a difference.
    fn all<'g>(x: Tensor<'g>, axes: &[isize], mask: Option<Tensor<'g>>) -> Tensor<'g>;
}

/// The greatest; masks have no part in it, as in Keras.
#[derive(Debug, Clone)]
pub struct Greatest;

/// The mean of those that count.
#[derive(Debug, Clone)]
pub struct Mean;

impl Pooled for Greatest {
    fn windows<'g>(x: Tensor<'g>, window: Window) -> Tensor<'g> {
        x.pool(PoolKind::Max, window)
    }

    fn all<'g>(x: Tensor<'g>, axes: &[isize], _: Option<Tensor<'g>>) -> Tensor<'g> {
        x.reduce(Reduction::Max, axes)
    }
}

impl Pooled for Mean {
    fn windows<'g>(x: Tensor<'g>, window: Window) -> Tensor<'g> {
        let sums = x.pool(PoolKind::Sum, window.clone());
        if window.padding != nervure_graph::Padding::Same {
            return sums / window.size.iter().map(|&n| n as f64).product::<f64>();
        }
        // How many elements of each window are no padding.
        let mut shape = x.shape();
        let last = shape.len() - 1;
        (shape[0], shape[last]) = (1.into(), 1.into());
        sums / x.builder().full(DType::F32, shape, 1.0).pool(PoolKind::Sum, window)
    }

    fn all<'g>(x: Tensor<'g>, axes: &[isize], mask: Option<Tensor<'g>>) -> Tensor<'g> {
        let Some(mask) = mask else { return x.mean(axes) };
        let counts = crate::metrics::spread(mask, x);
        counts.select(x, x.constant(0.0)).sum(axes) / counts.cast(DType::F32).sum(axes)
    }
}

impl<P: Pooled, const N: usize> Layer for Pooling<P, N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, size) = (inputs[0], self.pool_size);
        let window = window(cx, self, x, [size, self.strides.unwrap_or(size), 1.into()], self.padding)?;
        Ok(vec![P::windows(x, window)])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<P: Pooled, const N: usize> Samples<dyn Layer> for Pooling<P, N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Self::new(2), [sample_input::<N>(4, 2)]),
            Sample::new(Self::new(3).strides(2).padding(Padding::Same), [sample_input::<N>(4, 2)]),
        ]
    }
}

settings! {
    /// The greatest element, or the mean, of each channel over all `N` spatial axes. The mean is that of the places that a mask lets count.
    ///
    /// `[batch, spatial…, c]` → `[batch, c]`, or `[batch, 1…, c]` with `keepdims`.
    pub struct GlobalPooling[P, const N: usize][P, N] {
        /// Whether the spatial axes stay, of size 1.
        keepdims: bool = false,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        pooled: skip PhantomData<P> = PhantomData,
    }
}

kind! {
    /// The greatest over a sequence: see [`GlobalPooling`].
    pub type GlobalMaxPooling1D = GlobalPooling<Greatest, 1>; | "GlobalMaxPool1D"
}
kind! {
    /// The greatest over an image: see [`GlobalPooling`].
    pub type GlobalMaxPooling2D = GlobalPooling<Greatest, 2>; | "GlobalMaxPool2D"
}
kind! {
    /// The greatest over a volume: see [`GlobalPooling`].
    pub type GlobalMaxPooling3D = GlobalPooling<Greatest, 3>; | "GlobalMaxPool3D"
}
kind! {
    /// The mean over a sequence: see [`GlobalPooling`].
    pub type GlobalAveragePooling1D = GlobalPooling<Mean, 1>; | "GlobalAvgPool1D"
}
kind! {
    /// The mean over an image: see [`GlobalPooling`].
    pub type GlobalAveragePooling2D = GlobalPooling<Mean, 2>; | "GlobalAvgPool2D"
}
kind! {
    /// The mean over a volume: see [`GlobalPooling`].
    pub type GlobalAveragePooling3D = GlobalPooling<Mean, 3>; | "GlobalAvgPool3D"
}

impl<P: Pooled, const N: usize> Layer for GlobalPooling<P, N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        spatial::<N>(cx, self, x)?;
        let axes: Vec<isize> = (1..=N as isize).collect();
        let y = P::all(x, &axes, cx.mask(x));
        Ok(vec![if self.keepdims { y.keep_axes(x, &axes) } else { y }])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<P: Pooled, const N: usize> Samples<dyn Layer> for GlobalPooling<P, N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Self::new(), [sample_input::<N>(3, 2)]),
            Sample::new(Self::new().keepdims(true), [sample_input::<N>(2, 2)]),
        ]
    }
}
