//! What convolutions and poolings share: sizes along spatial axes, padding, the place of the channels.

use nervure_graph::{self as graph, DType, Dim, Shape, Tensor, Type, Window};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;
use crate::network::batch;

/// Sizes along `N` spatial axes: written as one number for all, or as one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent<const N: usize>(pub [usize; N]);

impl<const N: usize> From<usize> for Extent<N> {
    fn from(n: usize) -> Self {
        Extent([n; N])
    }
}

impl<const N: usize> From<[usize; N]> for Extent<N> {
    fn from(sizes: [usize; N]) -> Self {
        Extent(sizes)
    }
}

impl<const N: usize> Serialize for Extent<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Extent<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number, or one for each spatial axis")]
        enum Form {
            One(usize),
            Each(Vec<usize>),
        }
        match Form::deserialize(d)? {
            Form::One(n) => Ok(n.into()),
            Form::Each(sizes) => <[usize; N]>::try_from(sizes)
                .map(Extent)
                .map_err(|s| D::Error::custom(format!("expected {N} sizes, received {}", s.len()))),
        }
    }
}

/// Sizes before and after, along `N` spatial axes: written as one number for all, as one for both ends of each axis, or as a pair each; along one axis
/// as a number or a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Around<const N: usize>(pub [(usize, usize); N]);

impl<const N: usize> From<usize> for Around<N> {
    fn from(n: usize) -> Self {
        Around([(n, n); N])
    }
}

impl<const N: usize> From<[usize; N]> for Around<N> {
    fn from(sizes: [usize; N]) -> Self {
        Around(sizes.map(|n| (n, n)))
    }
}

impl<const N: usize> From<[(usize, usize); N]> for Around<N> {
    fn from(sizes: [(usize, usize); N]) -> Self {
        Around(sizes)
    }
}

impl From<(usize, usize)> for Around<1> {
    fn from(sizes: (usize, usize)) -> Self {
        Around([sizes])
    }
}

impl<const N: usize> Serialize for Around<N> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0[..] {
            [ends] => ends.serialize(s),
            _ => s.collect_seq(self.0),
        }
    }
}

impl<'de, const N: usize> Deserialize<'de> for Around<N> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a whole number, or one or a pair for each spatial axis")]
        enum Form {
            All(usize),
            Each(Vec<usize>),
            Ends(Vec<(usize, usize)>),
        }
        let ends = match Form::deserialize(d)? {
            Form::All(n) => return Ok(n.into()),
            Form::Each(ends) if N == 1 && ends.len() == 2 => vec![(ends[0], ends[1])],
            Form::Each(sizes) => sizes.into_iter().map(|n| (n, n)).collect(),
            Form::Ends(ends) => ends,
        };
        <[(usize, usize); N]>::try_from(ends)
            .map(Around)
            .map_err(|s| D::Error::custom(format!("expected {N} sizes, received {}", s.len())))
    }
}

/// What is put around the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Nothing: windows lie within the input.
    #[default]
    Valid,
    /// As much as gives ⌈n / stride⌉ windows.
    Same,
    /// All of it before, so that no window sees what comes later: [`Conv1D`](super::Conv1D) alone.
    Causal,
}

/// Where the channels stand: last. Files may say so; `channels_first` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelsLast;

impl Serialize for ChannelsLast {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str("channels_last")
    }
}

impl<'de> Deserialize<'de> for ChannelsLast {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        match Option::<String>::deserialize(d)?.as_deref() {
            None | Some("channels_last") => Ok(ChannelsLast),
            Some(other) => Err(D::Error::custom(format!("expected `channels_last`, received `{other}`"))),
        }
    }
}

/// Whether `x` is `[batch, spatial…, channels]`, with `N` spatial axes.
///
/// # Errors
/// An input of another rank.
pub(super) fn spatial<const N: usize>(cx: &Lower<'_>, layer: &dyn Layer, x: Tensor<'_>) -> Result<()> {
    if x.rank() == N + 2 {
        return Ok(());
    }
    let axes = ["length", "height, width", "depth, height, width"].get(N - 1).unwrap_or(&"spatial…");
    Err(cx.error(layer, format!("an input [batch, {axes}, channels]"), x.ty()))
}

/// The windows of a layer on `x: [batch, spatial…, channels]`, with `N` spatial axes.
///
/// # Errors
/// An input of another rank; a size of 0; causal padding.
pub(super) fn window<const N: usize>(
    cx: &Lower<'_>,
    layer: &dyn Layer,
    x: Tensor<'_>,
    [size, strides, dilation]: [Extent<N>; 3],
    padding: Padding,
) -> Result<Window> {
    spatial::<N>(cx, layer, x)?;
    let sizes = [size, strides, dilation].map(|e| e.0);
    if sizes.iter().flatten().any(|&n| n == 0) {
        return Err(cx.error(
            layer,
            "window sizes, strides and dilations of at least 1",
            format!("{sizes:?}"),
        ));
    }
    let padding = match padding {
        Padding::Valid => graph::Padding::Explicit(vec![(0, 0); N]),
        Padding::Same => graph::Padding::Same,
        Padding::Causal => return Err(cx.error(layer, "padding `valid` or `same`", "`causal`")),
    };
    let [size, strides, dilation] = sizes.map(|s| s.to_vec());
    Ok(Window { size, strides, dilation, padding })
}

/// What such layers are tried with: `[batch, n, n + 1…, c]`.
pub(super) fn sample_input<const N: usize>(n: usize, c: usize) -> Type {
    let spatial = (0..N).map(|i| Dim::from(n + i));
    Type::new(DType::F32, [batch()].into_iter().chain(spatial).chain([c.into()]).collect::<Shape>())
}
