//! What a network has to beat: class shares, the mean, linear and logistic regression.
//!
//! They work in 64 bits on encoded features ([`crate::Encoded::to_linear`]) and share no code with the networks, so that each is a check
//! on the other.

mod lbfgs;
mod linear;
mod logistic;

pub use linear::LinearRegression;
pub use logistic::LogisticRegression;

use crate::error::{Error, Result};

/// Predicts the training rows' class shares for every row; its class is the commonest.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassPriors {
    /// The share of each class.
    pub priors: Vec<f64>,
}

impl ClassPriors {
    /// Counts the classes, numbered from 0.
    ///
    /// # Errors
    /// No row, or a class that is not below `classes`.
    pub fn fit(y: &[i32], classes: usize) -> Result<Self> {
        let mut counts = vec![0usize; classes];
        for &class in y {
            counts[check_class(class, classes)?] += 1;
        }
        if y.is_empty() {
            return Err(fail("there is no row"));
        }
        Ok(Self { priors: counts.iter().map(|&n| n as f64 / y.len() as f64).collect() })
    }

    /// The commonest class; of equally common ones the first.
    pub fn majority(&self) -> usize {
        let better = |best: usize, i: usize| if self.priors[i] > self.priors[best] { i } else { best };
        (0..self.priors.len()).fold(0, better)
    }
}

/// Predicts the training rows' mean for every row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub value: f64,
}

impl Mean {
    /// The mean of some values.
    ///
    /// # Errors
    /// No value.
    pub fn fit(y: &[f64]) -> Result<Self> {
        if y.is_empty() {
            return Err(fail("there is no row"));
        }
        Ok(Self { value: crate::scaling::mean_std(y).0 })
    }
}

fn check_class(class: i32, classes: usize) -> Result<usize> {
    usize::try_from(class)
        .ok()
        .filter(|&c| c < classes)
        .ok_or_else(|| fail(&format!("expected classes below {classes}, received {class}")))
}

fn fail(problem: &str) -> Error {
    Error::Baseline { problem: problem.to_owned() }
}
