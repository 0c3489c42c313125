use nervure_graph::{Dim, Op, Tensor};

use crate::Result;
use crate::layers::window::{Around, ChannelsLast, sample_input, spatial};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::settings;
use crate::word::{Kind, Sample, Samples, kind};

settings! {
    /// Without the elements at the ends of `N` spatial axes: `[batch, spatial…, c]` → `[batch, spatial − before − after…, c]`, at least 1 each.
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([8, 8, 3]).add(Cropping2D::new([(1, 2), (0, 3)])).build(Seed(1))?;
    /// assert_eq!(model.graph().node(model.graph().outputs()[0].1).ty.to_string(), "f32[batch, 5, 5, 3]");
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Cropping[const N: usize][N] {
        /// Elements before and after, along each spatial axis.
        cropping: given into Around<N> = if N == 2 { 0 } else { 1 },
        /// Where the channels stand.
        data_format: fixed ChannelsLast = ChannelsLast,
    }
}

kind! {
    /// Leaves out elements at both ends of sequences `[batch, length, c]`: see [`Cropping`].
    pub type Cropping1D = Cropping<1>;
}
kind! {
    /// Leaves out elements at both ends of images `[batch, height, width, c]`: see [`Cropping`].
    pub type Cropping2D = Cropping<2>;
}
kind! {
    /// Leaves out elements at both ends of volumes `[batch, depth, height, width, c]`: see [`Cropping`].
    pub type Cropping3D = Cropping<3>;
}

impl<const N: usize> Layer for Cropping<N>
where
    Self: Kind,
{
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0];
        spatial::<N>(cx, self, x)?;
        let mut sizes = x.shape();
        let mut starts = vec![Dim::from(0); sizes.len()];
        for (i, &(before, after)) in self.cropping.0.iter().enumerate() {
            let taken = before.saturating_add(after);
            if sizes[i + 1].as_const().is_some_and(|n| n <= taken) {
                return Err(cx.error(self, format!("more than {taken} elements on spatial axis {i}"), x.ty()));
            }
            sizes[i + 1] = &sizes[i + 1] - taken;
            starts[i + 1] = before.into();
        }
        let steps = vec![1; sizes.len()];
        Ok(vec![cx.builder().apply(Op::Slice { starts, sizes, steps }, &[x])])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl<const N: usize> Samples<dyn Layer> for Cropping<N>
where
    Self: Kind,
{
    fn samples() -> Vec<Sample<dyn Layer>> {
        vec![
            Sample::new(Self::new(1), [sample_input::<N>(3, 2)]),
            Sample::new(Self::new(Around(std::array::from_fn(|i| (i, 2 - i)))), [sample_input::<N>(4, 1)]),
        ]
    }
}
