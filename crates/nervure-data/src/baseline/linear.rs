//! Linear regression by least squares.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use super::{fail, lbfgs};
use crate::error::Result;

/// y ≈ x · w + b with the least sum of squared errors.
///
/// Columns may depend on each other, as one-hot columns do, and there may be more of them than rows: of all solutions it takes nearly the
/// smallest in standardised columns.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearRegression {
    /// w, a weight a column.
    pub coefficients: Array1<f64>,
    /// b.
    pub intercept: f64,
}

/// Up to this order a Gram matrix is factored; beyond it, iterations over the rows are faster.
const DIRECT: usize = 1500;

/// Added to the diagonal of the Gram matrix, relative to it: far above rounding, and taken out again by refinement.
const RIDGE: f64 = 1e-10;

impl LinearRegression {
    /// Fits on rows × columns and a value a row.
    ///
    /// # Errors
    /// No row, another number of values than rows, or numbers that are not finite.
    pub fn fit(x: ArrayView2<'_, f64>, y: ArrayView1<'_, f64>) -> Result<Self> {
        if x.nrows() == 0 || x.nrows() != y.len() {
            return Err(fail(&format!("expected a value a row, received {} for {}", y.len(), x.nrows())));
        }
        if !x.iter().chain(&y).all(|v| v.is_finite()) {
            return Err(fail("a number is not finite"));
        }
        let standard = Standard::new(x);
        let z = standard.apply(x);
        let mean = y.mean().unwrap_or(0.0);
        let residual = &y - mean;
        let weights = if z.nrows().min(z.ncols()) <= DIRECT {
            least_squares(&z, &residual)
        } else {
            let rows = z.nrows() as f64;
            let objective = |w: &Array1<f64>| {
                let error = z.dot(w) - &residual;
                (error.dot(&error) / (2.0 * rows), z.t().dot(&error) / rows)
            };
            lbfgs::minimize(objective, Array1::zeros(z.ncols()), 1e-8 * residual.dot(&residual).sqrt())
        };
        let coefficients = &weights * &standard.factors;
        let intercept = mean - coefficients.dot(&standard.means);
        Ok(Self { coefficients, intercept })
    }

    /// The predicted value of each row.
    pub fn predict(&self, x: ArrayView2<'_, f64>) -> Array1<f64> {
        x.dot(&self.coefficients) + self.intercept
    }
}

/// Columns brought to mean 0 and deviation 1, constant ones to 0.
struct Standard {
    means: Array1<f64>,
    factors: Array1<f64>,
}

impl Standard {
    fn new(x: ArrayView2<'_, f64>) -> Self {
        let means = x.mean_axis(Axis(0)).expect("there is a row");
        let mut factors = x.std_axis(Axis(0), 0.0);
        factors.zip_mut_with(&means, |std, mean| {
            // What rounding leaves of a constant is no spread.
            let flat = *std <= 1e-12 * mean.abs();
            *std = if flat { 0.0 } else { 1.0 / *std };
        });
        Self { means, factors }
    }

    fn apply(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        (&x - &self.means.view().insert_axis(Axis(0))) * self.factors.view().insert_axis(Axis(0))
    }
}

/// The solution of z w ≈ y through the smaller of zᵀz and z zᵀ.
///
/// A ridge λ makes the matrix definite. Refinement with the residuals of the true problem then shrinks its effect in every direction
/// of singular value σ by λ / (σ² + λ) a step, while directions without any spread stay at 0.
fn least_squares(z: &Array2<f64>, y: &Array1<f64>) -> Array1<f64> {
    let tall = z.nrows() >= z.ncols();
    let gram = if tall { z.t().dot(z) } else { z.dot(&z.t()) };
    let scale = gram.diag().iter().fold(0.0, |a: f64, &b| a.max(b));
    let mut weights = Array1::zeros(z.ncols());
    if scale == 0.0 {
        return weights;
    }
    let factor = cholesky(gram, RIDGE * scale);
    for _ in 0..3 {
        let residual = y - &z.dot(&weights);
        if tall {
            weights += &solve(&factor, z.t().dot(&residual));
        } else {
            weights += &z.t().dot(&solve(&factor, residual));
        }
    }
    weights
}

/// The lower factor L of a + ridge · I = L Lᵀ.
fn cholesky(mut a: Array2<f64>, ridge: f64) -> Array2<f64> {
    for j in 0..a.nrows() {
        let done: Vec<f64> = a.row(j).iter().take(j).copied().collect();
        let pivot = a[[j, j]] + ridge - done.iter().map(|v| v * v).sum::<f64>();
        // Rounding may eat a pivot up, but not the ridge.
        let pivot = pivot.max(ridge / 2.0).sqrt();
        a[[j, j]] = pivot;
        for i in j + 1..a.nrows() {
            let sum: f64 = a.row(i).iter().zip(&done).map(|(x, y)| x * y).sum();
            a[[i, j]] = (a[[i, j]] - sum) / pivot;
        }
    }
    a
}

/// Solves L Lᵀ x = b.
fn solve(factor: &Array2<f64>, mut b: Array1<f64>) -> Array1<f64> {
    let n = b.len();
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| factor[[i, k]] * b[k]).sum();
        b[i] = (b[i] - sum) / factor[[i, i]];
    }
    for i in (0..n).rev() {
        b[i] /= factor[[i, i]];
        for k in 0..i {
            b[k] -= factor[[i, k]] * b[i];
        }
    }
    b
}
