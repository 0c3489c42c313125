//! Constraints: what weights are held to.

use nervure_graph::Tensor;

use crate::layers::Axes;
use crate::word::{Word, family};

family! {
    Constraint "constraint" {
        max_norm: MaxNorm;
        min_max_norm: MinMaxNorm;
        non_neg: NonNeg;
        unit_norm: UnitNorm;
    }
}

/// What a weight is held to: a projection that is applied after every step of the optimizer. What the weight starts from is not touched.
///
/// ```
/// use nervure_nn::prelude::*;
/// let layer = Dense::new(8).kernel_constraint(MaxNorm::new().max_value(3.0)).bias_constraint(NonNeg);
/// ```
pub trait Constraint: Word {
    /// What becomes of a weight; the shape stays.
    fn lower<'g>(&self, w: Tensor<'g>) -> Tensor<'g>;

    /// Whether it can hold a weight of this shape.
    ///
    /// # Errors
    /// What it takes instead.
    fn accepts(&self, _shape: &[usize]) -> Result<(), String> {
        Ok(())
    }
}

/// Keras's guard of divisions.
const EPSILON: f64 = 1e-7;

/// ‖w‖ over `axes`, which stay with size 1.
fn norms<'g>(w: Tensor<'g>, axes: &Axes) -> Tensor<'g> {
    w.square().sum(&axes.0).keep_axes(w, &axes.0).sqrt()
}

/// w · norm / (10⁻⁷ + ‖w‖): w of the norms that are asked for.
fn scaled<'g>(w: Tensor<'g>, norms: Tensor<'g>, to: Tensor<'g>) -> Tensor<'g> {
    w * (to / (norms + EPSILON))
}

/// An error unless a weight of this shape has `axes`, at least one and each once.
fn has_axes(shape: &[usize], axes: &Axes) -> Result<(), String> {
    if axes.places(shape.len()).is_some_and(|places| !places.is_empty()) {
        return Ok(());
    }
    Err(format!("a weight with the axes {:?}, at least one and each once", axes.0))
}

/// An error unless `value` is finite and `holds`.
fn within(name: &str, value: f64, holds: impl Fn(f64) -> bool, expected: &str) -> Result<(), String> {
    if value.is_finite() && holds(value) {
        return Ok(());
    }
    Err(format!("a {name} {expected} instead of {value}"))
}
