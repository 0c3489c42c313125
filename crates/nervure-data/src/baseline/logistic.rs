//! Logistic regression, binary and multinomial.

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, Axis, s};

use super::{check_class, fail, lbfgs};
use crate::error::Result;

/// Probabilities softmax(x · w + b), or σ(x · w + b) for two classes, with the least Σ log-loss + ‖w‖² / 2: scikit-learn's default
/// (L2, C = 1, b not penalised). It expects standardised columns.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticRegression {
    /// w, a row a class; for two classes only that of the second.
    pub coefficients: Array2<f64>,
    /// b, one a row of the coefficients.
    pub intercepts: Array1<f64>,
}

impl LogisticRegression {
    /// Fits on rows × columns and a class a row, numbered from 0, until no component of the mean gradient passes 1e-8.
    ///
    /// # Errors
    /// No row, another number of classes than rows, fewer than two `classes`, a class that is not below them, or numbers that are not
    /// finite.
    pub fn fit(x: ArrayView2<'_, f64>, y: &[i32], classes: usize) -> Result<Self> {
        if x.nrows() == 0 || x.nrows() != y.len() {
            return Err(fail(&format!("expected a class a row, received {} for {}", y.len(), x.nrows())));
        }
        if classes < 2 {
            return Err(fail(&format!("expected at least two classes, received {classes}")));
        }
        if !x.iter().all(|v| v.is_finite()) {
            return Err(fail("a number is not finite"));
        }
        let y = y.iter().map(|&class| check_class(class, classes)).collect::<Result<Vec<_>>>()?;
        let (rows, columns) = x.dim();
        let heads = if classes == 2 { 1 } else { classes };
        let unpack = |parameters: &Array1<f64>| {
            let (w, b) = parameters.view().split_at(Axis(0), heads * columns);
            let w = w.to_shape((heads, columns)).expect("the parameters begin with the weights").into_owned();
            (w, b.to_owned())
        };
        let objective = |parameters: &Array1<f64>| {
            let (w, b) = unpack(parameters);
            let mut scores = x.dot(&w.t()) + &b;
            let mut loss = 0.5 * w.iter().map(|v| v * v).sum::<f64>();
            // From here on `scores` becomes the loss's gradient by the scores.
            for (mut score, &class) in scores.rows_mut().into_iter().zip(&y) {
                if heads == 1 {
                    let margin = if class == 1 { score[0] } else { -score[0] };
                    loss += softplus(-margin);
                    score[0] = sigmoid(score[0]) - class as f64;
                } else {
                    let own = score[class];
                    loss += softmax(score.view_mut()) - own;
                    score[class] -= 1.0;
                }
            }
            let mut gradient = Array1::zeros(parameters.len());
            let by_weights = scores.t().dot(&x) + &w;
            gradient
                .slice_mut(s![..heads * columns])
                .assign(&by_weights.to_shape(heads * columns).expect("as many weights as before"));
            gradient.slice_mut(s![heads * columns..]).assign(&scores.sum_axis(Axis(0)));
            (loss / rows as f64, gradient / rows as f64)
        };
        let start = Array1::zeros(heads * (columns + 1));
        let (coefficients, intercepts) = unpack(&lbfgs::minimize(objective, start, 1e-8));
        Ok(Self { coefficients, intercepts })
    }

    /// The probability of each class, rows × classes.
    pub fn predict(&self, x: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut scores = x.dot(&self.coefficients.t()) + &self.intercepts;
        if scores.ncols() == 1 {
            let positive = scores.column(0).mapv(sigmoid);
            return ndarray::stack![Axis(1), 1.0 - &positive, positive];
        }
        for row in scores.rows_mut() {
            softmax(row);
        }
        scores
    }
}

fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

/// ln(1 + eˣ) without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Turns scores into probabilities and returns ln Σ eˢ.
fn softmax(mut scores: ArrayViewMut1<'_, f64>) -> f64 {
    let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.mapv_inplace(|score| (score - top).exp());
    let sum = scores.sum();
    scores /= sum;
    top + sum.ln()
}
