use std::marker::PhantomData;

use nervure_graph::{DType, Tensor, Window};

use crate::Result;
use crate::layers::pooling::{Greatest, Mean, Pooled};
use crate::layers::window::{ChannelsLast, sample_input, spatial};
use crate::layers::{Extent, Layer};
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// The greatest element, or the mean, of each of `output_size` windows of each channel over `N` spatial axes, whatever the input's size.
    ///
    /// `[batch, spatial…, c]` → `[batch, output_size…, c]`. Of n elements along an axis window i of m has those from ⌊i · n / m⌋ up to and without
    /// ⌈(i + 1) · n / m⌉. The sizes of the input have to be known.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([28, 30, 3]).add(AdaptiveAveragePooling2D::new([4, 7])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 4, 7, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct AdaptivePooling[P, const N: usize][P, N] {
        /// Number of windows along each spatial axis.
        output_size: into Extent<N>,
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
        pooled: skip PhantomData<P> = PhantomData,
    }
}

kind! {
    /// The greatest of each window of a sequence: see [`AdaptivePooling`].
    pub type AdaptiveMaxPooling1D = AdaptivePooling<Greatest, 1>;
}
kind! {
    /// The greatest of each window of an image: see [`AdaptivePooling`].
    pub type AdaptiveMaxPooling2D = AdaptivePooling<Greatest, 2>;
}
kind! {
    /// The greatest of each window of a volume: see [`AdaptivePooling`].
    pub type AdaptiveMaxPooling3D = AdaptivePooling<Greatest, 3>;
}
kind! {
    /// The mean of each window of a sequence: see [`AdaptivePooling`].
    pub type AdaptiveAveragePooling1D = AdaptivePooling<Mean, 1>;
}
kind! {
    /// The mean of each window of an image: see [`AdaptivePooling`].
    pub type AdaptiveAveragePooling2D = AdaptivePooling<Mean, 2>;
}
kind! {
    /// The mean of each window of a volume: see [`AdaptivePooling`].
    pub type AdaptiveAveragePooling3D = AdaptivePooling<Mean, 3>;
}

/// Windows along one axis that a layer may have: their number comes from files.
const WINDOWS: usize = 1 << 16;

impl<P: Pooled, const N: usize> Layer for AdaptivePooling<P, N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let mut x = inputs[0];
        spatial::<N>(cx, self, x)?;
        if self.output_size.0.iter().any(|m| !(1..=WINDOWS).contains(m)) {
            let expected = format!("an output_size of 1 to {WINDOWS}");
            return Err(cx.error(self, expected, format!("{:?}", self.output_size.0)));
        }
        for (i, m) in self.output_size.0.into_iter().enumerate() {
            let n = cx.fixed(self, x, i as isize + 1)?;
            if n == 0 {
                return Err(cx.error(self, format!("at least 1 element on spatial axis {i}"), x.ty()));
            }
            x = along_axis::<P>(x, (i, N), n, m);
        }
        Ok(vec![x])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

/// `m` windows along spatial axis `i` of `of`, which has `n` elements.
fn along_axis<'g, P: Pooled>(x: Tensor<'g>, (i, of): (usize, usize), n: usize, m: usize) -> Tensor<'g> {
    let pooled = |size: usize, stride: usize| {
        let mut window = Window::new(vec![1; of]);
        (window.size[i], window.strides[i]) = (size, stride);
        P::windows(x, window)
    };
    if n.is_multiple_of(m) {
        return pooled(n / m, n / m);
    }
    // Windows of one size at every place stand one after the other, those of the next size behind them: of these, the ones that are asked for.
    let ends: Vec<(usize, usize)> = (0..m).map(|k| (k.saturating_mul(n) / m, (k + 1).saturating_mul(n).div_ceil(m))).collect();
    let mut sizes: Vec<usize> = ends.iter().map(|(start, end)| end - start).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut first = 0;
    let mut firsts = Vec::new();
    for size in &sizes {
        firsts.push((*size, first));
        first += n - size + 1;
    }
    let parts: Vec<Tensor> = sizes.iter().map(|&size| pooled(size, 1)).collect();
    let all = x.builder().concat(&parts, i as isize + 1);
    let place = |&(start, end): &(usize, usize)| {
        let before = firsts.iter().find(|(size, _)| *size == end - start).map_or(0, |f| f.1);
        (before + start) as i64
    };
    let places = x.builder().whole(DType::I32, &[m], &ends.iter().map(place).collect::<Vec<i64>>());
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order.swap(0, i + 1);
    all.transpose(&order).gather(places, 0).transpose(&order)
}

impl<P: Pooled, const N: usize> Samples<dyn Layer> for AdaptivePooling<P, N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Self::new(2), [sample_input::<N>(4, 2)]),
            Sample::new(Self::new(Extent(std::array::from_fn(|i| i + 3))), [sample_input::<N>(4, 1)]),
        ]
    }
}
