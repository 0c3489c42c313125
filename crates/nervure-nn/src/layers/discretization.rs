use nervure_graph::{DType, Tensor, Type};

use crate::Result;
use crate::layers::encode::{OutputMode, encode};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// The number of the bin in which x lies: how many of the boundaries are not above it, so that n boundaries make n + 1 bins. NaN lies in the last one.
    ///
    /// The shape stays with `output_mode` `int`, whose numbers are `i32`; for the others see [`OutputMode`].
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let model = Sequential::new([3]).add(Discretization::new([0.0, 1.0])).build(Seed(1))?;
    /// let bins = model.predict(ndarray::arr2(&[[-0.5_f32, 0.0, 7.0]]))?;
    /// assert_eq!(bins.as_i32(), Some(&[0, 1, 2][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Discretization {
        /// Where bins end and the next begin, ascending.
        bin_boundaries: into Vec<f64>,
        /// How bins are given.
        output_mode: OutputMode = OutputMode::Int,
    }
}
kind!(Discretization);

impl Layer for Discretization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let (x, ends) = (inputs[0].cast(DType::F32), &self.bin_boundaries);
        if ends.is_empty() || !ends.is_sorted() {
            return Err(cx.error(self, "at least one of bin_boundaries, ascending", format!("{ends:?}")));
        }
        let below = x.expand(-1).less(x.builder().floats(&[ends.len()], ends));
        let bins = (!below).cast(DType::I32).sum(&[-1]);
        Ok(vec![encode(cx, self, bins, (self.output_mode, ends.len() + 1), None)?])
    }

    fn passes_mask(&self) -> bool {
        false
    }
}

impl Samples<dyn Layer> for Discretization {
    fn samples() -> Vec<Sample<dyn Layer>> {
        let x = Type::new(DType::F32, [batch(), 3.into()]);
        let in_mode = |mode| Discretization::new([-1.0, 0.5, 2.0]).output_mode(mode);
        [OutputMode::Int, OutputMode::OneHot, OutputMode::MultiHot, OutputMode::Count]
            .map(|mode| Sample::new(in_mode(mode), [x.clone()]))
            .into()
    }
}
