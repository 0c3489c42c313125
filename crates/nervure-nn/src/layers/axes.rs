//! Axes and numbers as files write them: one, or a list; and what layers do along axes.

use nervure_graph::Tensor;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::settings::WeightSettings;

/// Axes of an input, each from the front or, if negative, from the end: written as one number, as a list, or as `null` for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Axes(pub Vec<isize>);

impl From<isize> for Axes {
    fn from(axis: isize) -> Axes {
        Axes(vec![axis])
    }
}

impl<const N: usize> From<[isize; N]> for Axes {
    fn from(axes: [isize; N]) -> Axes {
        Axes(axes.to_vec())
    }
}

impl<'de> Deserialize<'de> for Axes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected an axis or a list of axes")]
        enum Form {
            One(isize),
            Several(Vec<isize>),
        }
        Ok(match Option::deserialize(d)? {
            None => Axes(Vec::new()),
            Some(Form::One(axis)) => Axes(vec![axis]),
            Some(Form::Several(axes)) => Axes(axes),
        })
    }
}

impl Axes {
    /// The axes from the front, ascending; none if one is not there, or given twice.
    pub(crate) fn places(&self, rank: usize) -> Option<Vec<usize>> {
        let from_front = |&axis: &isize| {
            let at = if axis < 0 { axis.checked_add_unsigned(rank)? } else { axis };
            usize::try_from(at).ok().filter(|&at| at < rank)
        };
        let mut places: Vec<usize> = self.0.iter().map(from_front).collect::<Option<_>>()?;
        places.sort_unstable();
        places.windows(2).all(|w| w[0] != w[1]).then_some(places)
    }

    /// The axes as they are written.
    ///
    /// # Errors
    /// None at all.
    pub(super) fn given(&self, cx: &Lower<'_>, layer: &dyn Layer) -> Result<&[isize]> {
        if self.0.is_empty() { Err(cx.error(layer, "at least one axis", "none")) } else { Ok(&self.0) }
    }

    /// The axes where they stand in `x`.
    ///
    /// # Errors
    /// An axis that `x` does not have, one given twice, or one whose size is not fixed.
    pub(super) fn of(&self, cx: &Lower<'_>, layer: &dyn Layer, x: Tensor<'_>) -> Result<Placed> {
        let mut axes = Vec::with_capacity(self.0.len());
        for &axis in &self.0 {
            let size = cx.fixed(layer, x, axis)?;
            axes.push((x.axis(axis), size));
        }
        axes.sort_unstable();
        if axes.windows(2).any(|w| w[0].0 == w[1].0) {
            return Err(cx.error(layer, "each axis once", format!("{:?}", self.0)));
        }
        Ok(Placed(axes))
    }

    /// The same for axes over which something is done: at least one.
    ///
    /// # Errors
    /// Those of [`Axes::of`] and [`Axes::given`].
    pub(super) fn some_of(&self, cx: &Lower<'_>, layer: &dyn Layer, x: Tensor<'_>) -> Result<Placed> {
        self.given(cx, layer)?;
        self.of(cx, layer, x)
    }
}

/// Axes of a tensor, ascending from the front, with their sizes.
pub(super) struct Placed(Vec<(usize, usize)>);

impl Placed {
    /// One axis.
    pub fn one(axis: usize, size: usize) -> Placed {
        Placed(vec![(axis, size)])
    }

    /// The sizes.
    pub fn sizes(&self) -> Vec<usize> {
        self.0.iter().map(|a| a.1).collect()
    }

    /// The axes, as reductions take them.
    pub fn over(&self) -> Vec<isize> {
        self.0.iter().map(|a| a.0 as isize).collect()
    }

    /// Values for each place along the axes of `like`, repeated along the others.
    pub fn along<'g>(&self, values: Tensor<'g>, like: Tensor<'g>) -> Tensor<'g> {
        let mut shape = vec![1.into(); like.rank()];
        for &(axis, size) in &self.0 {
            shape[axis] = size.into();
        }
        values.reshape(shape)
    }

    /// gamma · y + beta, with weights of the sizes of the axes; without a setting for one, without it.
    pub fn affine<'g>(
        &self,
        cx: &mut Lower<'g>,
        y: Tensor<'g>,
        gamma: Option<&WeightSettings>,
        beta: Option<&WeightSettings>,
    ) -> Tensor<'g> {
        let mut weight = |name, of: &WeightSettings| self.along(cx.weight(of.weight(name, self.sizes())), y);
        let y = gamma.map_or(y, |of| y * weight("gamma", of));
        beta.map_or(y, |of| y + weight("beta", of))
    }
}

/// The mean over axes, which stay, of size 1.
pub(super) fn mean_over<'g>(x: Tensor<'g>, axes: &[isize]) -> Tensor<'g> {
    x.mean(axes).keep_axes(x, axes)
}

/// Sizes of axes, `None` for what follows from elsewhere: written as one number or as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sizes(pub Vec<Option<usize>>);

impl From<usize> for Sizes {
    fn from(n: usize) -> Sizes {
        Sizes(vec![Some(n)])
    }
}

impl<const N: usize> From<[usize; N]> for Sizes {
    fn from(sizes: [usize; N]) -> Sizes {
        Sizes(sizes.map(Some).to_vec())
    }
}

impl<const N: usize> From<[Option<usize>; N]> for Sizes {
    fn from(sizes: [Option<usize>; N]) -> Sizes {
        Sizes(sizes.to_vec())
    }
}

impl<'de> Deserialize<'de> for Sizes {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a size or a list of sizes")]
        enum Form {
            One(usize),
            Several(Vec<Option<usize>>),
        }
        Ok(match Form::deserialize(d)? {
            Form::One(n) => Sizes(vec![Some(n)]),
            Form::Several(sizes) => Sizes(sizes),
        })
    }
}

/// One number for all, or one each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of numbers")]
pub enum Numbers {
    /// One for all.
    One(f64),
    /// One each.
    Each(Vec<f64>),
}

impl From<f64> for Numbers {
    fn from(x: f64) -> Numbers {
        Numbers::One(x)
    }
}

impl<const N: usize> From<[f64; N]> for Numbers {
    fn from(x: [f64; N]) -> Numbers {
        Numbers::Each(x.to_vec())
    }
}

impl From<Vec<f64>> for Numbers {
    fn from(x: Vec<f64>) -> Numbers {
        Numbers::Each(x)
    }
}

impl Numbers {
    /// The numbers.
    pub fn as_slice(&self) -> &[f64] {
        match self {
            Numbers::One(x) => std::slice::from_ref(x),
            Numbers::Each(x) => x,
        }
    }
}
