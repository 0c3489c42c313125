//! Whole numbers as vectors: what layers share that encode categories.

use nervure_graph::{DType, Reduction, Tensor};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::layers::Layer;
use crate::lower::Lower;

/// How categories are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputMode {
    /// Their numbers, `i32`.
    Int,
    /// `[…, n]`: 1 at the number of each, 0 elsewhere; `[…, 1]` loses its last axis first.
    OneHot,
    /// `[batch, places, …]` → `[batch, …, n]`: 1 at every number that some place has.
    #[serde(alias = "binary")]
    MultiHot,
    /// `[batch, places, …]` → `[batch, …, n]`: how many places have each number.
    Count,
    /// As [`Count`](OutputMode::Count), each count times the weight of its number: of layers with a vocabulary alone.
    #[serde(alias = "tf-idf")]
    TfIdf,
}

/// Numbers below `n` in this form. What is beyond is nowhere. `weights` say what each place counts.
///
/// # Errors
/// An input of too few axes; weights of another shape.
pub(super) fn encode<'g>(
    cx: &Lower<'g>,
    layer: &dyn Layer,
    numbers: Tensor<'g>,
    (mode, n): (OutputMode, usize),
    weights: Option<Tensor<'g>>,
) -> Result<Tensor<'g>> {
    let rank = numbers.rank();
    let of_places = || match rank {
        0 | 1 => Err(cx.error(layer, "an input [batch, places, …]", numbers.ty())),
        _ => Ok(numbers.one_hot(n)),
    };
    match mode {
        OutputMode::Int => Ok(numbers.cast(DType::I32)),
        OutputMode::OneHot if rank > 1 && numbers.dim(-1).is(1) => {
            Ok(numbers.reshape(&numbers.shape()[..rank - 1]).one_hot(n))
        }
        OutputMode::OneHot => Ok(numbers.one_hot(n)),
        OutputMode::TfIdf => {
            Err(cx.error(layer, "output_mode `int`, `one_hot`, `multi_hot` or `count`", "`tf_idf`"))
        }
        OutputMode::MultiHot => Ok(of_places()?.reduce(Reduction::Max, &[1])),
        OutputMode::Count => {
            let places = of_places()?;
            let counted = match weights {
                None => places,
                Some(w) if w.shape() == numbers.shape() => places * w.cast(DType::F32).expand(-1),
                Some(w) => return Err(cx.error(layer, format!("weights like {}", numbers.ty()), w.ty())),
            };
            Ok(counted.sum(&[1]))
        }
    }
}
