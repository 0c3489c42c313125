use nervure_graph::{DType, Tensor, Type};

use crate::data::IntoArray;
use crate::layers::encode::{OutputMode, encode};
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};
use crate::{Error, Result};

settings! {
    /// The number of the bin in which x lies: how many of the boundaries are not above it, so that n boundaries make n + 1 bins. NaN lies in the last one.
    ///
    /// The shape stays with `output_mode` `int`, whose numbers are `i32`; for the others see [`OutputMode`].
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let bins = Discretization::new().bin_boundaries([0.0, 1.0]);
    /// let model = Sequential::new([3]).add(bins).build(Seed(1))?;
    /// let bins = model.predict(ndarray::arr2(&[[-0.5_f32, 0.0, 7.0]]))?;
    /// assert_eq!(bins.as_i32(), Some(&[0, 1, 2][..]));
    /// # Ok::<(), nervure_nn::Error>(())
    /// ```
    pub struct Discretization {
        /// Where bins end and the next begin, ascending: given, or found in data by [`adapt`](Self::adapt).
        bin_boundaries: some Vec<f64>,
        /// Number of bins that `adapt` makes.
        num_bins: just usize,
        /// How exactly `adapt` finds quantiles: it looks at 1 / epsilon of the values, evenly spaced in ascending order.
        epsilon: f64 = 0.01,
        /// How bins are given.
        output_mode: OutputMode = OutputMode::Int,
    }
}
kind!(Discretization);

impl Discretization {
    /// With boundaries that make `num_bins` bins of nearly as many of these values each.
    ///
    /// Of n values in ascending order, every s-th is looked at, s = max(⌊n · epsilon⌋, 1), from number s on; between them, values stand in proportion. Where
    /// that are more than 1 / epsilon, as many are taken of them, at the shares i · epsilon of all; the boundaries stand at the shares i / `num_bins`. So does
    /// Keras with data in one piece.
    ///
    /// # Errors
    /// [`Error::Data`] for less than 2 bins, an epsilon that is not above 0 and at most 1 / `num_bins`, data that are no finite floats, or fewer than bins.
    pub fn adapt(self, data: impl IntoArray) -> Result<Discretization> {
        let data = data.into_array();
        let refuse = |expected: String, received: String| {
            Err(Error::Data(format!("discretization: expected {expected}, received {received}")))
        };
        let bins = match self.num_bins {
            Some(bins) if bins >= 2 => bins,
            Some(bins) => return refuse("num_bins of at least 2".into(), bins.to_string()),
            None => return refuse("num_bins".into(), "none".into()),
        };
        if !(self.epsilon > 0.0 && self.epsilon * bins as f64 <= 1.0) {
            let expected = format!("an epsilon above 0 and at most 1 / {bins}");
            return refuse(expected, self.epsilon.to_string());
        }
        let Some(values) = data.as_f32().filter(|v| v.len() >= bins && v.iter().all(|x| x.is_finite())) else {
            let received = format!("{}{:?}", data.dtype(), data.shape());
            return refuse(format!("at least {bins} floats, all of them finite"), received);
        };
        let mut values = values.to_vec();
        values.sort_by(f32::total_cmp);
        // In Keras's order, for the quotient is rounded down.
        let step = ((values.len() as f64 / (1.0 / self.epsilon)) as usize).max(1);
        let seen: Vec<f64> = values.into_iter().skip(step - 1).step_by(step).map(f64::from).collect();
        let count = seen.len() as f64;
        let mut points: Vec<(f64, f64)> = (1..).map(|i| f64::from(i) / count).zip(seen).collect();
        if count * self.epsilon >= 1.0 {
            let shares = (1..=(1.0 / self.epsilon).ceil() as usize).map(|i| i as f64 * self.epsilon);
            points = shares.map(|share| (share.min(1.0), value_at(share, &points))).collect();
        }
        let boundaries: Vec<f64> = (1..bins).map(|i| value_at(i as f64 / bins as f64, &points)).collect();
        Ok(self.bin_boundaries(boundaries))
    }
}

/// The value at a share, in proportion between the points (share, value) beside it; beyond them that of the last one.
fn value_at(share: f64, points: &[(f64, f64)]) -> f64 {
    let above = points.partition_point(|p| p.0 < share);
    match (above.checked_sub(1).map(|i| points[i]), points.get(above)) {
        (Some((x, low)), Some(&(y, high))) => low + (share - x) / (y - x) * (high - low),
        (Some((_, value)), None) | (None, Some(&(_, value))) => value,
        (None, None) => f64::NAN,
    }
}

impl Layer for Discretization {
    fn lower<'g>(&self, cx: &mut Lower<'g>, inputs: &[Tensor<'g>]) -> Result<Vec<Tensor<'g>>> {
        let x = inputs[0].cast(DType::F32);
        let Some(ends) = &self.bin_boundaries else {
            return Err(cx.error(self, "bin_boundaries, given or from `adapt`", "none"));
        };
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
        let in_mode =
            |mode| Discretization::new().bin_boundaries([-1.0, 0.5, 2.0]).num_bins(4).output_mode(mode);
        [OutputMode::Int, OutputMode::OneHot, OutputMode::MultiHot, OutputMode::Count]
            .map(|mode| Sample::new(in_mode(mode), [x.clone()]))
            .into()
    }
}
