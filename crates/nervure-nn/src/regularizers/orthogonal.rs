use nervure_graph::{DType, Tensor};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::regularizers::Regularizer;
use crate::settings::settings;
use crate::word::{Sample, Samples, kind};

settings! {
    /// factor · mean of |cos| over the pairs of a matrix's rows, or of its columns: 0 where they are orthogonal.
    ///
    /// Cosines are of vectors of length 1, made by division by max(|x|, 10⁻⁷).
    ///
    /// ```
    /// use nervure_nn::prelude::*;
    /// let layer = Dense::new(4).kernel_regularizer(OrthogonalRegularizer::new().factor(0.05).mode(Vectors::Columns));
    /// ```
    #[derive(Copy)]
    pub struct OrthogonalRegularizer {
        /// The factor.
        factor: f64 = 0.01,
        /// Which vectors are to be orthogonal.
        mode: Vectors = Vectors::Rows,
    }
}
kind!(OrthogonalRegularizer | "orthogonal_regularizer");

/// The vectors of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vectors {
    /// Its rows.
    Rows,
    /// Its columns.
    Columns,
}

impl Regularizer for OrthogonalRegularizer {
    fn lower<'g>(&self, x: Tensor<'g>) -> Tensor<'g> {
        let along = match self.mode {
            Vectors::Rows => 1,
            Vectors::Columns => 0,
        };
        let norm = x.square().sum(&[along]).keep_axes(x, &[along]).sqrt();
        let unit = x / norm.max(norm.constant(EPSILON));
        let rows = along == 1;
        let cosines = unit.matmul_with(unit, !rows, rows);
        let shape = cosines.shape();
        let place = |axis| x.builder().iota(DType::I64, shape.clone(), axis);
        let apart = place(0).not_equal(place(1));
        // One vector alone is orthogonal to all others.
        let count = shape[0].as_const().unwrap_or(0).max(2) as f64;
        let sum = (cosines.abs() * apart.cast(DType::F32)).sum_all();
        sum * (self.factor / (count * (count - 1.0)))
    }

    fn accepts(&self, shape: &[usize]) -> Result<(), &'static str> {
        if shape.len() == 2 { Ok(()) } else { Err("a weight of two axes") }
    }
}

/// Keras's `epsilon`, below which no norm is.
const EPSILON: f64 = 1e-7;

impl Samples<dyn Regularizer> for OrthogonalRegularizer {
    fn samples() -> Vec<Sample<dyn Regularizer>> {
        vec![
            Sample::new(OrthogonalRegularizer::new(), []),
            Sample::new(OrthogonalRegularizer::new().factor(0.1).mode(Vectors::Columns), []),
        ]
    }
}
